//! A store that breaks one promise.

use es_core::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventSearch, EventStore,
    Expected, Filter, Lease, LogPage, MemoryStore, ReadError, Redaction, StoreFuture, StoredDocument,
    StoredEvent, StoredProcessor, StoredSnapshot, StreamPage, StreamRead,
};
use es_core::{Position, StreamId};
use std::time::Duration;
use uuid::Uuid;

/// What it does not do as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it keeps every promise.
    None,
    /// It takes a commit that it has for a new one.
    ForgetsDuplicates,
    /// It says that there is a conflict when the events are stored.
    ConflictsLate,
    /// It stores the parts of a commit one after the other.
    TearsCommits,
    /// It stores what comes under a lease that is somebody else's.
    IgnoresTheFence,
    /// Its pages leave every fifth event out.
    SkipsEvents,
    /// Its waits do not end by what comes.
    LosesWakeUps,
    /// It says nothing of a redaction in the log.
    KeepsPayloads,
    /// It lists documents from behind.
    ListsBackwards,
    /// Whoever asks for a lease has it.
    LendsTwice,
}

/// A store in memory with a fault.
pub struct Broken {
    pub store: MemoryStore,
    pub fault: Fault,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    async fn torn(&self, commit: Commit) -> Result<Appended, AppendError> {
        let mut torn = Appended { duplicate: false, heads: Vec::new(), position: Position(0) };
        for part in commit.parts {
            let one =
                Commit { parts: vec![part], fence: commit.fence.clone(), inline: commit.inline.clone() };
            let stored = self.store.append(one).await?;
            torn.duplicate |= stored.duplicate;
            torn.heads.extend(stored.heads);
            torn.position = stored.position;
            tokio::task::yield_now().await;
        }
        Ok(torn)
    }

    async fn conflicted_late(&self, commit: Commit) -> Result<Appended, AppendError> {
        let mut anyhow = commit.clone();
        anyhow.parts.iter_mut().for_each(|part| part.expected = Expected::Any);
        let mut answer = self.store.append(anyhow).await?;
        for (part, head) in commit.parts.iter().zip(&mut answer.heads) {
            let actual = head.version - part.events.len() as u64;
            if !answer.duplicate && !part.expected.holds(actual) {
                let (stream, expected) = (part.stream.clone(), part.expected);
                return Err(AppendError::Conflict { stream, expected, actual });
            }
        }
        Ok(answer)
    }
}

impl EventStore for Broken {
    fn append(&self, mut commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            match self.fault {
                Fault::TearsCommits => return self.torn(commit).await,
                Fault::ConflictsLate => return self.conflicted_late(commit).await,
                Fault::IgnoresTheFence => commit.fence = None,
                Fault::ForgetsDuplicates => {
                    let parts = commit.parts.iter_mut();
                    parts.flat_map(|part| &mut part.events).for_each(|event| event.id = Uuid::now_v7());
                }
                _ => {}
            }
            self.store.append(commit).await
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        self.store.read_stream(stream, read)
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let mut page = self.store.read_log(after, filter, limit).await?;
            if self.is(Fault::SkipsEvents) {
                page.events.retain(|event| event.position.0 % 5 != 0);
            }
            if self.is(Fault::KeepsPayloads) {
                page.events
                    .iter_mut()
                    .for_each(|event| event.payload = Some(event.payload.take().unwrap_or_default()));
            }
            Ok(page)
        })
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        self.store.find_event(search)
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        self.store.head()
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        if self.is(Fault::LosesWakeUps) {
            return Box::pin(tokio::time::sleep(max));
        }
        self.store.wait(after, max)
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.store.close_stream(stream, expected, reason)
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.store.truncate_stream(stream, expected, before)
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        self.store.redact_event(redaction)
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        self.store.load_snapshot(stream, fingerprint)
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        self.store.save_snapshot(snapshot)
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        self.store.register(processor, start)
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        self.store.processors(prefix)
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        let ttl = if self.is(Fault::LendsTwice) { Duration::ZERO } else { ttl };
        self.store.acquire(processor, owner, ttl)
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.store.renew(lease, ttl)
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.store.release(lease)
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        self.store.advance(advance)
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        self.store.documents(collection, keys)
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(async move {
            let mut listed = self.store.list_documents(collection, range).await?;
            if self.is(Fault::ListsBackwards) {
                listed.reverse();
            }
            Ok(listed)
        })
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.store.forget(processor)
    }
}
