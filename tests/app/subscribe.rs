//! What a subscription makes of a store that is late, wrong, out of reach or damaged.

use crate::bank::{Account, AccountEvent, MoneyDeposited, ann, bank, deposit, opened};
use crate::kit::Place;
use crate::probe::{Hints, Probe};
use es_core::prelude::*;
use es_core::rusqlite::Connection;
use es_core::{Subscription, SubscriptionError};
use std::error::Error;
use std::time::Duration;
use tests::place::{File, Place as _};
use tokio::time::{Instant, timeout};

on_every_store! {
    nothing_is_read_that_nobody_asks_for
    a_store_that_is_out_of_reach_ends_nothing
    a_subscription_that_is_dropped_lets_go_of_the_store
}

/// A bank in which so many events are recorded.
async fn recorded(place: &Place, count: u64) -> (App, Probe) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 0).await;
    for _ in 2..count {
        app.execute(deposit(ann(), 1)).await.unwrap();
    }
    store.counted();
    (app, store)
}

/// The version of the next event, which has to come.
async fn next(events: &mut Subscription) -> u64 {
    let next = timeout(Duration::from_secs(30), events.next()).await.expect("the next event is late");
    next.expect("the subscription goes on").unwrap().envelope.version
}

async fn nothing_is_read_that_nobody_asks_for(place: Place) {
    let (app, store) = recorded(&place, 600).await;
    let mut events = app.subscribe(SubscribeFrom::Start, Filter::all());
    assert_eq!(store.counted().log_reads, 0);
    for version in 1..=256 {
        assert_eq!(next(&mut events).await, version);
    }
    assert_eq!(store.counted().log_reads, 1);
    assert_eq!(next(&mut events).await, 257);
    assert_eq!(store.counted().log_reads, 1);
}

async fn a_store_that_is_out_of_reach_ends_nothing(place: Place) {
    let (app, store) = recorded(&place, 2).await;
    let mut events = app.subscribe(SubscribeFrom::Now, Filter::all());
    store.log_outages(2);
    assert_eq!(Some(&events.started().await), place.positions().await.last());
    app.execute(deposit(ann(), 1)).await.unwrap();
    store.log_outages(2);
    assert_eq!(next(&mut events).await, 3);
}

async fn a_subscription_that_is_dropped_lets_go_of_the_store(place: Place) {
    let (app, store) = recorded(&place, 2).await;
    let mut events = app.subscribe(Position(0), Filter::all());
    drop(app);
    assert_eq!((next(&mut events).await, next(&mut events).await), (1, 2));
    assert!(timeout(Duration::from_millis(1), events.next()).await.is_err(), "there is no third event");
    assert_eq!(store.clones(), 2);
    drop(events);
    assert_eq!(store.clones(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_never_comes_delays_an_event_by_a_second_at_most() {
    let (app, store) = recorded(&Place::memory(), 2).await;
    store.hints(Hints::Never);
    let mut events = app.subscribe(Position(2), Filter::all());
    assert!(timeout(Duration::from_millis(1_500), events.next()).await.is_err(), "there is no third event");
    app.execute(deposit(ann(), 1)).await.unwrap();
    let asked = Instant::now();
    assert_eq!(next(&mut events).await, 3);
    assert!(asked.elapsed() <= Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn hints_that_are_always_wrong_do_not_keep_the_store_busy() {
    let (app, store) = recorded(&Place::memory(), 2).await;
    store.hints(Hints::AtOnce);
    let mut events = app.subscribe(Position(2), Filter::all());
    assert!(timeout(Duration::from_secs(1), events.next()).await.is_err(), "there is no third event");
    let reads = store.counted().log_reads;
    assert!(reads <= 102, "{reads} reads within a second");
    app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(next(&mut events).await, 3);
}

/// Changes the stored event at a position behind the store's back.
fn damage(file: &File, position: u64, change: &str) {
    let file = Connection::open(file.path()).unwrap();
    let rows = file.execute(&format!("UPDATE events SET {change} WHERE position = {position}"), []);
    assert_eq!(rows.unwrap(), 1);
}

/// The error that the subscription ends with.
async fn end<T: std::fmt::Debug>(events: &mut Subscription<T>) -> SubscriptionError {
    let error = events.next().await.expect("the subscription says why it ends").unwrap_err();
    assert!(events.next().await.is_none(), "the subscription has ended");
    error
}

#[tokio::test]
async fn a_damaged_event_ends_the_stream_behind_what_stands_before_it() {
    let file = File::fresh().await;
    let (app, _) = recorded(&Place::at(&file), 6).await;
    damage(&file, 4, "schema = -1");

    let mut events = app.subscribe(Position(1), Filter::all());
    assert_eq!((next(&mut events).await, next(&mut events).await), (2, 3));
    let error = end(&mut events).await;
    assert!(matches!(error, SubscriptionError::Damaged { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the event at position 4 is damaged");
    assert_eq!(events.position(), Some(Position(3)));

    let mut rest = app.subscribe(error.position(), Filter::all());
    assert_eq!((next(&mut rest).await, next(&mut rest).await), (5, 6));
}

#[tokio::test]
async fn an_event_that_its_type_cannot_read_ends_the_typed_stream() {
    let file = File::fresh().await;
    let (app, _) = recorded(&Place::at(&file), 4).await;
    damage(&file, 3, r#"payload = CAST('{"amount":"much"}' AS BLOB)"#);

    let mut events = app.subscribe(Position(0), Filter::all());
    assert_eq!((next(&mut events).await, next(&mut events).await, next(&mut events).await), (1, 2, 3));
    let mut events = app.subscribe(Position(1), Filter::all()).typed::<Account>();
    let readable = events.next().await.unwrap().unwrap();
    assert_eq!(readable.data, AccountEvent::MoneyDeposited(MoneyDeposited { amount: 0 }));
    let error = end(&mut events).await;
    assert!(matches!(error, SubscriptionError::Unreadable { position: Position(3), .. }), "{error:?}");
    let reason = error.source().unwrap().to_string();
    assert!(reason.contains("version 3") && reason.contains("amount"), "{reason}");
}

#[tokio::test]
async fn metadata_that_cannot_be_read_ends_the_stream() {
    let file = File::fresh().await;
    let (app, _) = recorded(&Place::at(&file), 4).await;
    damage(&file, 2, "metadata = CAST('{' AS BLOB)");
    let mut events = app.subscribe(Position(0), Filter::all());
    assert_eq!(next(&mut events).await, 1);
    assert_eq!(end(&mut events).await.position(), Position(2));
}
