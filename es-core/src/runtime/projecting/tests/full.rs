//! Steps where an advance is full early.

use super::fixture::*;
use crate::store::{Advance, AdvanceError, Capabilities, EventStore, MemoryStore, StoreFuture};
use std::sync::{Arc, Mutex};

/// An advance of it is full with ten documents. It takes two more, for what is written beside them.
#[derive(Clone)]
struct Narrow {
    store: MemoryStore,
    steps: Arc<Mutex<Vec<u64>>>,
}

impl EventStore for Narrow {
    crate::__forward!(store: append, read_stream, read_log, find_event, head, wait, close_stream, truncate_stream,
        redact_event, load_snapshot, save_snapshot, register, processors, acquire, renew, release, documents,
        list_documents, forget);

    fn capabilities(&self) -> Capabilities {
        Capabilities { writes: 10, ..self.store.capabilities() }
    }
    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let size = advance.writes.len();
        if size > 12 {
            return Box::pin(async move {
                Err(AdvanceError::TooLarge { what: "advance (documents)", size, limit: 12 })
            });
        }
        self.steps.lock().unwrap().extend(advance.to.map(|to| to.position.0));
        self.store.advance(advance)
    }
}

fn narrow() -> Narrow {
    Narrow { store: MemoryStore::new(), steps: Arc::default() }
}

#[tokio::test]
async fn a_step_ends_where_an_advance_is_full() {
    let store = narrow();
    let items: Vec<_> = (0..25).map(|n| format!("{n:02}")).collect();
    write(&store, items.iter().map(|item| sold(item))).await;
    let app = app::<Sales<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    let page = page(&store, follower, lease.checkpoint.position, 100).await;
    follower.follow(&app, &mut lease, page).await.unwrap();
    assert_eq!(*store.steps.lock().unwrap(), [10, 20, 25]);
    assert_eq!(sales::<1>(&app).await, items.into_iter().map(|item| (item, 1)).collect::<Vec<_>>());
}

#[tokio::test]
async fn events_of_few_documents_are_one_step() {
    let store = narrow();
    write(&store, (0..25).map(|n| sold(["tea", "cup"][n % 2]))).await;
    let app = app::<Sales<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    let page = page(&store, follower, lease.checkpoint.position, 100).await;
    follower.follow(&app, &mut lease, page).await.unwrap();
    assert_eq!(*store.steps.lock().unwrap(), [25]);
    assert_eq!(sales::<1>(&app).await, owned(&[("cup", 12), ("tea", 13)]));
}

#[tokio::test]
async fn documents_are_deleted_in_steps_too() {
    let store = narrow();
    let items: Vec<_> = (0..25).map(|n| format!("{n:02}")).collect();
    write(&store, items.iter().map(|item| sold(item))).await;
    let app = app::<Sales<1>, _>(&store).await;
    drain(&store, &app).await;
    write(&store, items.iter().map(|item| withdrawn(item))).await;
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await, []);
}
