//! A store in which others commit between what a follower reads and what it writes.

use crate::id::{Position, StreamId};
use crate::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventStore, Expected,
    Filter, Lease, LogPage, ReadError, Redaction, StoreFuture, StoredDocument, StoredEvent, StoredProcessor,
    StoredSnapshot, StreamPage, StreamRead,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use uuid::Uuid;

/// A store around another one. Clones share what is to come.
#[derive(Clone)]
pub struct Busy {
    inner: Arc<dyn EventStore>,
    coming: Arc<Mutex<Coming>>,
}

#[derive(Default)]
struct Coming {
    before_advances: VecDeque<Commit>,
    before_reads: VecDeque<Commit>,
}

impl Busy {
    pub fn over(store: impl EventStore) -> Self {
        Self { inner: Arc::new(store), coming: Arc::default() }
    }

    /// What is committed just before the next advances of builds, one after the other.
    pub fn before_advances(&self, commits: impl IntoIterator<Item = Commit>) {
        self.coming().before_advances.extend(commits);
    }

    /// What is committed just before the next reads of documents of builds, one after the other.
    pub fn before_reads(&self, commits: impl IntoIterator<Item = Commit>) {
        self.coming().before_reads.extend(commits);
    }

    /// Whether all of that has come.
    pub fn is_calm(&self) -> bool {
        let coming = self.coming();
        coming.before_advances.is_empty() && coming.before_reads.is_empty()
    }

    fn coming(&self) -> MutexGuard<'_, Coming> {
        self.coming.lock().unwrap()
    }
}

fn is_of_a_build(name: &str) -> bool {
    name.starts_with("projection.")
}

impl EventStore for Busy {
    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let is_next = is_of_a_build(&advance.processor);
        let next = if is_next { self.coming().before_advances.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.advance(advance).await
        })
    }
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let next = if is_of_a_build(collection) { self.coming().before_reads.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.documents(collection, keys).await
        })
    }

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        self.inner.append(commit)
    }
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        self.inner.read_stream(stream, read)
    }
    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        self.inner.read_log(after, filter, limit)
    }
    fn find_event(&self, id: Uuid) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        self.inner.find_event(id)
    }
    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        self.inner.head()
    }
    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        self.inner.wait(after, max)
    }
    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.inner.close_stream(stream, expected, reason)
    }
    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.inner.truncate_stream(stream, expected, before)
    }
    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        self.inner.redact_event(redaction)
    }
    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        self.inner.load_snapshot(stream, fingerprint)
    }
    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        self.inner.save_snapshot(snapshot)
    }
    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        self.inner.register(processor, start)
    }
    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        self.inner.processors(prefix)
    }
    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        self.inner.acquire(processor, owner, ttl)
    }
    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.inner.renew(lease, ttl)
    }
    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.inner.release(lease)
    }
    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let next = if is_of_a_build(collection) { self.coming().before_reads.pop_front() } else { None };
        Box::pin(async move {
            if let Some(commit) = next {
                self.inner.append(commit).await.expect("it is stored");
            }
            self.inner.list_documents(collection, range).await
        })
    }
    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.inner.forget(processor)
    }
}
