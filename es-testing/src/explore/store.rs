//! The way of one process to the store: it counts the calls, and can be cut at each of them.

use super::tally::Tally;
use es_core::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventSearch, EventStore,
    Expected, Filter, Lease, LogPage, MemoryStore, ReadError, Redaction, StoreFuture, StoredDocument,
    StoredEvent, StoredProcessor, StoredSnapshot, StreamPage, StreamRead,
};
use es_core::{Position, StreamId, uuid::Uuid};
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
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
    /// Whether somebody wants to know what is left behind each call.
    compares: bool,
    /// At which of them the process ends.
    cut_at: Option<usize>,
    /// Nothing is asked and nothing is answered any more.
    dead: bool,
    leases: Vec<Lease>,
}

/// A call to the store: that it is about to be made, or that it is done and not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub name: &'static str,
    pub is_done: bool,
    /// A number for what is stored, and what the outside looks like, at this moment, if that is compared.
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

    /// Listens to the calls from now on, and compares what is there at each of them if that is wanted. At the one
    /// with this number the process ends.
    pub(super) fn listen(&self, compares: bool, cut_at: Option<usize>) {
        let mut state = self.state();
        state.calls = Some(Vec::new());
        state.compares = compares;
        state.cut_at = cut_at;
    }

    /// Listens no longer. The answer is what was heard.
    pub(super) fn heard(&self) -> Vec<Call> {
        let mut state = self.state();
        state.cut_at = None;
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
        let mut hasher = DefaultHasher::new();
        (self.tally.of(&self.log).await, (self.shared.outside)()).hash(&mut hasher);
        hasher.finish()
    }

    /// Somebody listens, and hears of a call. It may be the last one.
    fn note(&self, call: Call) {
        let mut state = self.state();
        let Some(calls) = &mut state.calls else { return };
        calls.push(call);
        let calls_made = calls.len();
        if state.cut_at.is_some_and(|number| number == calls_made) {
            state.dead = true;
            self.shared.cut.notify_one();
        }
    }

    /// Makes a call that changes what is stored.
    fn write<'a, T: Send + 'a>(&'a self, name: &'static str, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        let writing = async move {
            let answer = call.await;
            self.tally.changed();
            answer
        };
        self.call(name, Box::pin(writing))
    }

    /// Makes a call, and hears the answer if the process is still there.
    fn call<'a, T: Send + 'a>(&'a self, name: &'static str, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.pass(name, false).await;
            let answer = call.await;
            self.pass(name, true).await;
            answer
        })
    }

    /// Goes on if the process is still there.
    async fn pass(&self, name: &'static str, is_done: bool) {
        let (listens, compares) = {
            let state = self.state();
            (state.calls.is_some() && !state.dead, state.compares)
        };
        if listens {
            let left = if compares { self.left().await } else { 0 };
            self.note(Call { name, is_done, left });
        }
        if self.state().dead {
            pending::<()>().await;
        }
    }
}

impl EventStore for ExploredStore {
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        if let Some(inline) = &commit.inline {
            self.tally.keeps(&inline.writes);
        }
        self.write("append", self.log.append(commit))
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

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        self.call("find_event", self.log.find_event(search))
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
        self.write("close_stream", self.log.close_stream(stream, expected, reason))
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        self.tally.edited();
        self.write("truncate_stream", self.log.truncate_stream(stream, expected, before))
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        self.tally.edited();
        self.write("redact_event", self.log.redact_event(redaction))
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
        self.write("register", self.log.register(processor, start))
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
        self.write("advance", self.log.advance(advance))
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
        self.write("forget", self.log.forget(processor))
    }
}
