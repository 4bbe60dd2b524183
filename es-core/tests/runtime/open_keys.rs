//! What whoever takes a lease looks at.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::{Advance, DocumentRange, DocumentWrite, EventStore, LEASE, MemoryStore};
use std::time::Duration;

async fn app(store: &MemoryStore, clock: &HandClock) -> App {
    let builder = App::builder(store.clone()).clock(clock.clone()).aggregate::<Cart>();
    builder.reactor::<Offer>().reactor::<Reminder>().build().await.unwrap()
}

async fn marked(store: &MemoryStore, reactor: &str) -> Vec<String> {
    let all = DocumentRange { limit: 1_000, ..DocumentRange::default() };
    let marked = store.list_documents(&format!("{reactor}.r1/open"), &all).await.unwrap();
    marked.into_iter().map(|marked| marked.key).collect()
}

/// Writes into a reactor's collection behind its back; no body deletes.
async fn scribble(store: &MemoryStore, reactor: &str, part: &str, key: &str, body: Option<&'static str>) {
    let processor = format!("{reactor}.r1");
    let lease = store.acquire(&processor, Uuid::new_v4(), LEASE).await.unwrap().unwrap();
    let write = DocumentWrite {
        collection: format!("{processor}/{part}").into(),
        key: key.to_owned(),
        revision: None,
        position: Position(0),
        body: body.map(Into::into),
    };
    store.advance(Advance { writes: vec![write], ..Advance::under(&lease) }).await.unwrap();
    store.release(&lease).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_only_keeps_state_is_not_read_with_the_lease() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let first = app(&store, &clock).await;
    for name in ["1", "2"] {
        first.execute(add(name, "book")).await.unwrap();
    }
    first.drain().await.unwrap();
    assert_eq!(marked(&store, "offer").await, [""; 0], "it has nothing left to do");
    assert_eq!(marked(&store, "reminder").await, ["1", "2"], "they have timers");

    // Who reads this stops.
    scribble(&store, "offer", "keys", "1", Some("nothing that it writes")).await;
    let next = app(&store, &clock).await;
    next.execute(add("2", "lamp")).await.unwrap();
    next.drain().await.unwrap();
    assert_eq!(count(&store, "cart-2", "PromotionOffered").await, 1);

    clock.advance(Duration::from_hours(2));
    next.drain().await.unwrap();
    assert_eq!(marked(&store, "reminder").await, [""; 0], "their timers have fired");
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reactor_from_before_there_were_marks_finds_its_timers() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let first = app(&store, &clock).await;
    first.execute(add("1", "book")).await.unwrap();
    first.drain().await.unwrap();
    scribble(&store, "reminder", "open", "1", None).await;
    let origin = r#"{"fingerprint":1,"silent_until":0}"#;
    scribble(&store, "reminder", "origin", "origin", Some(origin)).await;

    app(&store, &clock).await.drain().await.unwrap();
    assert_eq!(marked(&store, "reminder").await, ["1"]);
    clock.advance(Duration::from_hours(2));
    app(&store, &clock).await.drain().await.unwrap();
    assert_eq!(count(&store, "cart-1", "Reminded").await, 1);
}
