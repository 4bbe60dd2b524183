//! The documents of a projection, as events change them.

use crate::fault::Fault;
use crate::reactor::panic_text;
use es_core::__testing::{self as inside, Change};
use es_core::serde_json::{self, Value};
use es_core::{Document, Envelope, Key, Position, RawEvent};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How events come to a projection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// All at once: documents stay in memory in between.
    OneBatch,
    /// One by one, and each of them twice: documents are written and read in between.
    ManyBatches,
}

/// The documents by the text of their key.
pub(super) struct Documents<P: Document> {
    by_key: BTreeMap<String, Kept<P>>,
}

struct Kept<P: Document> {
    key: P::Key,
    document: Option<P>,
    /// Of the last event that is in it.
    position: Position,
}

impl<P: Document> Documents<P> {
    /// What these events lead to.
    pub(super) fn after(events: &[RawEvent], course: Course) -> Result<Self, Fault> {
        let mut documents = Self { by_key: BTreeMap::new() };
        for event in events {
            documents.take(event)?;
            if course == Course::ManyBatches {
                documents.store()?;
                documents.take(event)?;
                documents.store()?;
            }
        }
        Ok(documents)
    }

    /// Every document as JSON, with its key as it prints itself.
    pub(super) fn values(&self) -> Result<BTreeMap<String, (String, Value)>, Fault> {
        let there = self.by_key.iter().filter_map(|(text, kept)| Some((text, kept, kept.document.as_ref()?)));
        there
            .map(|(text, kept, document)| Ok((text.clone(), (format!("{:?}", kept.key), value(document)?))))
            .collect()
    }

    fn take(&mut self, event: &RawEvent) -> Result<(), Fault> {
        let stops = |method: &str, why: String| {
            let Envelope { stream, version, .. } = &event.envelope;
            Fault::new(format!("the projection stops at {stream}@{version}: {method} {why}"))
        };
        let mut seen: Vec<String> = Vec::new();
        for method in P::METHODS.iter().filter(|method| inside::takes(&method.takes, event)) {
            let message = (method.read)(event)
                .map_err(|error| stops(method.name, format!("cannot read it: {error:?}")))?;
            let keys = caught(|| (method.keys)(&*message, event));
            let keys = keys.and_then(|keys| keys.map_err(|error| format!("finds no key: {error}")));
            for key in keys.map_err(|why| stops(method.name, why))? {
                let text = key.text();
                let kept = self.by_key.entry(text.clone()).or_insert_with(|| Kept {
                    key,
                    document: None,
                    position: Position(0),
                });
                // What is in it already is not added again, but for what another method adds to it now.
                if kept.position >= event.position && !seen.contains(&text) {
                    continue;
                }
                kept.position = event.position;
                seen.push(text);
                let change =
                    Change { document: &mut kept.document, message: &*message, event, key: &kept.key };
                let applied = caught(|| (method.apply)(change));
                let applied = applied.and_then(|done| done.map_err(|error| format!("failed: {error}")));
                applied.map_err(|why| stops(method.name, why))?;
            }
        }
        Ok(())
    }

    /// Writes every document and reads it back.
    fn store(&mut self) -> Result<(), Fault> {
        // A document that is gone has left its position behind.
        self.by_key.retain(|_, kept| kept.document.is_some());
        for kept in self.by_key.values_mut() {
            if let Some(document) = &kept.document {
                kept.document = Some(super::laws::round_trip(&kept.key, document)?);
            }
        }
        Ok(())
    }
}

/// A document as JSON.
pub(super) fn value<P: Document>(document: &P) -> Result<Value, Fault> {
    serde_json::to_value(document)
        .map_err(|error| Fault::new(format!("a document of {} cannot be written: {error}", P::NAME)))
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panicked: Box<dyn Any + Send>| format!("panicked: {}", panic_text(panicked)))
}
