//! What the stories have in common: the stores they run on, and a look at the log.

use es_core::prelude::*;
use es_core::store::{MemoryStore, SqliteStore, StoredEvent, StreamRead};
use tempfile::TempDir;

/// Runs each story on a fresh store of every kind. A story that is not listed here is dead code.
macro_rules! on_every_store {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[tokio::test]
            async fn on_memory() {
                super::$story(crate::kit::memory()).await;
            }

            #[tokio::test]
            async fn on_sqlite() {
                let folder = tempfile::tempdir().unwrap();
                super::$story(crate::kit::sqlite(&folder).await).await;
            }
        }
    )+};
}

pub fn memory() -> MemoryStore {
    MemoryStore::new()
}

/// The SQLite store in a folder; opened again, it is the same one.
pub async fn sqlite(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("events.db")).await.unwrap()
}

/// A moment, as in `time("2017-10-31T23:59:59Z")`.
pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// How many events there are in the whole log.
pub async fn recorded(store: &impl EventStore) -> u64 {
    store.head().await.unwrap().0
}

/// The events of a stream as they are stored, redacted ones included.
pub async fn stored(store: &impl EventStore, stream: &StreamId) -> Vec<StoredEvent> {
    let page = store.read_stream(stream, StreamRead::after(0)).await.unwrap();
    assert!(!page.more, "{stream} has more events than one page");
    page.events
}
