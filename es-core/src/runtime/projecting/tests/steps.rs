//! What steps cost, and what they leave behind.

use super::fixture::*;
use crate::app::App;
use crate::id::Position;
use crate::projection::Projection;
use crate::runtime::projecting::build::Shared;
use crate::runtime::projecting::control::Control;
use crate::runtime::projecting::copy;
use crate::runtime::projecting::documents::Documents;
use crate::runtime::{Follower, ProjectionError};
use crate::store::{
    Advance, AdvanceError, BoxError, DocumentWrite, EventStore, Lease, MemoryStore, ReadError, StoreFuture,
    StoredDocument,
};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store that is looked at, and that fails as often as it is told to.
#[derive(Clone)]
struct Watched {
    store: MemoryStore,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How often documents of builds were read.
    reads: AtomicU32,
    /// Where checkpoints were moved to.
    steps: Mutex<Vec<u64>>,
    renewals_to_fail: AtomicU32,
    releases_to_fail: AtomicU32,
    /// How often something was to be forgotten, which cannot be.
    forgets: AtomicU32,
}

fn fails(left: &AtomicU32) -> bool {
    left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn outage<'a, T>() -> StoreFuture<'a, Result<T, AdvanceError>> {
    Box::pin(async { Err(AdvanceError::Unavailable(BoxError::from("not now"))) })
}

impl EventStore for Watched {
    crate::__forward!(store: append, read_stream, read_log, find_event, head, wait, close_stream, truncate_stream,
        redact_event, load_snapshot, save_snapshot, register, processors, acquire, list_documents);

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        self.seen.steps.lock().unwrap().extend(advance.to.map(|to| to.position.0));
        self.store.advance(advance)
    }
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        self.seen.reads.fetch_add(u32::from(collection.starts_with("projection.")), Relaxed);
        self.store.documents(collection, keys)
    }
    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        if !processor.starts_with("projection.") {
            return self.store.forget(processor);
        }
        self.seen.forgets.fetch_add(1, Relaxed);
        Box::pin(async { Err(AdvanceError::Work("somebody refers to it".into())) })
    }
    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        if fails(&self.seen.renewals_to_fail) { outage() } else { self.store.renew(lease, ttl) }
    }
    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        if fails(&self.seen.releases_to_fail) { outage() } else { self.store.release(lease) }
    }
}

fn watched() -> Watched {
    Watched { store: MemoryStore::new(), seen: Arc::default() }
}

async fn follow(store: &Watched, app: &App, follower: &dyn Follower, lease: &mut Lease, limit: u32) {
    let page = page(store, follower, lease.checkpoint.position, limit).await;
    follower.follow(app, lease, page).await.unwrap();
}

#[tokio::test]
async fn documents_stay_in_memory_for_as_long_as_there_is_more() {
    let store = watched();
    write(&store, (0..25).map(|n| sold(["tea", "cup"][n % 2]))).await;
    let app = app::<Sales<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    for _ in 0..3 {
        follow(&store, &app, follower, &mut lease, 10).await;
    }
    assert_eq!((lease.checkpoint.position, store.seen.reads.load(Relaxed)), (Position(25), 1));
    assert_eq!(sales::<1>(&app).await, owned(&[("cup", 12), ("tea", 13)]));
}

#[tokio::test]
async fn a_step_ends_where_its_documents_take_too_much_memory() {
    let store = watched();
    let items: Vec<_> = (0..900).map(|n| format!("{n:03}")).collect();
    write(&store, items.iter().map(|item| sold(item))).await;
    let app = app::<Sales<1>, _>(&store).await;
    let follower = &*followers(&app)[0];
    let mut lease = take(&store, follower).await;
    // 90 KiB each: what is no field of it is passed over.
    let large = format!("{{\"count\":1,\"note\":\"{}\"}}", "x".repeat(90 * 1024));
    for items in items.chunks(40) {
        let mut advance = Advance::under(&lease);
        advance.writes.extend(items.iter().map(|item| DocumentWrite {
            collection: lease.processor.clone(),
            key: item.clone(),
            revision: None,
            position: Position(0),
            body: Some(large.clone().into()),
        }));
        store.advance(advance).await.unwrap();
    }
    follow(&store, &app, follower, &mut lease, 10_000).await;
    assert_eq!(*store.seen.steps.lock().unwrap(), [480, 900]);
    assert_eq!(sales::<1>(&app).await, items.into_iter().map(|item| (item, 2)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_copy_leaves_nothing_in_memory_and_one_that_fails_nothing_in_the_store() {
    let store = watched();
    let control = Control { store: Arc::new(store.clone()), name: Sales::<1>::NAME };
    let shared = Shared::new(Documents::<Sales<1>>::new(control.store.clone()), control);
    for _ in 0..11 {
        write(&store, (0..1_000).map(|_| sold("tea"))).await;
    }
    for (renewals, releases) in [(1, 0), (0, 1), (1, 1), (0, 0)] {
        store.seen.renewals_to_fail.store(renewals, Relaxed);
        store.seen.releases_to_fail.store(releases, Relaxed);
        let built = copy::build(&shared, second(9)).await;
        assert!(shared.kind.keeps_nothing(), "{renewals} renewals and {releases} releases have failed");
        match built {
            Ok(copy) => copy.discard().await.unwrap(),
            Err(ProjectionError::Store(_) | ProjectionError::Write(_)) if renewals + releases > 0 => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(store.processors("copy.").await.unwrap(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_cannot_be_forgotten_is_left_alone_for_a_while() {
    let store = watched();
    let app = app::<Sales<1>, _>(&store).await;
    app.rebuild("sales").await.unwrap();
    drain(&store, &app).await;
    for _ in 0..5 {
        drain(&store, &app).await;
    }
    assert_eq!(store.seen.forgets.load(Relaxed), 1);
    tokio::time::sleep(Duration::from_mins(1)).await;
    drain(&store, &app).await;
    assert_eq!(store.seen.forgets.load(Relaxed), 2);
}
