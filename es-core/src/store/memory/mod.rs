//! A store in memory: for tests, and for what may be gone when the process ends.

mod inline;
mod log;
mod processors;

use super::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventSearch, EventStore,
    Expected, Filter, Lease, LogPage, ReadError, Redaction, StoreFuture, StoredDocument, StoredEvent,
    StoredProcessor, StoredSnapshot, StreamPage, StreamRead, limits,
};
use crate::id::{Position, StreamId};
use log::Inner;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// A store in memory. Clones are the same store; what it holds goes with the last of them.
///
/// It keeps every promise of [`EventStore`] but durability, and needs an async runtime only to
/// [`wait`](EventStore::wait).
///
/// ```
/// use es_core::store::{EventStore, MemoryStore};
/// use es_core::Position;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), es_core::store::ReadError> {
/// let store = MemoryStore::new();
/// assert_eq!(store.head().await?, Position(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    grown: Notify,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing panics while the lock is held, short of running out of memory, and what inline projections do is
    /// caught: what a poisoned lock guards is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("head", &self.lock().end()).finish()
    }
}

impl EventStore for MemoryStore {
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            let appended = self.lock().append(commit)?;
            if !appended.duplicate {
                self.shared.grown.notify_waiters();
            }
            Ok(appended)
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(async move { Ok(self.lock().read_stream(stream, read)) })
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(async move { Ok(self.lock().read_log(after, filter, limit)) })
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(async move { Ok(self.lock().find(search.id)) })
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.lock().end()) })
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let grown = self.shared.grown.notified();
            tokio::pin!(grown);
            // Registered before the look at the head, so that nothing can come between the two unseen.
            grown.as_mut().enable();
            if self.lock().end() <= after {
                // Whether it grew or time ran out is for the caller to find out.
                let _ = tokio::time::timeout(max, grown).await;
            }
        })
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        _reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            let mut inner = self.lock();
            inner.stream_head(stream).require(stream, expected)?;
            let entry = inner.streams.entry(stream.clone()).or_default();
            if !entry.closed {
                entry.closed = true;
                entry.snapshot = None;
            }
            Ok(())
        })
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            let mut inner = self.lock();
            let head = inner.stream_head(stream);
            head.require(stream, expected)?;
            let Some(entry) = inner.streams.get_mut(stream) else { return Ok(()) };
            let before = before.min(head.version + 1);
            if before > entry.first() {
                entry.truncated_before = before;
                entry.edit();
            }
            Ok(())
        })
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        Box::pin(async move {
            limits::check_redaction(&redaction)?;
            Ok(self.lock().redact(redaction))
        })
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        Box::pin(async move {
            let inner = self.lock();
            let kept = inner.streams.get(stream).and_then(|entry| entry.snapshot.as_ref());
            Ok(kept.filter(|snapshot| snapshot.fingerprint == fingerprint).cloned())
        })
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(&snapshot.stream)?;
            let mut inner = self.lock();
            let entry = inner.streams.entry(snapshot.stream.clone()).or_default();
            if entry.edits == snapshot.edits
                && entry.snapshot.as_ref().is_none_or(|old| snapshot.replaces(old))
            {
                entry.snapshot = Some(snapshot);
            }
            Ok(())
        })
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        Box::pin(async move { Ok(self.lock().processors.register(processor, start)) })
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        Box::pin(async move { Ok(self.lock().processors.list(prefix)) })
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        Box::pin(async move { Ok(self.lock().processors.acquire(processor, owner, ttl)) })
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move { self.lock().processors.renew(lease, ttl) })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move {
            self.lock().processors.release(lease);
            Ok(())
        })
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move { self.lock().processors.advance(advance) })
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(async move { Ok(self.lock().processors.documents(collection, keys)) })
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(async move { Ok(self.lock().processors.list_documents(collection, range)) })
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move { self.lock().processors.forget(processor) })
    }
}
