//! A process that dies between any two steps.

use crate::kit::*;
use crate::shop::*;
use es_core::BuildError;
use es_core::prelude::*;
use es_core::serde_json::{self, Value};
use es_core::store::{DocumentRange, EventStore};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn app(store: impl EventStore, clock: &HandClock) -> Result<App, BuildError> {
    App::builder(store)
        .clock(clock.clone())
        .aggregate::<Cart>()
        .aggregate::<Stock>()
        .reactor::<Offer>()
        .reactor::<Fulfilment>()
        .reactor::<Reminder>()
        .build()
        .await
}

/// What customers did, two hours behind it, and somebody who came just now.
async fn shopped(store: &(impl EventStore + Clone)) -> HandClock {
    let clock = HandClock::new();
    let shop = App::builder(store.clone()).clock(clock.clone()).aggregate::<Cart>().build().await.unwrap();
    for article in ["book", "lamp", "desk"] {
        shop.execute(add("1", article)).await.unwrap();
    }
    shop.execute(CheckOut { cart: cart("2"), pieces: 11 }).await.unwrap();
    shop.execute(CheckOut { cart: cart("3"), pieces: 4 }).await.unwrap();
    clock.advance(Duration::from_hours(2));
    shop.execute(add("4", "book")).await.unwrap();
    clock
}

/// What there is when everything is done.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The names of each stream's events.
    events: Vec<Vec<String>>,
    /// What reactors keep of each key: its state, its timers, and what is left to do.
    kept: Vec<(String, String, Value)>,
    /// How many events each reactor has still before it.
    behind: Vec<(String, u64)>,
}

async fn outcome(store: &impl EventStore) -> Outcome {
    let mut events = Vec::new();
    for stream in ["cart-1", "cart-2", "cart-3", "cart-4", "stock-a"] {
        let mut names = names(store, stream).await;
        // Reactors do not wait for each other.
        names.sort();
        events.push(names);
    }
    let (mut kept, mut behind) = (Vec::new(), Vec::new());
    let (head, all) = (store.head().await.unwrap(), DocumentRange { limit: 100, ..DocumentRange::default() });
    for processor in store.processors("").await.unwrap() {
        behind.push((processor.name.to_string(), head.0 - processor.checkpoint.position.0));
        for stored in store.list_documents(&format!("{}/keys", processor.name), &all).await.unwrap() {
            let document = serde_json::from_slice(&stored.body).unwrap();
            kept.push((processor.name.to_string(), stored.key, without_ids(document)));
        }
    }
    Outcome { events, kept, behind }
}

/// A document without what differs between two runs: ids of events, and their places in the log.
fn without_ids(mut document: Value) -> Value {
    let timers = document["timers"].as_object_mut();
    for timer in timers.into_iter().flat_map(|timers| timers.values_mut()) {
        let command = timer["command"].take();
        timer["command"] = command["fields"].clone();
    }
    document.as_object_mut().unwrap().remove("position");
    document
}

on_fresh_stores! {
    wherever_a_process_dies_the_next_one_does_the_rest_and_nothing_twice,
    a_refusal_whose_compensation_was_recorded_is_never_followed_by_its_opposite,
    an_effect_that_is_repeated_has_the_same_key_and_none_is_left_out,
    an_outage_passes,
}

/// State, commands, timers and checkpoints are as they would have been undisturbed.
async fn wherever_a_process_dies_the_next_one_does_the_rest_and_nothing_twice<S: EventStore + Clone>(
    fresh: impl AsyncFn(u64) -> S,
) {
    let store = fresh(0).await;
    let clock = shopped(&store).await;
    app(store.clone(), &clock).await.unwrap().drain().await.unwrap();
    let undisturbed = outcome(&store).await;
    assert!(undisturbed.events[0].iter().any(|name| name == "Reminded"), "{undisturbed:?}");
    assert!(undisturbed.kept.iter().any(|(_, _, kept)| kept["timers"].is_object()), "{undisturbed:?}");
    assert_eq!(undisturbed.behind.len(), 3, "{undisturbed:?}");

    for done in [false, true] {
        for last in 1.. {
            let store = fresh(2 * last + u64::from(done)).await;
            let clock = shopped(&store).await;
            let dying = Dying::at(store.clone(), last, done);
            if let Ok(app) = app(dying.clone(), &clock).await {
                // Whether it ends is what the next one is asked.
                let _ = app.drain().await;
            }
            app(store.clone(), &clock).await.unwrap().drain().await.unwrap();
            assert_eq!(outcome(&store).await, undisturbed, "after call {last}, done: {done}");
            if !dying.died() {
                assert!(last > 50, "there are steps between which nobody died: {last}");
                break;
            }
        }
    }
}

/// An order for more than there is. The process dies, and what it was refused would be accepted from now on.
async fn a_refusal_whose_compensation_was_recorded_is_never_followed_by_its_opposite<
    S: EventStore + Clone,
>(
    fresh: impl AsyncFn(u64) -> S,
) {
    let (mut cancelled, mut reserved) = (0, 0);
    for done in [false, true] {
        for last in 1.. {
            let store = fresh(2 * last + u64::from(done)).await;
            let clock = HandClock::new();
            let shop = App::builder(store.clone()).aggregate::<Cart>().aggregate::<Stock>();
            let shop = shop.clock(clock.clone()).build().await.unwrap();
            shop.execute(CheckOut { cart: cart("2"), pieces: 11 }).await.unwrap();
            let dying = Dying::at(store.clone(), last, done);
            if let Ok(app) = app(dying.clone(), &clock).await {
                let _ = app.drain().await;
            }
            shop.execute(Restock { shelf: "a".to_owned(), pieces: 100 }).await.unwrap();
            app(store.clone(), &clock).await.unwrap().drain().await.unwrap();

            let cancellations = count(&store, "cart-2", "OrderCancelled").await;
            let reservations = count(&store, "stock-a", "Reserved").await;
            assert_eq!(cancellations + reservations, 1, "after call {last}, done: {done}");
            cancelled += cancellations;
            reserved += reservations;
            if !dying.died() {
                break;
            }
        }
    }
    assert!(cancelled > 0 && reserved > 0, "no death in between: {cancelled} cancelled, {reserved} reserved");
}

/// What was taken to the post, each piece with the key that it was taken there under.
#[derive(Default)]
pub struct Depot(Mutex<Vec<(String, Uuid)>>);

/// Takes each article to the post.
#[reactor(from = start)]
pub struct Parcels;

#[reactor]
impl Parcels {
    fn added(&self, e: &ArticleAdded, cx: &Context<Self>, depot: &Depot) {
        depot.0.lock().unwrap().push((e.article.clone(), cx.new_id()));
    }
}

async fn posting(store: impl EventStore, depot: &Arc<Depot>) -> Result<App, BuildError> {
    let builder = App::builder(store).aggregate::<Cart>().reactor::<Parcels>();
    builder.service::<Depot>(depot.clone()).build().await
}

async fn an_effect_that_is_repeated_has_the_same_key_and_none_is_left_out<S: EventStore + Clone>(
    fresh: impl AsyncFn(u64) -> S,
) {
    let mut repeated = false;
    for done in [false, true] {
        for last in 1.. {
            let store = fresh(2 * last + u64::from(done)).await;
            shopped(&store).await;
            let depot = Arc::new(Depot::default());
            let dying = Dying::at(store.clone(), last, done);
            if let Ok(app) = posting(dying.clone(), &depot).await {
                let _ = app.drain().await;
            }
            posting(store.clone(), &depot).await.unwrap().drain().await.unwrap();

            let mut taken = depot.0.lock().unwrap().clone();
            taken.sort();
            let calls = taken.len();
            taken.dedup();
            let articles: Vec<_> = taken.iter().map(|(article, _)| article.as_str()).collect();
            assert_eq!(articles, ["book", "book", "desk", "lamp"], "after call {last}, done: {done}");
            repeated |= calls > 4;
            if !dying.died() {
                break;
            }
        }
    }
    assert!(repeated, "nobody died between an effect and its checkpoint");
}

async fn an_outage_passes<S: EventStore + Clone>(fresh: impl AsyncFn(u64) -> S) {
    let store = fresh(0).await;
    let clock = shopped(&store).await;
    app(store.clone(), &clock).await.unwrap().drain().await.unwrap();
    let undisturbed = outcome(&store).await;

    let store = fresh(1).await;
    let clock = shopped(&store).await;
    let flaky = Dying::between(store.clone(), 40, 60);
    let app = app(flaky.clone(), &clock).await.unwrap();
    let running = app.start().await.unwrap();
    while app.drain().await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(flaky.died());
    assert_eq!(outcome(&store).await, undisturbed);
    running.stop().await.unwrap();
}
