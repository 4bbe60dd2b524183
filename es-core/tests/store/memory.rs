//! What is particular to the store in memory: its time is the runtime's.

use crate::kit::*;
use es_core::store::{EventStore, LEASE, MemoryStore};
use uuid::Uuid;

#[tokio::test(start_paused = true)]
async fn a_lease_in_memory_ends_by_the_time_of_the_runtime() {
    let store = MemoryStore::new();
    let held = lease(&store, "p").await;
    tokio::time::advance(LEASE / 2).await;
    store.renew(&held, LEASE).await.unwrap();
    tokio::time::advance(LEASE / 2).await;
    assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    tokio::time::advance(LEASE / 2).await;
    assert!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().is_some());
}
