//! What every store promises, checked on each of them.

/// Runs each case on a fresh store of every kind.
macro_rules! on_every_store {
    ($(async fn $case:ident($store:ident) $body:block)*) => {$(
        mod $case {
            #[allow(unused_imports, reason = "not every case uses all of its module")]
            use super::*;

            async fn case($store: &dyn es_core::store::EventStore) $body

            #[tokio::test]
            async fn on_memory() {
                case(&es_core::store::MemoryStore::new()).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                let folder = tempfile::tempdir().unwrap();
                case(&crate::kit::sqlite(&folder).await).await;
            }
        }
    )*};
}

mod append;
mod edit;
mod inline;
mod inline_rows;
mod kit;
mod log;
mod processors;
mod projections;
mod read;
mod rows;
mod snapshot;
mod sqlite;
mod sqlite_processors;
mod tally;
