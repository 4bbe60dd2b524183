//! Projections against the promises that they make, on every store.

mod builds;
mod busy;
mod copies;
mod fixture;
mod full;
mod inline;
mod pages;
#[cfg(feature = "sqlite")]
mod rows;
mod steps;

/// Runs each of these against a store of every kind.
macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::store::MemoryStore::new()).await;
            })*
        }
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let store = crate::store::SqliteStore::open(folder.path().join("log.db")).await.unwrap();
                super::$test(store).await;
            })*
        }
    };
}
use on_every_store;
