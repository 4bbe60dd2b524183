//! Where a log is: whoever opens the place finds what others have left there.

use crate::server;
use es_core::prelude::*;
use es_core::store::{
    Durability, Filter, MemoryStore, NatsOptions, NatsStore, PgOptions, PgStore, SqliteOptions, SqliteStore,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A place for one log. Clones are the same place.
pub trait Place: Clone + Send + Sync + 'static {
    /// What it is opened as.
    type Store: EventStore + Clone;

    /// A place where nobody was before.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The store as one more process sees it.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Ends a store that it was opened as, where that means something.
    fn close(store: Self::Store) -> impl Future<Output = ()> + Send;
}

/// A place that processes share.
pub trait Shared: Place {
    /// What another process finds it by.
    fn address(&self) -> String;

    /// The place of this address. It does not go with this.
    fn at(address: &str) -> Self;
}

/// The memory of this process.
#[derive(Clone, Default)]
pub struct Memory(MemoryStore);

impl Place for Memory {
    type Store = MemoryStore;

    async fn fresh() -> Self {
        Self::default()
    }

    async fn open(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn close(_: MemoryStore) {}
}

/// A SQLite file in a folder that goes with the last clone.
#[derive(Clone)]
pub struct File {
    path: PathBuf,
    _folder: Option<Arc<TempDir>>,
}

impl File {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Place for File {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { path: folder.path().join("log.db"), _folder: Some(Arc::new(folder)) }
    }

    async fn open(&self) -> SqliteStore {
        // What a power loss would take is not the matter here.
        let options = SqliteOptions::new().durability(Durability::Relaxed);
        SqliteStore::open_with(&self.path, options).await.expect("the file can be opened")
    }

    async fn close(store: SqliteStore) {
        store.close().await;
    }
}

impl Shared for File {
    fn address(&self) -> String {
        self.path.to_str().expect("the folder of temporary files has a plain name").to_owned()
    }

    fn at(address: &str) -> Self {
        Self { path: address.into(), _folder: None }
    }
}

/// A schema of the PostgreSQL that `tests/servers` has started, and throws away as a whole.
#[derive(Clone)]
pub struct Schema(String);

impl Schema {
    fn options(&self) -> PgOptions {
        // What a power loss would take is not the matter here.
        PgOptions::new().schema(&self.0).durability(Durability::Relaxed)
    }
}

impl Place for Schema {
    type Store = PgStore;

    async fn fresh() -> Self {
        let place = Self(server::unique());
        PgStore::migrate(&server::postgres_url(), &place.options()).await.expect("the schema can be made");
        place
    }

    async fn open(&self) -> PgStore {
        let opened = PgStore::connect_with(&server::postgres_url(), self.options()).await;
        opened.expect("the schema is there")
    }

    async fn close(store: PgStore) {
        store.close().await;
    }
}

impl Shared for Schema {
    fn address(&self) -> String {
        self.0.clone()
    }

    fn at(address: &str) -> Self {
        Self(address.to_owned())
    }
}

/// A namespace of the nats-server that `tests/servers` has started.
#[derive(Clone)]
pub struct Namespace(String);

impl Place for Namespace {
    type Store = NatsStore;

    async fn fresh() -> Self {
        Self(server::unique())
    }

    async fn open(&self) -> NatsStore {
        server::nats(NatsOptions::new().namespace(&self.0)).await
    }

    async fn close(store: NatsStore) {
        store.close().await;
    }
}

impl Shared for Namespace {
    fn address(&self) -> String {
        self.0.clone()
    }

    fn at(address: &str) -> Self {
        Self(address.to_owned())
    }
}

/// A place of any kind, so that cases are compiled for one kind only.
#[derive(Clone)]
pub struct Anywhere(Arc<dyn Opens>);

trait Opens: Send + Sync {
    fn open(&self) -> BoxFuture<'_, AnyStore>;
}

impl<P: Place> Opens for P {
    fn open(&self) -> BoxFuture<'_, AnyStore> {
        Box::pin(async {
            let store = Place::open(self).await;
            let closed = store.clone();
            AnyStore { store: Arc::new(store), close: Arc::new(move || Box::pin(P::close(closed.clone()))) }
        })
    }
}

impl Anywhere {
    /// This one.
    pub fn of(place: impl Place) -> Self {
        Self(Arc::new(place))
    }

    /// The store as one more process sees it.
    pub async fn open(&self) -> AnyStore {
        self.0.open().await
    }
}

/// A store of any kind.
#[derive(Clone)]
pub struct AnyStore {
    store: Arc<dyn EventStore>,
    close: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl AnyStore {
    /// Ends it, where that means something.
    pub async fn close(self) {
        (self.close)().await;
    }
}

impl EventStore for AnyStore {
    es_core::__forward!(store: capabilities, append, read_stream, read_log, find_event, head, wait);
    es_core::__forward!(store: close_stream, truncate_stream, redact_event, load_snapshot, save_snapshot);
    es_core::__forward_processors!(store);
}

/// The positions of all events, in their order.
///
/// # Panics
/// If the log cannot be read.
pub async fn positions(store: &impl EventStore) -> Vec<Position> {
    let (mut positions, mut after) = (Vec::new(), Position(0));
    loop {
        let page = store.read_log(after, &Filter::all(), 1_000).await.expect("the log can be read");
        positions.extend(page.events.iter().map(|event| event.position));
        if page.scanned_to >= page.head {
            return positions;
        }
        after = page.scanned_to;
    }
}

/// The place itself, for cases that open it more than once.
#[allow(clippy::unused_async, reason = "cases await what they are given")]
pub async fn itself(place: &Anywhere) -> Anywhere {
    place.clone()
}

/// Makes a test of each case at a fresh place of every kind. A case takes what `given` makes of the place.
///
/// What a kind of place cannot do is left out there, and the reason stands at the cases:
/// `not on nats: "why"; case, case`.
#[macro_export]
macro_rules! at_every_place {
    ($given:path; not on nats: $reason:literal; $($case:ident $(,)?)+) => {$(
        mod $case {
            $crate::at_sql_places!($given, super::$case);
        }
    )+};
    ($given:path; $($case:ident $(,)?)+) => {$(
        mod $case {
            $crate::at_sql_places!($given, super::$case);

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
            async fn on_nats() {
                $crate::at_place!($crate::place::Namespace, $given, super::$case);
            }
        }
    )+};
}

/// The tests of a case in memory and in both databases.
#[doc(hidden)]
#[macro_export]
macro_rules! at_sql_places {
    ($given:path, $case:path) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn on_memory() {
            $crate::at_place!($crate::place::Memory, $given, $case);
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn on_sqlite() {
            $crate::at_place!($crate::place::File, $given, $case);
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
        async fn on_postgres() {
            $crate::at_place!($crate::place::Schema, $given, $case);
        }
    };
}

/// A case at a fresh place.
#[doc(hidden)]
#[macro_export]
macro_rules! at_place {
    ($place:ty, $given:path, $case:path) => {
        let place = $crate::place::Anywhere::of(<$place as $crate::place::Place>::fresh().await);
        $case($given(&place).await).await;
    };
}
