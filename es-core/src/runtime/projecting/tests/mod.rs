//! Projections against the promises that they make, on every store.

mod builds;
mod copies;
mod fixture;
mod pages;

/// Runs each of these against a store of every kind.
macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::store::MemoryStore::new()).await;
            })*
        }
    };
}
use on_every_store;
