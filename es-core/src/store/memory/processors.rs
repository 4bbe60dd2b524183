//! Processors in memory: their checkpoints, their leases by a clock that only goes forward, their documents.

use crate::store::processor::belongs;
use crate::store::{
    Advance, AdvanceError, AppendError, Checkpoint, DocumentRange, DocumentWrite, Inline, Lease,
    StoredDocument, StoredProcessor,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The longest time to live of a lease, so that its end is a time that a clock can show.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// All processors and all documents.
#[derive(Default)]
pub(super) struct Processors {
    known: BTreeMap<Arc<str>, Processor>,
    collections: HashMap<Arc<str>, BTreeMap<String, StoredDocument>>,
    /// The last epoch that was given. No two leases of a store have the same, not even those of a processor
    /// that was forgotten in between.
    last_epoch: u64,
}

struct Processor {
    checkpoint: Checkpoint,
    /// Who has taken it; the epoch stays theirs when the time has run out, until somebody else takes it.
    holder: Option<Holder>,
}

struct Holder {
    owner: Uuid,
    epoch: u64,
    until: Instant,
}

impl Holder {
    fn is_in_time(&self) -> bool {
        Instant::now() < self.until
    }
}

impl Processor {
    /// Whoever holds the lease, if it has not run out.
    fn owner(&self) -> Option<Uuid> {
        self.holder.as_ref().filter(|holder| holder.is_in_time()).map(|holder| holder.owner)
    }
}

impl Processors {
    pub fn register(&mut self, name: &str, start: Checkpoint) -> Checkpoint {
        if let Some(processor) = self.known.get(name) {
            return processor.checkpoint;
        }
        self.known.insert(name.into(), Processor { checkpoint: start, holder: None });
        start
    }

    pub fn list(&self, prefix: &str) -> Vec<StoredProcessor> {
        let from = self.known.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, processor)| StoredProcessor {
                name: name.clone(),
                checkpoint: processor.checkpoint,
                owner: processor.owner(),
            })
            .collect()
    }

    pub fn acquire(&mut self, name: &str, owner: Uuid, ttl: Duration) -> Option<Lease> {
        let (name, _) = self.known.get_key_value(name)?;
        let name = name.clone();
        let processor = self.known.get_mut(&name)?;
        if processor.owner().is_some_and(|holder| holder != owner) {
            return None;
        }
        self.last_epoch += 1;
        let epoch = self.last_epoch;
        processor.holder = Some(Holder { owner, epoch, until: end_of(ttl) });
        Some(Lease { processor: name, owner, epoch, checkpoint: processor.checkpoint })
    }

    pub fn renew(&mut self, lease: &Lease, ttl: Duration) -> Result<(), AdvanceError> {
        if let Some(Processor { holder: Some(holder), .. }) = self.known.get_mut(&lease.processor)
            && holder.epoch == lease.epoch
        {
            holder.until = end_of(ttl);
            return Ok(());
        }
        Err(AdvanceError::Fenced { processor: lease.processor.clone() })
    }

    pub fn release(&mut self, lease: &Lease) {
        if let Some(processor) = self.known.get_mut(&lease.processor) {
            processor.holder.take_if(|holder| holder.epoch == lease.epoch);
        }
    }

    /// Whether what is written under this epoch may still be written.
    pub fn holds(&self, name: &str, epoch: u64) -> bool {
        let holder = self.known.get(name).and_then(|processor| processor.holder.as_ref());
        holder.is_some_and(|holder| holder.epoch == epoch)
    }

    pub fn advance(&mut self, advance: Advance) -> Result<(), AdvanceError> {
        advance.check()?;
        if !self.holds(&advance.processor, advance.epoch) {
            return Err(AdvanceError::Fenced { processor: advance.processor });
        }
        advance.require(self.checkpoint(&advance.processor).unwrap_or_default())?;
        for write in self.staged(advance.writes)? {
            let (collection, key, document) = write;
            let documents = self.collections.entry(collection).or_default();
            match document {
                Some(document) => documents.insert(key, document),
                None => documents.remove(&key),
            };
        }
        if let Some(to) = advance.to {
            self.reach(&advance.processor, to);
        }
        Ok(())
    }

    /// How far a processor has come, if it is registered.
    pub fn checkpoint(&self, name: &str) -> Option<Checkpoint> {
        self.known.get(name).map(|processor| processor.checkpoint)
    }

    /// Takes a processor on to `to`.
    pub fn reach(&mut self, name: &str, to: Checkpoint) {
        if let Some(processor) = self.known.get_mut(name) {
            processor.checkpoint.reach(to);
        }
    }

    /// Makes sure that documents are as they were when a commit with them was decided.
    pub fn require(&self, inline: &Inline) -> Result<(), AppendError> {
        for required in &inline.requires {
            required.require(self.document(&required.collection, &required.key))?;
        }
        let writes = &inline.writes;
        writes.iter().try_for_each(|write| write.require(self.document(&write.collection, &write.key)))
    }

    /// Stores what goes with a commit, whatever is there.
    pub fn put(&mut self, writes: impl IntoIterator<Item = DocumentWrite>) {
        for write in writes {
            let (collection, key) = (write.collection.clone(), write.key.clone());
            let next = write.over(self.document(&collection, &key));
            let documents = self.collections.entry(collection).or_default();
            match next {
                Some(document) => documents.insert(key, document),
                None => documents.remove(&key),
            };
        }
    }

    fn document(&self, collection: &str, key: &str) -> Option<&StoredDocument> {
        self.collections.get(collection)?.get(key)
    }

    /// What is to be stored in which place, if every document is at the revision it was read at.
    fn staged(&self, writes: Vec<DocumentWrite>) -> Result<Vec<Staged>, AdvanceError> {
        let mut staged = Vec::with_capacity(writes.len());
        for write in writes {
            let stored = self.document(&write.collection, &write.key);
            if write.is_due(stored)? {
                staged.push((write.collection.clone(), write.key.clone(), write.over(stored)));
            }
        }
        Ok(staged)
    }

    pub fn documents(&self, collection: &str, keys: &[String]) -> Vec<StoredDocument> {
        let Some(documents) = self.collections.get(collection) else { return Vec::new() };
        keys.iter().filter_map(|key| documents.get(key)).cloned().collect()
    }

    pub fn list_documents(&self, collection: &str, range: &DocumentRange) -> Vec<StoredDocument> {
        let Some(documents) = self.collections.get(collection) else { return Vec::new() };
        let after = range.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        documents
            .range::<str, _>((after, Bound::Unbounded))
            .take_while(|(key, _)| range.until.as_ref().is_none_or(|until| *key <= until))
            .take(range.limit.max(1) as usize)
            .map(|(_, document)| document.clone())
            .collect()
    }

    pub fn forget(&mut self, name: &str) -> Result<(), AdvanceError> {
        if self.known.get(name).is_some_and(|processor| processor.owner().is_some()) {
            return Err(AdvanceError::Fenced { processor: name.into() });
        }
        self.known.remove(name);
        self.collections.retain(|collection, _| !belongs(collection, name));
        Ok(())
    }
}

/// A collection, a key in it, and what shall be stored there.
type Staged = (Arc<str>, String, Option<StoredDocument>);

fn end_of(ttl: Duration) -> Instant {
    Instant::now() + ttl.min(LONGEST)
}
