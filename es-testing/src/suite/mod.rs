//! What every store promises, as tests: [`store_suite!`](crate::store_suite) for whoever writes one.
//!
//! The name of a case is the promise that it checks, and a failure says it. The cases stand in modules by topic,
//! of which each gives the macro its list; they are public so that one of them can be [`run`] alone.
#![allow(clippy::missing_panics_doc, reason = "to panic is how a case says that a promise is broken")]
#![allow(clippy::wildcard_imports, reason = "the words are those of every case")]

pub mod append;
pub mod concurrency;
pub mod documents;
pub mod duplicates;
pub mod edit;
pub mod expected;
pub mod handles;
pub mod inline;
pub mod limits;
pub mod log;
pub mod model;
mod names;
pub mod parts;
mod place;
pub mod processors;
pub mod projections;
mod random;
pub mod read;
pub mod snapshots;
pub mod subscription;
mod tally;
mod words;

pub use place::Place;

use std::pin::Pin;
use std::thread;
use std::time::Duration;

/// A case on its way.
pub type Case<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How long a case may take: far more than it needs, so that what waits for ever fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs one case on a fresh store, on a runtime of its own.
///
/// # Panics
/// If the store does not keep the promise.
pub fn run<P: Into<Place>>(
    promise: &str,
    fresh: impl AsyncFnOnce() -> P,
    case: for<'a> fn(&'a Place) -> Case<'a>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let _told = Told(promise);
    runtime.expect("a runtime can be made").block_on(async {
        let place = fresh().await.into();
        let done = tokio::time::timeout(PATIENCE, case(&place)).await;
        assert!(done.is_ok(), "the store does not answer: the case was given up after {PATIENCE:?}");
    });
}

/// Says which promise is broken, beside the panic that says how.
struct Told<'a>(&'a str);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the store breaks a promise: {}", self.0.replace('_', " "));
        }
    }
}

/// Tests that a store keeps every promise of [`EventStore`](es_core::store::EventStore): a `#[test]` for each.
///
/// It takes an async function that gives a new and empty store whenever it is called:
///
/// ```
/// mod suite {
///     use es_core::store::MemoryStore;
///
///     async fn fresh() -> MemoryStore {
///         MemoryStore::new()
///     }
///
///     es_testing::store_suite!(fresh);
/// }
/// # fn main() {}
/// ```
///
/// Where a store needs something beside it, such as a folder that goes with it, or where its log can be opened by
/// several processes, the function gives a [`Place`](crate::suite::Place):
///
/// ```
/// mod suite {
///     use es_core::store::SqliteStore;
///     use es_testing::suite::Place;
///
///     async fn fresh() -> Place {
///         let folder = tempfile::tempdir().unwrap();
///         let file = folder.path().join("events.db");
///         Place::of(SqliteStore::open(&file).await.unwrap())
///             .opened_again(async move || SqliteStore::open(&file).await.unwrap())
///             .keeping(folder)
///     }
///
///     es_testing::store_suite!(fresh);
/// }
/// # fn main() {}
/// ```
///
/// Attributes before the function are put on each test:
///
/// ```
/// # mod suite {
/// # use es_core::store::MemoryStore;
/// # async fn fresh() -> MemoryStore { MemoryStore::new() }
/// es_testing::store_suite!(#[cfg_attr(not(feature = "servers"), ignore = "needs a server")] fresh);
/// # }
/// # fn main() {}
/// ```
///
/// The tests stand in modules by topic, so the macro is used once in a module. They need no async runtime around
/// them: each makes one, of tokio, and the function runs on it. What only some stores can do is checked where the
/// store's [`Capabilities`](es_core::store::Capabilities) say so; what else a store
/// [may narrow](es_core::store::EventStore#what-a-store-may-narrow) is checked as far as it goes without a fault, on one
/// machine. The cases of `model` ask by chance, and print their seed: `ES_SUITE_SEED` begins with the same one again.
#[macro_export]
macro_rules! store_suite {
    ($(#[$attribute:meta])* $fresh:path) => {
        $crate::__suite_append!([$(#[$attribute])*] $fresh);
        $crate::__suite_expected!([$(#[$attribute])*] $fresh);
        $crate::__suite_duplicates!([$(#[$attribute])*] $fresh);
        $crate::__suite_parts!([$(#[$attribute])*] $fresh);
        $crate::__suite_limits!([$(#[$attribute])*] $fresh);
        $crate::__suite_read!([$(#[$attribute])*] $fresh);
        $crate::__suite_edit!([$(#[$attribute])*] $fresh);
        $crate::__suite_log!([$(#[$attribute])*] $fresh);
        $crate::__suite_subscription!([$(#[$attribute])*] $fresh);
        $crate::__suite_handles!([$(#[$attribute])*] $fresh);
        $crate::__suite_processors!([$(#[$attribute])*] $fresh);
        $crate::__suite_documents!([$(#[$attribute])*] $fresh);
        $crate::__suite_snapshots!([$(#[$attribute])*] $fresh);
        $crate::__suite_inline!([$(#[$attribute])*] $fresh);
        $crate::__suite_projections!([$(#[$attribute])*] $fresh);
        $crate::__suite_concurrency!([$(#[$attribute])*] $fresh);
        $crate::__suite_model!([$(#[$attribute])*] $fresh);
    };
}

/// Writes down the cases of a topic: a function for each, and a macro that makes tests of them all.
///
/// `async fn case(store)` is given the store; `async fn case(store, again)` an `Arc` of it, and one of the same
/// log opened once more; `async fn case(store, again, place)` the place, too; `async fn case(store) where inline` is
/// left out where the store lacks that capability.
macro_rules! cases {
    ($d:tt $list:ident of $topic:ident;
        $(async fn $case:ident($($handle:ident),+) $(where $capability:ident)? $body:block)*
    ) => {
        $(
            #[allow(missing_docs, reason = "its name is the promise")]
            pub fn $case(place: &$crate::suite::Place) -> $crate::suite::Case<'_> {
                Box::pin(async move {
                    $(if !place.store().capabilities().$capability {
                        return;
                    })?
                    $crate::suite::given!(place; $($handle),+);
                    $body
                })
            }
        )*

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $list {
            ([$d($d attribute:tt)*] $d fresh:path) => {
                mod $topic {
                    #[allow(unused_imports, reason = "the function may be called by its whole path")]
                    use super::*;

                    $(
                        #[test]
                        $d($d attribute)*
                        fn $case() {
                            $d crate::suite::run(stringify!($case), $d fresh, $d crate::suite::$topic::$case);
                        }
                    )*
                }
            };
        }
    };
}
pub(crate) use cases;

/// Names what a case is given.
macro_rules! given {
    ($place:ident; $store:ident) => {
        let $store: &dyn es_core::store::EventStore = $place.store();
    };
    ($place:ident; $store:ident, $again:ident) => {
        let $store = $place.shared();
        let $again = $place.again().await;
    };
    ($place:ident; $store:ident, $again:ident, $at:ident) => {
        $crate::suite::given!($place; $store, $again);
        let $at = $place;
    };
}
use given;
