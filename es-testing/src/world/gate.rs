//! A store with somebody at its door: a rival who is faster than the next append, a witness who sees what
//! goes by, and a porter who lets a reactor have its last event once more.

use super::Witness;
use es_core::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, EventStore, Lease, MemoryStore,
    ReadError, StoreFuture,
};
use es_core::{StreamId, uuid::Uuid};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a rival does when it is let in.
pub(crate) type Rival = StoreFuture<'static, ()>;

/// The store that scenarios and flows run on: one in memory.
///
/// A [`flow`](crate::flow) builds its app over it, so it is what `S` is in the function that mounts the app.
#[derive(Clone)]
pub struct Gate {
    pub(super) log: MemoryStore,
    rival: Arc<Mutex<Option<(StreamId, Rival)>>>,
    conflicts: Arc<AtomicU32>,
    witness: Option<Witness>,
    /// Where processors are said to be, once.
    places: Arc<Mutex<HashMap<Arc<str>, Checkpoint>>>,
}

impl Gate {
    /// A gate to this store, with nobody waiting at it.
    pub(crate) fn to(log: MemoryStore) -> Self {
        Self { log, rival: Arc::default(), conflicts: Arc::default(), witness: None, places: Arc::default() }
    }

    /// The same, and somebody sees what goes through.
    pub(crate) fn seen_by(log: MemoryStore, witness: Witness) -> Self {
        Self { witness: Some(witness), ..Self::to(log) }
    }

    /// Lets a rival in before the next append to this stream.
    pub(crate) fn expect_rival(&self, stream: StreamId, rival: Rival) {
        *self.rival.lock().unwrap_or_else(PoisonError::into_inner) = Some((stream, rival));
    }

    /// The rival, if it still waits.
    pub(crate) fn take_rival(&self) -> Option<Rival> {
        self.rival_for(|_| true)
    }

    fn rival_for(&self, wanted: impl FnOnce(&StreamId) -> bool) -> Option<Rival> {
        let mut rival = self.rival.lock().unwrap_or_else(PoisonError::into_inner);
        rival.take_if(|(stream, _)| wanted(stream)).map(|(_, rival)| rival)
    }

    /// How many appends have met a conflict so far.
    pub(crate) fn conflicts(&self) -> u32 {
        self.conflicts.load(Ordering::SeqCst)
    }

    /// Says that a processor has come just so far, when its lease is taken the next time. So it looks as if
    /// it had died before it wrote that it was farther.
    pub(crate) fn set_back(&self, processor: Arc<str>, to: Checkpoint) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(processor, to);
    }

    fn place(&self, processor: &str) -> Option<Checkpoint> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(processor)
    }

    /// Stores a commit, under the eyes of the witness.
    async fn store(&self, commit: Commit) -> Result<Appended, AppendError> {
        let Some(witness) = &self.witness else { return self.log.append(commit).await };
        if !witness.admits() {
            return Err(AppendError::Unavailable { cause: "there is no end to it".into() });
        }
        let appended = self.log.append(commit.clone()).await?;
        if !appended.duplicate {
            for (part, head) in commit.parts.iter().zip(&appended.heads) {
                witness.stored(part, *head);
            }
            for write in commit.inline.iter().flat_map(|inline| &inline.writes) {
                witness.wrote(self, write).await;
            }
        }
        Ok(appended)
    }
}

impl EventStore for Gate {
    es_core::__forward!(log: capabilities, read_stream, read_log, find_event, head, wait);
    es_core::__forward!(log: close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot);
    es_core::__forward!(log: register, processors, renew, release, documents, list_documents, forget);

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let rival = self.rival_for(|stream| commit.parts.iter().any(|part| part.stream == *stream));
            if let Some(rival) = rival {
                rival.await;
            }
            let appended = self.store(commit).await;
            if matches!(appended, Err(AppendError::Conflict { .. })) {
                self.conflicts.fetch_add(1, Ordering::SeqCst);
            }
            appended
        })
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        Box::pin(async move {
            let taken = self.log.acquire(processor, owner, ttl).await?;
            Ok(taken.map(|lease| match self.place(processor) {
                Some(checkpoint) => Lease { checkpoint, ..lease },
                None => lease,
            }))
        })
    }

    fn advance(&self, mut advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move {
            let Some(witness) = &self.witness else { return self.log.advance(advance).await };
            if !witness.admits() {
                return Err(AdvanceError::Unavailable("there is no end to it".into()));
            }
            // Who is set back finds what it kept for its keys: an empty document goes together with the
            // checkpoint behind it, and that is what is set back.
            advance.writes.retain(|write| write.body.is_some() || !write.collection.ends_with("/keys"));
            let writes = advance.writes.clone();
            self.log.advance(advance).await?;
            for write in &writes {
                witness.wrote(self, write).await;
            }
            Ok(())
        })
    }
}
