//! A number for all that is stored, by which two states are told apart.

use es_core::store::{DocumentRange, DocumentWrite, EventStore, Filter, MemoryStore};
use es_core::{Metadata, Position};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What has been counted of a store so far.
#[derive(Default)]
pub(super) struct Tally {
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    log: Log,
    collections: BTreeSet<Arc<str>>,
    edits: u64,
    /// The number of what is stored, until that changes.
    stored: Option<u64>,
}

/// The log up to a position: it only grows. Ids that nobody has stated are drawn anew in each run, so that events
/// are compared without theirs, and without those in their metadata.
#[derive(Clone, Default)]
struct Log {
    read: Position,
    hash: u64,
}

impl Tally {
    /// Nothing panics while the lock is held.
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There may be documents in these collections from now on.
    pub fn keeps(&self, writes: &[DocumentWrite]) {
        let mut counted = self.counted();
        for write in writes {
            if !counted.collections.contains(&write.collection) {
                counted.collections.insert(write.collection.clone());
            }
        }
    }

    /// What is stored has changed.
    pub fn changed(&self) {
        self.counted().stored = None;
    }

    /// Events that were counted are about to change.
    pub fn edited(&self) {
        self.counted().edits += 1;
    }

    /// The number of what is stored.
    pub async fn of(&self, store: &MemoryStore) -> u64 {
        if let Some(stored) = self.counted().stored {
            return stored;
        }
        let (mut log, collections, edits) = {
            let mut counted = self.counted();
            (std::mem::take(&mut counted.log), std::mem::take(&mut counted.collections), counted.edits)
        };
        log.grow(store).await;
        let mut hasher = DefaultHasher::new();
        (log.hash, edits).hash(&mut hasher);
        for processor in store.processors("").await.unwrap_or_default() {
            (processor.name, processor.checkpoint.position).hash(&mut hasher);
        }
        let all = DocumentRange { limit: u32::MAX, ..DocumentRange::default() };
        for collection in &collections {
            for document in store.list_documents(collection, &all).await.unwrap_or_default() {
                (collection, document.key, document.position, document.body).hash(&mut hasher);
            }
        }
        let stored = hasher.finish();
        let mut counted = self.counted();
        counted.log = log;
        counted.collections.extend(collections);
        counted.stored = Some(stored);
        stored
    }
}

impl Log {
    async fn grow(&mut self, store: &MemoryStore) {
        while let Ok(page) = store.read_log(self.read, &Filter::default(), 1_000).await {
            if page.scanned_to <= self.read {
                return;
            }
            self.read = page.scanned_to;
            for event in page.events {
                let mut hasher = DefaultHasher::new();
                (self.hash, event.stream.as_str(), event.version, &event.name, event.schema)
                    .hash(&mut hasher);
                (event.payload, event.recorded_at, said(&event.metadata)).hash(&mut hasher);
                self.hash = hasher.finish();
            }
        }
    }
}

/// Metadata without ids: who has said it, by which command, and whatever else was said about it.
fn said(metadata: &[u8]) -> Vec<u8> {
    let Ok(mut known) = serde_json::from_slice::<Metadata>(metadata) else { return metadata.to_vec() };
    (known.command_id, known.correlation_id, known.causation_id) = (None, None, None);
    serde_json::to_vec(&known).unwrap_or_default()
}
