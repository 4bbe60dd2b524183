//! Documents in memory while the events of a page are applied to them.

use super::error::{chain, method_error, panicked};
use super::events::{self, Failure, Method, Read, stopped};
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
}

/// Some documents of a projection, by key.
pub(super) struct Sheet<P> {
    places: HashMap<String, usize>,
    slots: Vec<Slot<P>>,
}

struct Slot<P> {
    key: String,
    document: Option<P>,
    /// As it is stored: 0 where it is not.
    revision: u64,
    /// Events up to here are in the stored document.
    stored: Position,
    /// The last event that was applied here.
    applied: Option<Position>,
}

/// An event with the documents that each of its methods changes.
pub(super) struct Step<P: Projection> {
    event: RawEvent,
    calls: Vec<Call<P>>,
}

impl<P: Projection> Step<P> {
    /// Where the event stands.
    pub fn position(&self) -> Position {
        self.event.position
    }
}

struct Call<P: Projection> {
    method: &'static DocumentMethod<P>,
    message: Message,
    /// Each with its place in the sheet.
    keys: Vec<(P::Key, usize)>,
}

impl<P: Document> Sheet<P> {
    pub fn new() -> Self {
        Self { places: HashMap::new(), slots: Vec::new() }
    }

    /// Reads events and finds out their keys, which are in the sheet from then on.
    pub fn plan(&mut self, events: &[StoredEvent]) -> Result<Vec<Step<P>>, Failure> {
        let mut steps = Vec::with_capacity(events.len());
        for (done, stored) in events.iter().enumerate() {
            let step = events::read(P::METHODS, stored).and_then(|read| self.step(read));
            steps.push(step.map_err(|halt| Failure { done, halt })?);
        }
        Ok(steps)
    }

    fn step(&mut self, read: Read<DocumentMethod<P>>) -> Result<Step<P>, Halt> {
        let Read { event, messages } = read;
        let mut calls = Vec::with_capacity(messages.len());
        for (method, message) in messages {
            let keys = catch_unwind(AssertUnwindSafe(|| (method.keys)(&*message, &event)));
            let keys = match keys {
                Ok(Ok(keys)) => keys,
                Ok(Err(error)) => return Err(stopped(method.name, &event, chain(&error))),
                Err(panic) => return Err(stopped(method.name, &event, panicked(&*panic))),
            };
            let keys = keys.into_iter().map(|key| (self.place(key.text()), key));
            let keys = keys.map(|(place, key)| (key, place)).collect();
            calls.push(Call { method, message, keys });
        }
        Ok(Step { event, calls })
    }

    fn place(&mut self, key: String) -> usize {
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        let place = self.slots.len();
        self.places.insert(key.clone(), place);
        self.slots.push(Slot { key, document: None, revision: 0, stored: Position(0), applied: None });
        place
    }

    pub fn keys(&self) -> Vec<String> {
        self.slots.iter().map(|slot| slot.key.clone()).collect()
    }

    /// Puts a stored document in its place.
    pub fn put(&mut self, stored: &StoredDocument) -> Result<(), Halt> {
        let Some(&place) = self.places.get(&stored.key) else { return Ok(()) };
        let document = serde_json::from_slice(&stored.body).map_err(|error| {
            Halt::Stopped(format!("the document of key \"{}\" cannot be read: {error}", stored.key))
        })?;
        let slot = &mut self.slots[place];
        slot.document = Some(document);
        slot.revision = stored.revision;
        slot.stored = stored.position;
        Ok(())
    }

    /// Applies events, in order, to the documents that do not have them yet.
    pub fn apply(&mut self, steps: &[Step<P>]) -> Result<(), Failure> {
        for (done, step) in steps.iter().enumerate() {
            for call in &step.calls {
                self.call(call, &step.event).map_err(|halt| Failure { done, halt })?;
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &Call<P>, event: &RawEvent) -> Result<(), Halt> {
        for (key, place) in &call.keys {
            let slot = &mut self.slots[*place];
            if slot.stored >= event.position {
                continue;
            }
            let change = Change { document: &mut slot.document, message: &*call.message, event, key };
            let done = catch_unwind(AssertUnwindSafe(|| (call.method.apply)(change)));
            method_error(done).map_err(|reason| stopped(call.method.name, event, reason))?;
            slot.applied = Some(event.position);
        }
        Ok(())
    }

    /// What is to be written: every document that an event was applied to.
    pub fn into_writes(self, collection: &Arc<str>) -> Result<Vec<DocumentWrite>, Halt> {
        let mut writes = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            let Some(position) = slot.applied else { continue };
            if slot.document.is_none() && slot.revision == 0 {
                continue;
            }
            let body = slot.document.map(|document| body(&slot.key, &document)).transpose()?;
            writes.push(DocumentWrite {
                collection: collection.clone(),
                key: slot.key,
                revision: Some(slot.revision),
                position,
                body: body.map(Into::into),
            });
        }
        Ok(writes)
    }

    /// The document of a key as it would be stored.
    pub fn body(&self, key: &str) -> Option<Result<Vec<u8>, Halt>> {
        let slot = &self.slots[*self.places.get(key)?];
        slot.document.as_ref().map(|document| body(key, document))
    }
}

fn body<P: Document>(key: &str, document: &P) -> Result<Vec<u8>, Halt> {
    serde_json::to_vec(document).map_err(|error| {
        Halt::Stopped(format!("the document of key \"{key}\" cannot be written as JSON: {error}"))
    })
}
