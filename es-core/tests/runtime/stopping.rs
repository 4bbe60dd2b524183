//! Apps that are stopped while something does not end.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::MemoryStore;
use es_core::{FollowerState, Running, StopError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::timeout;

/// An app whose reactor goes on when so many have come.
async fn meeting(store: &MemoryStore, people: usize) -> (App, Arc<Meeting>) {
    let meeting = Arc::new(Meeting(Barrier::new(people)));
    let builder = App::builder(store.clone()).aggregate::<Cart>().service(meeting.clone());
    (builder.reactor::<Meet>().reactor::<Offer>().build().await.unwrap(), meeting)
}

/// The position of an event that one reactor waits with, and the other one is done with.
async fn begun(app: &App, running: &Running) -> Position {
    let done = app.execute(add("1", "book")).await.unwrap();
    app.wait_for("offer", done.position).await.unwrap();
    while running.status()[0].state != FollowerState::CatchingUp {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done.position
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_never_ends_does_not_hold_a_stop() {
    let store = MemoryStore::new();
    let (app, _) = meeting(&store, 2).await;
    let running = app.start().await.unwrap();
    let position = begun(&app, &running).await;
    let stopped = timeout(Duration::from_mins(1), running.stop()).await.expect("it is not held");
    let late = stopped.unwrap_err();
    assert!(matches!(&late, StopError::Late { names } if *names == ["meet"]), "{late}");
    let owner = |name| {
        let store = store.clone();
        async move { store.processors(name).await.unwrap()[0].owner }
    };
    assert_eq!(owner("offer").await, None, "who has ended has given its lease back");

    // Somebody else begins it again, once the lease has run out.
    let (app, _) = meeting(&store, 1).await;
    app.drain().await.unwrap();
    assert_eq!(store.processors("meet").await.unwrap()[0].checkpoint.position, position);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_an_effect_that_ends() {
    let store = MemoryStore::new();
    let (app, meeting) = meeting(&store, 2).await;
    let running = app.start().await.unwrap();
    let position = begun(&app, &running).await;
    let comes = tokio::spawn(async move { meeting.0.wait().await });
    running.stop().await.unwrap();
    comes.await.unwrap();
    let stored = &store.processors("meet").await.unwrap()[0];
    assert_eq!((stored.checkpoint.position, stored.owner), (position, None));
}
