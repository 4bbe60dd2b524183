//! Timers, by a clock that is moved by hand.

use crate::kit::*;
use crate::later::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

async fn app(store: &(impl EventStore + Clone), clock: &HandClock) -> App {
    let builder = App::builder(store.clone()).clock(clock.clone());
    builder.aggregate::<Cart>().reactor::<Reminder>().build().await.unwrap()
}

on_every_store! {
    a_timer_fires_when_it_is_due_and_only_once,
    a_timer_of_the_same_name_takes_the_place_of_the_first,
    a_cancelled_timer_does_not_fire,
    a_timer_fires_before_an_event_that_was_recorded_after_it_was_due,
    a_timer_that_is_due_when_its_app_is_gone_fires_in_the_next,
    a_timer_that_is_skipped_takes_no_other_with_it,
    timers_go_over_to_the_next_version,
    what_is_set_aside_comes_before_the_next_version,
    a_timer_fires_before_what_has_waited_and_came_later,
}

async fn a_timer_fires_when_it_is_due_and_only_once(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = app(&store, &clock).await;
    app.execute(add("1", "book")).await.unwrap();
    clock.advance(59 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(names(&store, "cart-1").await, ["ArticleAdded"]);
    clock.advance(MINUTE);
    for _ in 0..2 {
        app.drain().await.unwrap();
        assert_eq!(names(&store, "cart-1").await, ["ArticleAdded", "Reminded"]);
    }
}

async fn a_timer_of_the_same_name_takes_the_place_of_the_first(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = app(&store, &clock).await;
    app.execute(add("1", "book")).await.unwrap();
    clock.advance(30 * MINUTE);
    app.execute(add("1", "lamp")).await.unwrap();
    clock.advance(40 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 0);
    clock.advance(20 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
}

async fn a_cancelled_timer_does_not_fire(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = app(&store, &clock).await;
    app.execute(add("1", "book")).await.unwrap();
    clock.advance(MINUTE);
    app.execute(CheckOut { cart: cart("1"), pieces: 1 }).await.unwrap();
    clock.advance(100 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(names(&store, "cart-1").await, ["ArticleAdded", "CheckedOut"]);
}

async fn a_timer_fires_before_an_event_that_was_recorded_after_it_was_due(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = app(&store, &clock).await;
    app.execute(add("1", "book")).await.unwrap();
    clock.advance(61 * MINUTE);
    app.execute(CheckOut { cart: cart("1"), pieces: 1 }).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1, "buying came too late to cancel it");
}

async fn a_timer_that_is_due_when_its_app_is_gone_fires_in_the_next(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let first = app(&store, &clock).await;
    first.execute(add("1", "book")).await.unwrap();
    first.drain().await.unwrap();
    drop(first);
    clock.advance(90 * MINUTE);
    app(&store, &clock).await.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
}
async fn a_timer_that_is_skipped_takes_no_other_with_it(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = App::builder(store.clone())
        .clock(clock.clone())
        .aggregate::<Cart>()
        .aggregate::<Stock>()
        .reactor::<TwoTimers>()
        .build()
        .await
        .unwrap();
    app.execute(add("1", "book")).await.unwrap();
    app.drain().await.unwrap();
    clock.advance(180 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(names(&store, "cart-1").await, ["ArticleAdded", "Reminded"]);
}
#[tokio::test(start_paused = true)]
async fn a_drain_ends_though_the_app_is_stopped() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let app = app(&store, &clock).await;
    let running = app.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let other = app.clone();
    let drain = tokio::spawn(async move { other.drain().await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    running.stop().await.unwrap();
    let out = tokio::time::timeout(Duration::from_hours(1), drain).await;
    assert!(out.is_ok(), "drain hangs");
}
async fn timers_go_over_to_the_next_version(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let old = app(&store, &clock).await;
    old.execute(add("1", "book")).await.unwrap();
    old.drain().await.unwrap();
    let app = App::builder(store.clone())
        .clock(clock.clone())
        .aggregate::<Cart>()
        .reactor::<ReminderNext>()
        .build()
        .await
        .unwrap();
    app.drain().await.unwrap();
    clock.advance(180 * MINUTE);
    app.drain().await.unwrap();
    assert_eq!(names(&store, "cart-1").await, ["ArticleAdded", "Reminded"]);
}
async fn what_is_set_aside_comes_before_the_next_version(store: impl EventStore + Clone) {
    let old = App::builder(store.clone())
        .aggregate::<Cart>()
        .aggregate::<Stock>()
        .reactor::<Greedy>()
        .build()
        .await
        .unwrap();
    old.execute(CheckOut { cart: cart("1"), pieces: 100 }).await.unwrap();
    old.execute(CheckOut { cart: cart("1"), pieces: 1 }).await.unwrap();
    old.drain().await.unwrap();
    assert_eq!(old.parked("greedy").await.unwrap().len(), 1);
    let next = App::builder(store.clone()).aggregate::<Cart>().aggregate::<Stock>().reactor::<GreedyNext>();
    let refused = next.build().await.unwrap_err();
    assert!(refused.to_string().contains("retry or skip that first"), "{refused}");
}
async fn a_timer_fires_before_what_has_waited_and_came_later(store: impl EventStore + Clone) {
    let clock = HandClock::new();
    let app = App::builder(store.clone())
        .clock(clock.clone())
        .aggregate::<Cart>()
        .aggregate::<Stock>()
        .reactor::<Behind>()
        .build()
        .await
        .unwrap();
    app.execute(add("1", "book")).await.unwrap();
    app.drain().await.unwrap();
    clock.advance(120 * MINUTE);
    app.drain().await.unwrap();
    app.execute(CheckOut { cart: cart("1"), pieces: 1 }).await.unwrap();
    app.drain().await.unwrap();
    let parked = app.parked("behind").await.unwrap();
    assert_eq!(parked[0].waiting, 1);
    parked.skip(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert!(app.parked("behind").await.unwrap().is_empty());
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
}
