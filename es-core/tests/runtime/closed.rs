//! A store that is closed under those who read it.

use crate::shop::*;
use es_core::FollowerState;
use es_core::prelude::*;
use es_core::store::SqliteStore;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Nothing here takes long, and what never ends ends a test.
const BOUND: Duration = Duration::from_secs(30);

async fn closed_soon() -> (tempfile::TempDir, SqliteStore, App) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("events.db")).await.unwrap();
    let app = App::builder(store.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap();
    app.execute(crate::kit::add("1", "book")).await.unwrap();
    (folder, store, app)
}

#[tokio::test]
async fn a_subscription_ends_when_its_store_is_closed() {
    let (_folder, store, app) = closed_soon().await;
    let mut events = app.subscribe(Position(0), Filter::all());
    assert_eq!(events.next().await.unwrap().unwrap().name, "ArticleAdded");
    store.close().await;
    let end = timeout(BOUND, events.next()).await.expect("it ends").unwrap().unwrap_err();
    assert!(matches!(end, SubscriptionError::Closed { position: Position(1) }), "{end}");
    assert!(events.next().await.is_none());

    let mut late = app.subscribe(SubscribeFrom::Now, Filter::all());
    assert_eq!(timeout(BOUND, late.started()).await.expect("it is answered"), Position(0));
    assert!(matches!(late.next().await, Some(Err(SubscriptionError::Closed { .. }))));
    assert!(late.next().await.is_none());
}

#[tokio::test]
async fn a_reactor_stops_when_its_store_is_closed() {
    let (_folder, store, app) = closed_soon().await;
    let running = app.start().await.unwrap();
    app.wait_for("offer", Position(1)).await.unwrap();
    store.close().await;
    let stopped = async {
        while running.status()[0].state != FollowerState::Stopped("the store is closed".to_owned()) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, stopped).await.expect("it stops");
    running.stop().await.unwrap();
}
