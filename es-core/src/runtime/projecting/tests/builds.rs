//! Builds beside each other.

use super::fixture::*;
use super::on_every_store;
use crate::app::App;
use crate::runtime::{DocumentError, ProjectionError};
use crate::store::{EventStore, LEASE, MemoryStore};

on_every_store! {
    a_new_projection_is_read_at_once
    a_new_version_is_read_when_it_has_come_as_far
    while_a_switch_is_due_the_live_build_goes_on
    under_a_steady_load_the_new_build_takes_over
    the_version_before_takes_over_again
    a_switch_needs_no_event
    a_rebuild_takes_the_place_of_its_build
    a_rebuild_repairs
    another_shape_needs_another_version
    one_name_is_for_one_projection
    what_is_not_mounted_is_said
}

async fn stored<S: EventStore>(store: &S) -> Vec<String> {
    let processors = store.processors("projection.").await.unwrap();
    processors.into_iter().map(|processor| processor.name.to_string()).collect()
}

async fn a_new_projection_is_read_at_once<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    assert_eq!(sales::<1>(&app).await, []);
    assert_eq!(stored(&store).await, ["projection.sales@1.1"]);
}

async fn a_new_version_is_read_when_it_has_come_as_far<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let old = app::<Sales<1>, S>(&store).await;
    drain(&store, &old).await;
    let new = app::<Sales<2>, S>(&store).await;
    assert_eq!(sales::<2>(&new).await, owned(&SHOP));

    let follower = &*followers(&new)[0];
    let mut lease = take(&store, follower).await;
    while lease.checkpoint.position < store.head().await.unwrap() {
        assert_eq!(sales::<2>(&new).await, owned(&SHOP), "the old one, at {:?}", lease.checkpoint);
        let page = page(&store, follower, lease.checkpoint.position, 1).await;
        follower.follow(&new, &mut lease, page).await.unwrap();
    }
    assert_eq!(sales::<2>(&new).await, owned(&[("cup", 2), ("tea", 4)]));
    assert_eq!(stored(&store).await, ["projection.sales@1.1", "projection.sales@2.1"]);
}

async fn while_a_switch_is_due_the_live_build_goes_on<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let old = app::<Sales<1>, S>(&store).await;
    drain(&store, &old).await;
    let new = app::<Sales<2>, S>(&store).await;
    let follower = &*followers(&new)[0];
    let mut lease = take(&store, follower).await;
    let first = page(&store, follower, lease.checkpoint.position, 100).await;
    write(&store, [sold("tea")]).await;
    // Nobody takes the new one further meanwhile, so that the old one does not wait for it.
    store.release(&lease).await.unwrap();
    drain(&store, &old).await;
    lease = take(&store, follower).await;
    // Behind the live one by the event that it has just taken.
    follower.follow(&new, &mut lease, first).await.unwrap();
    assert_eq!(sales::<2>(&new).await, owned(&[("cup", 1), ("tea", 3)]));
    let second = page(&store, follower, lease.checkpoint.position, 100).await;
    follower.follow(&new, &mut lease, second).await.unwrap();
    assert_eq!(sales::<2>(&new).await, owned(&[("cup", 2), ("tea", 6)]));
}

async fn under_a_steady_load_the_new_build_takes_over<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let old = app::<Sales<1>, S>(&store).await;
    drain(&store, &old).await;
    let new = app::<Sales<2>, S>(&store).await;
    let (live, target) = (&*followers(&old)[0], &*followers(&new)[0]);
    let mut lease = take(&store, target).await;
    let read = page(&store, target, lease.checkpoint.position, 100).await;
    // Whatever the new one has read, the log has gone on.
    write(&store, [sold("tea")]).await;
    let (went, taken) = tokio::join!(run(&store, &old, live, 100), target.follow(&new, &mut lease, read));
    went.unwrap();
    taken.unwrap();
    assert_eq!(sales::<2>(&new).await, owned(&[("cup", 2), ("tea", 4)]));
}

#[tokio::test(start_paused = true)]
async fn a_new_build_that_does_not_move_is_not_waited_for_without_end() {
    let store = MemoryStore::new();
    shop(&store).await;
    let old = app::<Sales<1>, _>(&store).await;
    drain(&store, &old).await;
    let new = app::<Sales<2>, _>(&store).await;
    let stuck = take(&store, &*followers(&new)[0]).await;
    write(&store, [sold("tea")]).await;
    let live = followers(&old);
    let goes_on = run(&store, &old, &*live[0], 100);
    let holds = async {
        loop {
            store.renew(&stuck, LEASE).await.unwrap();
            tokio::time::sleep(LEASE / 4).await;
        }
    };
    tokio::select! {
        went = tokio::time::timeout(LEASE * 3, goes_on) => went.expect("it waits").unwrap(),
        () = holds => {}
    }
    assert_eq!(sales::<1>(&old).await, owned(&[("cup", 1), ("tea", 3)]));
}

async fn the_version_before_takes_over_again<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    drain(&store, &app::<Sales<1>, S>(&store).await).await;
    drain(&store, &app::<Sales<2>, S>(&store).await).await;
    write(&store, [sold("tea")]).await;
    drain(&store, &app::<Sales<2>, S>(&store).await).await;

    let back = app::<Sales<1>, S>(&store).await;
    assert_eq!(sales::<1>(&back).await, owned(&[("cup", 2), ("tea", 6)]));
    drain(&store, &back).await;
    assert_eq!(sales::<1>(&back).await, owned(&[("cup", 1), ("tea", 3)]));

    drain(&store, &app::<Sales<3>, S>(&store).await).await;
    assert_eq!(stored(&store).await, ["projection.sales@1.1", "projection.sales@3.1"]);
}

async fn a_switch_needs_no_event<S: EventStore + Clone>(store: S) {
    let old = app::<Sales<1>, S>(&store).await;
    let new = app::<Sales<2>, S>(&store).await;
    drain(&store, &new).await;
    shop(&store).await;
    drain(&store, &old).await;
    assert_eq!(sales::<2>(&new).await, [], "the old one is read no more");
    drain(&store, &new).await;
    assert_eq!(sales::<2>(&new).await, owned(&[("cup", 2), ("tea", 4)]));
}

async fn a_rebuild_takes_the_place_of_its_build<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    app.rebuild("sales").await.unwrap();
    assert_eq!(stored(&store).await, ["projection.sales@1.1", "projection.sales@1.2"]);
    assert_eq!(sales::<1>(&app).await, owned(&SHOP));
    drain(&store, &app).await;
    assert_eq!(stored(&store).await, ["projection.sales@1.2"]);
    assert_eq!(sales::<1>(&app).await, owned(&SHOP));
    assert_eq!(followers(&app).len(), 1);
}

async fn a_rebuild_repairs<S: EventStore + Clone>(store: S) {
    shop(&store).await;
    let app = app::<Sales<1>, S>(&store).await;
    drain(&store, &app).await;
    super::copies::spoil(&store, &app).await;
    assert_ne!(sales::<1>(&app).await, owned(&SHOP));
    app.rebuild("sales").await.unwrap();
    drain(&store, &app).await;
    assert_eq!(sales::<1>(&app).await, owned(&SHOP));
}

async fn another_shape_needs_another_version<S: EventStore + Clone>(store: S) {
    app::<Sales<1>, S>(&store).await;
    app::<Sales<2>, S>(&store).await;
    let faulty = App::builder(store.clone()).projection::<Reshaped>().build().await.unwrap_err();
    assert_eq!(
        faulty.faults(),
        ["projection \"sales\": its key, its document or its `inline` is not as version 1 was built: say \
          `#[projection(.., version = 3)]`, and it is built anew beside the old one"]
    );
}

async fn one_name_is_for_one_projection<S: EventStore + Clone>(store: S) {
    let builder = App::builder(store).projection::<Sales<1>>().projection::<Reshaped>();
    let faulty = builder.build().await.unwrap_err();
    assert!(faulty.faults()[0].contains("are both named \"sales\""), "{faulty}");
}

async fn what_is_not_mounted_is_said<S: EventStore + Clone>(store: S) {
    let app = app::<Sales<1>, S>(&store).await;
    let error = app.rebuild("orders").await.unwrap_err();
    assert!(matches!(error, ProjectionError::NotMounted { name } if name == "orders"));
    let error = app.document::<Everything>(&()).await.unwrap_err();
    assert!(matches!(error, DocumentError::NotMounted { projection: "everything" }));
    let error = app.documents::<Everything>().await.unwrap_err();
    assert!(matches!(error, DocumentError::NotMounted { projection: "everything" }));
}
