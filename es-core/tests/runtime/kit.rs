//! Where the cases happen: a clock by hand, a log, and a store that dies.

use crate::shop::*;
use es_core::prelude::*;
use es_core::store::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// A clock that is moved by hand.
#[derive(Clone)]
pub struct HandClock(Arc<Mutex<Timestamp>>);

impl HandClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Timestamp::constant(946_684_800, 0))))
    }
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn cart(name: &str) -> CartId {
    CartId::named(name)
}

pub fn add(name: &str, article: &str) -> AddArticle {
    AddArticle { cart: cart(name), article: article.to_owned() }
}

/// Runs each case on a store of every kind. On memory, time passes only where everybody waits.
macro_rules! on_every_store {
    ($($case:ident),+ $(,)?) => {$(
        mod $case {
            #[tokio::test(start_paused = true)]
            async fn on_memory() {
                super::$case(es_core::store::MemoryStore::new()).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(crate::kit::sqlite(&folder, 1).await).await;
            }
        }
    )+};
}

/// Runs each case on stores of every kind: it is given what makes a fresh one, which it asks for the `n`-th.
macro_rules! on_fresh_stores {
    ($($case:ident),+ $(,)?) => {$(
        mod $case {
            #[tokio::test(start_paused = true)]
            async fn on_memory() {
                super::$case(async |_| es_core::store::MemoryStore::new()).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(async |n| crate::kit::sqlite(&folder, n).await).await;
            }
        }
    )+};
}

/// The `n`-th file in a folder. What a power loss would take is nothing that a case is about.
pub async fn sqlite(folder: &TempDir, n: u64) -> SqliteStore {
    let options = SqliteOptions::new().durability(Durability::Relaxed);
    SqliteStore::open_with(folder.path().join(format!("{n}.db")), options).await.unwrap()
}

/// The names of a stream's events.
pub async fn names(store: &impl EventStore, stream: &str) -> Vec<String> {
    stored(store, stream).await.iter().map(|event| event.name.to_string()).collect()
}

pub async fn stored(store: &impl EventStore, stream: &str) -> Vec<StoredEvent> {
    store.read_stream(&StreamId::named(stream), StreamRead::after(0)).await.unwrap().events
}

pub async fn count(store: &impl EventStore, stream: &str, name: &str) -> usize {
    names(store, stream).await.iter().filter(|stored| *stored == name).count()
}

/// A store whose process dies: its `last`-th call is carried out or not, and none is answered from there on,
/// or none up to the one that it is `back` with. The leases that it leaves behind run out at once.
#[derive(Clone)]
pub struct Dying<S> {
    store: S,
    calls: Arc<AtomicU64>,
    last: u64,
    /// Whether the last call was carried out before its answer was lost.
    done: bool,
    back: u64,
}

/// As long as a lease is kept for a process that may be dead.
const BRIEFLY: Duration = Duration::from_millis(1);

impl<S: EventStore> Dying<S> {
    pub fn at(store: S, last: u64, done: bool) -> Self {
        Self { store, calls: Arc::default(), last, done, back: u64::MAX }
    }
    /// It does not answer from one call to another.
    pub fn between(store: S, last: u64, back: u64) -> Self {
        Self { back, ..Self::at(store, last, true) }
    }
    pub fn died(&self) -> bool {
        self.calls.load(Ordering::Relaxed) >= self.last
    }
    async fn call<T, E>(
        &self,
        call: StoreFuture<'_, Result<T, E>>,
        fails: impl FnOnce(BoxError) -> E,
    ) -> Result<T, E> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if n < self.last || n >= self.back {
            return call.await;
        }
        if n == self.last && self.done {
            let _ = call.await;
        }
        Err(fails("the process is dead".into()))
    }
}

impl<S: EventStore> EventStore for Dying<S> {
    es_core::__forward!(store: wait, close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot, forget);

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        let fails = |cause| AppendError::Unavailable { cause };
        Box::pin(async move { self.call(self.store.append(commit), fails).await })
    }
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(async move { self.call(self.store.read_stream(stream, read), ReadError::Unavailable).await })
    }
    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(
            async move { self.call(self.store.read_log(after, filter, limit), ReadError::Unavailable).await },
        )
    }
    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(async move { self.call(self.store.find_event(search), ReadError::Unavailable).await })
    }
    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { self.call(self.store.head(), ReadError::Unavailable).await })
    }
    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        Box::pin(
            async move { self.call(self.store.register(processor, start), ReadError::Unavailable).await },
        )
    }
    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        Box::pin(async move { self.call(self.store.processors(prefix), ReadError::Unavailable).await })
    }
    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        let ttl = ttl.min(BRIEFLY);
        Box::pin(
            async move { self.call(self.store.acquire(processor, owner, ttl), ReadError::Unavailable).await },
        )
    }
    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        let ttl = ttl.min(BRIEFLY);
        Box::pin(async move { self.call(self.store.renew(lease, ttl), AdvanceError::Unavailable).await })
    }
    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move { self.call(self.store.release(lease), AdvanceError::Unavailable).await })
    }
    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move { self.call(self.store.advance(advance), AdvanceError::Unavailable).await })
    }
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(
            async move { self.call(self.store.documents(collection, keys), ReadError::Unavailable).await },
        )
    }
    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(async move {
            self.call(self.store.list_documents(collection, range), ReadError::Unavailable).await
        })
    }
}
