//! A process that dies between any two steps.

use crate::kit::*;
use crate::shop::*;
use es_core::BuildError;
use es_core::prelude::*;
use es_core::store::{EventStore, MemoryStore};
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

/// What customers did, and an hour behind it.
async fn shopped() -> (MemoryStore, HandClock) {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let shop = App::builder(store.clone()).clock(clock.clone()).aggregate::<Cart>().build().await.unwrap();
    for article in ["book", "lamp", "desk"] {
        shop.execute(add("1", article)).await.unwrap();
    }
    shop.execute(CheckOut { cart: cart("2"), pieces: 11 }).await.unwrap();
    shop.execute(CheckOut { cart: cart("3"), pieces: 4 }).await.unwrap();
    clock.advance(Duration::from_hours(2));
    (store, clock)
}

async fn outcome(store: &MemoryStore) -> Vec<Vec<String>> {
    let mut outcome = Vec::new();
    for stream in ["cart-1", "cart-2", "cart-3", "stock-a"] {
        let mut names = names(store, stream).await;
        // Reactors do not wait for each other.
        names.sort();
        outcome.push(names);
    }
    outcome
}

#[tokio::test(start_paused = true)]
async fn wherever_a_process_dies_the_next_one_does_the_rest_and_nothing_twice() {
    let (store, clock) = shopped().await;
    app(store.clone(), &clock).await.unwrap().drain().await.unwrap();
    let undisturbed = outcome(&store).await;
    assert!(undisturbed[0].iter().any(|name| name == "Reminded"), "{undisturbed:?}");

    for done in [false, true] {
        for last in 1.. {
            let (store, clock) = shopped().await;
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

#[tokio::test(start_paused = true)]
async fn an_outage_passes() {
    let (store, clock) = shopped().await;
    app(store.clone(), &clock).await.unwrap().drain().await.unwrap();
    let undisturbed = outcome(&store).await;

    let (store, clock) = shopped().await;
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
