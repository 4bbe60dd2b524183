//! Documents in memory while the events of a page are applied to them.

use super::error::{chain, method_error, panicked};
use super::events::{self, Failure, Method, stopped};
use crate::event::RawEvent;
use crate::id::Position;
use crate::incoming::{Message, Takes};
use crate::key::Key;
use crate::projection::{Change, Document, DocumentMethod, Projection};
use crate::runtime::Halt;
use crate::store::{DocumentWrite, StoredDocument, StoredEvent};
use crate::upcast::PayloadError;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl<P: Projection> Method for DocumentMethod<P> {
    fn takes(&self) -> Takes {
        self.takes
    }
    fn reads(&self) -> fn(&RawEvent) -> Result<Message, PayloadError> {
        self.read
    }
    fn sees_metadata(&self) -> bool {
        self.sees_metadata
    }
}

/// Some documents of a projection, by key.
pub(super) struct Sheet<P: Projection> {
    /// By the key itself, which an event is asked for more often than the text of it is needed.
    places: HashMap<P::Key, usize>,
    /// Two keys that are stored under one text share a document.
    texts: HashMap<String, usize>,
    slots: Vec<Slot<P>>,
    /// How many slots hold what is stored.
    read: usize,
    /// To how many of them an event was applied since.
    changed: usize,
    /// About how many bytes the slots take.
    size: usize,
}

struct Slot<P> {
    key: String,
    document: Option<P>,
    /// As it is stored: 0 where it is not.
    revision: u64,
    /// Events up to here are in the stored document.
    stored: Position,
    /// The last event that was applied here since.
    applied: Option<Position>,
    /// About how many bytes it takes.
    size: usize,
}

/// Events with the documents that each of their methods changes, in order.
pub(super) struct Plan<P: Projection> {
    /// Of the event that is just read.
    messages: Vec<(&'static DocumentMethod<P>, Message)>,
    steps: Vec<Step>,
    calls: Vec<Call<P>>,
    /// Each with its place in the sheet.
    keys: Vec<(P::Key, usize)>,
}

/// An event, and where its calls end.
struct Step {
    event: RawEvent,
    calls: usize,
}

/// A method with what it takes, and where its keys end.
struct Call<P: Projection> {
    method: &'static DocumentMethod<P>,
    message: Message,
    keys: usize,
}

impl<P: Projection> Plan<P> {
    pub fn new() -> Self {
        Self { messages: Vec::new(), steps: Vec::new(), calls: Vec::new(), keys: Vec::new() }
    }

    /// How many events are in it.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The most documents that its events change.
    pub fn changes(&self) -> usize {
        self.keys.len()
    }

    /// Where its `n`-th event stands.
    pub fn position(&self, n: usize) -> Option<Position> {
        self.steps.get(n).map(|step| step.event.position)
    }

    fn clear(&mut self) {
        self.steps.clear();
        self.calls.clear();
        self.keys.clear();
    }
}

impl<P: Document> Sheet<P> {
    pub fn new() -> Self {
        Self {
            places: HashMap::new(),
            texts: HashMap::new(),
            slots: Vec::new(),
            read: 0,
            changed: 0,
            size: 0,
        }
    }

    /// Reads an event and finds out its keys, which are in the sheet from then on.
    pub fn plan(&mut self, plan: &mut Plan<P>, stored: &StoredEvent) -> Result<(), Halt> {
        plan.messages.clear();
        let event = events::read_to(&mut plan.messages, P::METHODS, stored)?;
        for (method, message) in plan.messages.drain(..) {
            let keys = catch_unwind(AssertUnwindSafe(|| (method.keys)(&*message, &event)));
            let keys = match keys {
                Ok(Ok(keys)) => keys,
                Ok(Err(error)) => return Err(stopped(method.name, &event, chain(&error))),
                Err(panic) => return Err(stopped(method.name, &event, panicked(&*panic))),
            };
            for key in keys {
                let place = self.place(&key);
                plan.keys.push((key, place));
            }
            plan.calls.push(Call { method, message, keys: plan.keys.len() });
        }
        plan.steps.push(Step { event, calls: plan.calls.len() });
        Ok(())
    }

    fn place(&mut self, key: &P::Key) -> usize {
        if let Some(&place) = self.places.get(key) {
            return place;
        }
        let text = key.text();
        let place = self.texts.get(&text).copied().unwrap_or_else(|| {
            self.texts.insert(text.clone(), self.slots.len());
            let slot = Slot::new(text);
            self.size += slot.size + size_of::<Slot<P>>();
            self.slots.push(slot);
            self.slots.len() - 1
        });
        self.places.insert(key.clone(), place);
        place
    }

    pub fn keys(&self) -> Vec<String> {
        self.slots.iter().map(|slot| slot.key.clone()).collect()
    }

    /// The keys whose documents have not been read yet. From now on they count as read.
    pub fn take_unread(&mut self) -> Vec<String> {
        let from = std::mem::replace(&mut self.read, self.slots.len());
        self.slots[from..].iter().map(|slot| slot.key.clone()).collect()
    }

    /// Puts a stored document in its place.
    pub fn put(&mut self, stored: &StoredDocument) -> Result<(), Halt> {
        let Some(&place) = self.texts.get(&stored.key) else { return Ok(()) };
        let document = serde_json::from_slice(&stored.body).map_err(|error| {
            Halt::Stopped(format!("the document of key \"{}\" cannot be read: {error}", stored.key))
        })?;
        let slot = &mut self.slots[place];
        slot.document = Some(document);
        slot.revision = stored.revision;
        slot.stored = stored.position;
        slot.resize(&mut self.size, stored.body.len());
        Ok(())
    }

    /// Whether all documents are here that the events so far are for.
    pub fn is_read(&self) -> bool {
        self.read == self.slots.len()
    }

    /// Applies what is planned, in order, to the documents that do not have it yet. The plan is empty then.
    pub fn apply(&mut self, plan: &mut Plan<P>) -> Result<(), Failure> {
        let (mut calls, mut keys) = (0, 0);
        for (done, step) in plan.steps.iter().enumerate() {
            for call in &plan.calls[calls..step.calls] {
                for (key, place) in &plan.keys[keys..call.keys] {
                    let slot = &mut self.slots[*place];
                    let before = slot.applied;
                    slot.call(call, &step.event, key).map_err(|halt| Failure { done, halt })?;
                    self.changed += usize::from(before.is_none() && slot.applied.is_some());
                }
                keys = call.keys;
            }
            calls = step.calls;
        }
        plan.clear();
        Ok(())
    }

    /// What is to be written: every document that an event was applied to.
    pub fn writes(&mut self, collection: &Arc<str>) -> Result<Vec<DocumentWrite>, Halt> {
        let mut writes = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            let Some(position) = slot.applied else { continue };
            if slot.document.is_none() && slot.revision == 0 {
                continue;
            }
            let body = slot.document.as_ref().map(|document| body(&slot.key, document)).transpose()?;
            slot.resize(&mut self.size, body.as_ref().map_or(0, Vec::len));
            writes.push(DocumentWrite {
                collection: collection.clone(),
                key: slot.key.clone(),
                revision: Some(slot.revision),
                position,
                body: body.map(Into::into),
            });
        }
        Ok(writes)
    }

    /// How many documents an event was applied to.
    pub fn changed(&self) -> usize {
        self.changed
    }

    /// Takes note that what was to be written is stored.
    pub fn written(&mut self) {
        self.changed = 0;
        for slot in &mut self.slots {
            let Some(position) = slot.applied.take() else { continue };
            (slot.revision, slot.stored) = match slot.document {
                Some(_) => (slot.revision + 1, position),
                None => (0, Position(0)),
            };
        }
    }

    /// About how many bytes the documents take, as they were last read or written.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The document of a key as it would be stored.
    pub fn body(&self, key: &str) -> Option<Result<Vec<u8>, Halt>> {
        let slot = &self.slots[*self.texts.get(key)?];
        slot.document.as_ref().map(|document| body(key, document))
    }
}

impl<P: Projection> Slot<P> {
    fn new(key: String) -> Self {
        let size = key.len();
        Self { key, document: None, revision: 0, stored: Position(0), applied: None, size }
    }

    /// Takes note of how many bytes the document takes, here and in the sum.
    fn resize(&mut self, sum: &mut usize, document: usize) {
        *sum -= self.size;
        self.size = self.key.len() + document;
        *sum += self.size;
    }

    fn call(&mut self, call: &Call<P>, event: &RawEvent, key: &P::Key) -> Result<(), Halt> {
        if self.stored >= event.position {
            return Ok(());
        }
        let change = Change { document: &mut self.document, message: &*call.message, event, key };
        let done = catch_unwind(AssertUnwindSafe(|| (call.method.apply)(change)));
        method_error(done).map_err(|reason| stopped(call.method.name, event, reason))?;
        self.applied = Some(event.position);
        Ok(())
    }
}

fn body<P: Document>(key: &str, document: &P) -> Result<Vec<u8>, Halt> {
    serde_json::to_vec(document).map_err(|error| {
        Halt::Stopped(format!("the document of key \"{key}\" cannot be written as JSON: {error}"))
    })
}
