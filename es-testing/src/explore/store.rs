//! The way of one process to the store: it counts the calls, and can be cut behind one of them.

use super::tally::Tally;
use es_core::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventStore, Expected,
    Filter, Lease, LogPage, MemoryStore, ReadError, Redaction, StoreFuture, StoredDocument, StoredEvent,
    StoredProcessor, StoredSnapshot, StreamPage, StreamRead,
};
use es_core::{Position, StreamId, uuid::Uuid};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A store in memory, as one process of an explored app sees it.
#[derive(Clone)]
pub struct ExploredStore {
    log: MemoryStore,
    tally: Arc<Tally>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    cut: Notify,
    /// What the outside looks like.
    outside: Box<dyn Fn() -> u64 + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// What was asked since it was listened to; `None` while nobody listens.
    calls: Option<Vec<Call>>,
    /// The number of the call whose answer never arrives.
    cut_behind: Option<usize>,
    /// Nothing is asked and nothing is answered any more.
    dead: bool,
    leases: Vec<Lease>,
}

/// A call to the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub name: &'static str,
    /// What is stored, and what the outside looks like, behind it.
    pub left: u64,
}

impl std::fmt::Debug for ExploredStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ExploredStore").field(&self.log).finish()
    }
}

impl ExploredStore {
    /// The way of the first process to a new store.
    pub(super) fn new(outside: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::to(MemoryStore::new(), Arc::default(), outside)
    }

    /// The way of the next process to the same store. The time until leases run out has passed.
    pub(super) async fn next(&self, outside: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let leases = std::mem::take(&mut self.state().leases);
        for lease in leases {
            // In memory nothing fails.
            let _ = self.log.release(&lease).await;
        }
        Self::to(self.log.clone(), self.tally.clone(), outside)
    }

    fn to(log: MemoryStore, tally: Arc<Tally>, outside: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let shared = Shared { state: Mutex::default(), cut: Notify::new(), outside: Box::new(outside) };
        Self { log, tally, shared: Arc::new(shared) }
    }

    /// Nothing panics while the lock is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to the calls from now on; the answer of the call with this number will never arrive.
    pub(super) fn listen(&self, cut_behind: Option<usize>) {
        let mut state = self.state();
        state.calls = Some(Vec::new());
        state.cut_behind = cut_behind;
    }

    /// Listens no longer. The answer is what was heard.
    pub(super) fn heard(&self) -> Vec<Call> {
        let mut state = self.state();
        state.cut_behind = None;
        state.calls.take().unwrap_or_default()
    }

    /// Waits until it is cut.
    pub(super) async fn cut(&self) {
        self.shared.cut.notified().await;
    }

    /// The store, for whoever is no process.
    pub(super) fn log(&self) -> &MemoryStore {
        &self.log
    }

    /// A number for what is stored and what the outside looks like: other states have other numbers.
    pub(super) async fn left(&self) -> u64 {
        self.tally.of(&self.log, (self.shared.outside)()).await
    }

    /// Somebody listens, and hears of a call. Behind the last one that is to be answered the process ends.
    fn note(&self, call: Call) {
        let mut state = self.state();
        let Some(calls) = &mut state.calls else { return };
        calls.push(call);
        let calls_made = calls.len();
        if state.cut_behind.is_some_and(|number| number == calls_made) {
            state.dead = true;
            self.shared.cut.notify_one();
        }
    }

    /// Makes a call, and hears the answer if the process is still there.
    fn call<'a, T: Send + 'a>(&'a self, name: &'static str, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            if self.state().dead {
                pending::<()>().await;
            }
            let answer = call.await;
            if self.state().calls.is_some() {
                let left = self.left().await;
                self.note(Call { name, left });
            }
            if self.state().dead {
                pending::<()>().await;
            }
            answer
        })
    }
}

impl EventStore for ExploredStore {
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        if let Some(inline) = &commit.inline {
            self.tally.keeps(&inline.writes);
        }
        self.call("append", self.log.append(commit))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        self.call("read_stream", self.log.read_stream(stream, read))
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        self.call("read_log", self.log.read_log(after, filter, limit))
    }

    fn find_event(&self, id: Uuid) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        self.call("find_event", self.log.find_event(id))
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        self.call("head", self.log.head())
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
        self.tally.edited();
        self.call("close_stream", self.log.close_stream(stream, expected, reason))
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.tally.edited();
        self.call("truncate_stream", self.log.truncate_stream(stream, expected, before))
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        self.tally.edited();
        self.call("redact_event", self.log.redact_event(redaction))
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        self.call("load_snapshot", self.log.load_snapshot(stream, fingerprint))
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        self.call("save_snapshot", self.log.save_snapshot(snapshot))
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        self.call("register", self.log.register(processor, start))
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        self.call("processors", self.log.processors(prefix))
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        let acquiring = async move {
            let taken = self.log.acquire(processor, owner, ttl).await;
            if let Ok(Some(lease)) = &taken {
                self.state().leases.push(lease.clone());
            }
            taken
        };
        self.call("acquire", Box::pin(acquiring))
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.call("renew", self.log.renew(lease, ttl))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        let releasing = async move {
            self.state().leases.retain(|held| held != lease);
            self.log.release(lease).await
        };
        self.call("release", Box::pin(releasing))
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        self.tally.keeps(&advance.writes);
        self.call("advance", self.log.advance(advance))
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        self.call("documents", self.log.documents(collection, keys))
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        self.call("list_documents", self.log.list_documents(collection, range))
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        self.call("forget", self.log.forget(processor))
    }
}
