//! Apps that run: start, stop, who holds what.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::{Advance, Checkpoint, Commit, EventStore, Expected, LEASE, MemoryStore, NewEvent};
use es_core::{DrainError, FollowerState, StartError, WaitError};
use std::sync::Arc;
use std::time::Duration;

async fn offering(store: &(impl EventStore + Clone)) -> App {
    App::builder(store.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap()
}

on_every_store! {
    a_running_app_follows_and_a_stopped_one_has_given_its_leases_back,
    whoever_has_lost_its_lease_writes_nothing_and_takes_it_again,
    a_log_that_is_not_the_one_that_was_followed_stops_it,
    a_retry_that_is_due_does_not_wait_for_an_event,
    an_event_that_is_newer_than_the_code_is_left_to_others,
    an_unreadable_event_is_parked_where_its_key_is_known_and_stops_where_it_is_not,
}

async fn a_running_app_follows_and_a_stopped_one_has_given_its_leases_back(store: impl EventStore + Clone) {
    let app = offering(&store).await;
    let running = app.start().await.unwrap();
    assert!(matches!(app.start().await, Err(StartError::Running)));
    app.execute(add("1", "book")).await.unwrap();
    let done = app.execute(add("1", "lamp")).await.unwrap();
    app.wait_for("offer", done.position).await.unwrap();
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);

    app.drain().await.unwrap();
    let status = running.status();
    assert_eq!((status[0].name, status[0].lag_events, status[0].parked), ("offer", 0, 0));
    assert_eq!(status[0].state, FollowerState::Following);
    running.stop().await.unwrap();
    assert_eq!(store.processors("offer").await.unwrap()[0].owner, None);
    assert!(matches!(app.wait_for("offer", Position(99)).await, Err(WaitError::NotRunning { .. })));
    assert!(matches!(app.wait_for("nothing", Position(1)).await, Err(WaitError::Unknown { .. })));
    app.start().await.unwrap().stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_process_takes_over_when_the_first_is_gone() {
    let store = MemoryStore::new();
    let (first, second) = (offering(&store).await, offering(&store).await);
    let running = first.start().await.unwrap();
    first.execute(add("1", "book")).await.unwrap();
    first.drain().await.unwrap();
    let waiting = second.start().await.unwrap();
    tokio::time::sleep(LEASE * 3).await;
    assert_eq!(waiting.status()[0].state, FollowerState::Waiting, "the lease is renewed");

    drop(running);
    let done = second.execute(add("1", "lamp")).await.unwrap();
    second.wait_for("offer", done.position).await.unwrap();
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);
    waiting.stop().await.unwrap();
}

async fn whoever_has_lost_its_lease_writes_nothing_and_takes_it_again(store: impl EventStore + Clone) {
    let app = offering(&store).await;
    let running = app.start().await.unwrap();
    app.execute(add("1", "book")).await.unwrap();
    app.drain().await.unwrap();
    // Somebody takes the lease who should not be able to: as if this process had slept for too long.
    let owner = store.processors("offer").await.unwrap()[0].owner.unwrap();
    let stolen = store.acquire("offer.r1", owner, LEASE).await.unwrap().unwrap();
    let done = app.execute(add("1", "lamp")).await.unwrap();
    app.wait_for("offer", done.position).await.unwrap();
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);
    assert!(store.renew(&stolen, LEASE).await.is_err(), "it was taken again, under a new epoch");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_a_running_app_waits_for_no_pause() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let app = App::builder(store.clone())
        .clock(clock.clone())
        .aggregate::<Cart>()
        .reactor::<Offer>()
        .reactor::<Reminder>()
        .build()
        .await
        .unwrap();
    let running = app.start().await.unwrap();
    app.execute(add("1", "book")).await.unwrap();
    app.drain().await.unwrap();
    // Nothing in the log says that a timer is due.
    clock.advance(Duration::from_hours(2));
    let before = tokio::time::Instant::now();
    app.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
    assert_eq!(before.elapsed(), Duration::ZERO, "by the paused clock, which goes on when everybody waits");
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_ever_for_another_process() {
    let store = MemoryStore::new();
    let (first, second) = (offering(&store).await, offering(&store).await);
    let running = first.start().await.unwrap();
    first.drain().await.unwrap();
    assert!(matches!(second.drain().await, Err(DrainError::Held { .. })));
    running.stop().await.unwrap();
    second.drain().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_a_running_app_does_not_wait_for_ever_for_another_process() {
    let store = MemoryStore::new();
    let app = offering(&store).await;
    let stuck = store.acquire("offer.r1", Uuid::new_v4(), LEASE).await.unwrap().unwrap();
    let running = app.start().await.unwrap();
    app.execute(add("1", "book")).await.unwrap();
    let holds = async {
        loop {
            store.renew(&stuck, LEASE).await.unwrap();
            tokio::time::sleep(LEASE / 4).await;
        }
    };
    tokio::select! {
        drained = app.drain() => assert!(matches!(drained, Err(DrainError::Held { .. })), "{drained:?}"),
        () = holds => {}
        () = tokio::time::sleep(LEASE * 10) => panic!("it waits"),
    }
    running.stop().await.unwrap();
}

/// Prints each article, and is out of ink.
#[reactor(retry(max = 3, backoff = "1s..2s"))]
pub struct Printer;

#[reactor]
impl Printer {
    fn added(&self, _: &ArticleAdded) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_another_process_tries_again() {
    let store = MemoryStore::new();
    let printing = || App::builder(store.clone()).aggregate::<Cart>().reactor::<Printer>().build();
    let (first, second) = (printing().await.unwrap(), printing().await.unwrap());
    let running = first.start().await.unwrap();
    first.drain().await.unwrap();
    let waiting = second.start().await.unwrap();
    first.execute(add("1", "book")).await.unwrap();
    second.drain().await.unwrap();
    assert_eq!(waiting.status()[0].state, FollowerState::Waiting);
    let parked = second.parked("printer").await.unwrap();
    assert_eq!((parked.len(), parked[0].retrying), (1, false), "it is tried no more");
    waiting.stop().await.unwrap();
    running.stop().await.unwrap();
}

async fn a_log_that_is_not_the_one_that_was_followed_stops_it(store: impl EventStore + Clone) {
    let app = offering(&store).await;
    app.execute(add("1", "book")).await.unwrap();
    let lease = store.acquire("offer.r1", Uuid::new_v4(), LEASE).await.unwrap().unwrap();
    let elsewhere = Checkpoint { position: Position(1), event: Some(Uuid::new_v4()) };
    let moved = Advance { to: Some(elsewhere), ..Advance::under(&lease) };
    store.advance(moved).await.unwrap();
    store.release(&lease).await.unwrap();

    let running = app.start().await.unwrap();
    let waited = app.wait_for("offer", Position(2)).await;
    assert!(matches!(&waited, Err(WaitError::Stopped { reason, .. }) if reason.contains("not the one")));
    assert!(matches!(running.status()[0].state, FollowerState::Stopped(_)));
}

async fn a_retry_that_is_due_does_not_wait_for_an_event(store: impl EventStore + Clone) {
    let post = Arc::new(Post::default());
    let builder = App::builder(store).aggregate::<Cart>().service::<Post>(post.clone());
    let app = builder.reactor::<Mail>().build().await.unwrap();
    let running = app.start().await.unwrap();
    post.refuse("book");
    app.execute(add("1", "book")).await.unwrap();
    while app.parked("mail").await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    post.accept_all();
    app.drain().await.unwrap();
    assert_eq!(post.sent(), ["book"]);
    running.stop().await.unwrap();
}

/// An article as somebody else's code wrote it.
fn article(stream: &str, schema: u16, payload: &'static str) -> Commit {
    let event = NewEvent {
        id: Uuid::new_v4(),
        name: "ArticleAdded".into(),
        schema,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: payload.into(),
        metadata: "{}".into(),
    };
    Commit::one(StreamId::named(stream), Expected::Exact(0), vec![event])
}

async fn an_event_that_is_newer_than_the_code_is_left_to_others(store: impl EventStore + Clone) {
    let app = offering(&store).await;
    app.execute(add("1", "book")).await.unwrap();
    store.append(article("cart-2", 2, r#"{"article":"lamp"}"#)).await.unwrap();
    let running = app.start().await.unwrap();
    app.wait_for("offer", Position(1)).await.unwrap();
    assert!(matches!(app.drain().await, Err(DrainError::Stopped { .. })));
    assert!(matches!(running.status()[0].state, FollowerState::Newer(_)));
    let stored = &store.processors("offer").await.unwrap()[0];
    assert_eq!((stored.owner, stored.checkpoint.position), (None, Position(1)));
    assert!(app.parked("offer").await.unwrap().is_empty());
    running.stop().await.unwrap();
}

async fn an_unreadable_event_is_parked_where_its_key_is_known_and_stops_where_it_is_not(
    store: impl EventStore + Clone,
) {
    let builder = App::builder(store.clone()).aggregate::<Cart>().service(Arc::new(Post::default()));
    let app = builder.reactor::<Mail>().reactor::<Offer>().build().await.unwrap();
    store.append(article("cart-2", 1, "{}")).await.unwrap();
    let stopped = app.drain().await.unwrap_err();
    assert!(matches!(&stopped, DrainError::Stopped { name, .. } if name == "offer"), "{stopped}");
    let parked = app.parked("mail").await.unwrap();
    assert_eq!((parked.len(), parked[0].position), (1, Position(1)));
}
