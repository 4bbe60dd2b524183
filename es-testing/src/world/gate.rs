//! A store in which a rival can be faster: just before the next append, somebody else appends.

use es_core::store::{
    AppendError, Appended, Commit, EventStore, Expected, Filter, LogPage, MemoryStore, ReadError, Redaction,
    StoreFuture, StoredEvent, StoredSnapshot, StreamPage, StreamRead,
};
use es_core::{Position, StreamId, uuid::Uuid};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a rival does when it is let in.
pub(crate) type Rival = StoreFuture<'static, ()>;

/// The way to a store. It lets a rival in before an append, and counts the conflicts.
#[derive(Clone)]
pub(crate) struct Gate {
    log: MemoryStore,
    rival: Arc<Mutex<Option<(StreamId, Rival)>>>,
    conflicts: Arc<AtomicU32>,
}

impl Gate {
    /// A gate to this store, with nobody waiting at it.
    pub(crate) fn to(log: MemoryStore) -> Self {
        Self { log, rival: Arc::default(), conflicts: Arc::default() }
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
}

impl EventStore for Gate {
    es_core::__forward_processors!(log);

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let rival = self.rival_for(|stream| commit.parts.iter().any(|part| part.stream == *stream));
            if let Some(rival) = rival {
                rival.await;
            }
            let appended = self.log.append(commit).await;
            if matches!(appended, Err(AppendError::Conflict { .. })) {
                self.conflicts.fetch_add(1, Ordering::SeqCst);
            }
            appended
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        self.log.read_stream(stream, read)
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        self.log.read_log(after, filter, limit)
    }

    fn find_event(&self, id: Uuid) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        self.log.find_event(id)
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        self.log.head()
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        self.log.wait(after, max)
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.log.close_stream(stream, expected, reason)
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.log.truncate_stream(stream, expected, before)
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        self.log.redact_event(redaction)
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        self.log.load_snapshot(stream, fingerprint)
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        self.log.save_snapshot(snapshot)
    }
}
