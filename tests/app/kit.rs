//! Where the cases happen: a place that processes open.

use crate::probe::Probe;
use es_core::prelude::*;
use es_core::store::{Durability, MemoryStore, SqliteOptions, SqliteStore, StoredEvent, StreamRead};
use tempfile::TempDir;

/// Makes a test of each case on each store.
macro_rules! on_every_store {
    ($($case:ident)*) => {
        mod on_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::kit::Place::memory()).await;
            })*
        }
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::kit::Place::file()).await;
            })*
        }
    };
}

/// One log, which every process opens for itself.
pub enum Place {
    Memory(MemoryStore),
    File(TempDir),
}

impl Place {
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::new())
    }

    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// The store as one more process sees it.
    pub async fn open(&self) -> Probe {
        match self {
            Self::Memory(store) => Probe::over(store.clone()),
            Self::File(folder) => {
                // What a power loss would take is not the matter here.
                let options = SqliteOptions::new().durability(Durability::Relaxed);
                Probe::over(SqliteStore::open_with(folder.path().join("log.db"), options).await.unwrap())
            }
        }
    }

    /// What is stored of a stream, hidden events left out.
    pub async fn stored(&self, stream: &StreamId) -> Vec<StoredEvent> {
        let page = self.open().await.read_stream(stream, StreamRead::after(0).limit(2_000)).await.unwrap();
        assert!(!page.more, "{stream} is longer than these cases make it");
        page.events
    }

    /// The names of what is stored of a stream.
    pub async fn names(&self, stream: &StreamId) -> Vec<String> {
        self.stored(stream).await.iter().map(|event| event.name.to_string()).collect()
    }
}

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
