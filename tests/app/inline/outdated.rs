//! States that another process has left behind: a command may fail on them once, and not for ever.

use super::shop::{Count, Stock, place, restock, shop, shop_with};
use crate::kit::Place;
use crate::probe::Fate;
use es_core::prelude::*;
use std::time::Duration;

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    an_expected_version_is_that_of_one_stream_and_the_others_are_read
    a_command_that_is_not_repeated_leaves_nothing_outdated
    a_group_that_is_not_repeated_leaves_nothing_outdated
    after_a_conflict_the_streams_of_answers_are_waited_for
    a_group_waits_for_the_streams_of_answers_after_a_conflict
    what_a_command_would_do_is_what_its_answers_allow
}

/// An app that has the pens cached as they were before another process took some.
async fn behind(at: &Place) -> App {
    let app = shop_with(at, 50).await;
    shop(at.open().await).await.execute(restock(1)).await.unwrap();
    app
}

async fn an_expected_version_is_that_of_one_stream_and_the_others_are_read(at: Place) {
    let app = behind(&at).await;
    let done = app.execute(place("one", 1)).expect_version(0).await.unwrap();
    assert_eq!((done.version, done.attempts), (1, 1));
}

fn count() -> Count {
    Count { sku: "pen".into() }
}

fn is_conflict<E: std::error::Error>(refused: CommandError<E>) -> bool {
    matches!(refused, CommandError::Conflict { attempts: 1 })
}

async fn a_command_that_is_not_repeated_leaves_nothing_outdated(at: Place) {
    let app = behind(&at).await;
    assert!(is_conflict(app.execute(count()).await.unwrap_err()));
    assert_eq!(app.execute(count()).await.unwrap().version, 3);
}

async fn a_group_that_is_not_repeated_leaves_nothing_outdated(at: Place) {
    let app = behind(&at).await;
    assert!(is_conflict(app.execute_all((count(), place("one", 1))).await.unwrap_err()));
    app.execute_all((count(), place("one", 1))).await.unwrap();
}

/// Restocks by another process; then by this one, if it need not wait.
async fn rivals(at: &Place, app: &App) -> [Fate; 2] {
    let (other, app) = (shop(at.open().await).await, app.clone());
    let elsewhere = async move { drop(other.execute(restock(1)).await.unwrap()) };
    let beside = async move {
        let restocked = tokio::time::timeout(Duration::from_millis(100), app.execute(restock(1))).await;
        assert!(restocked.is_err(), "the stream is taken");
    };
    [Fate::After(Box::pin(elsewhere)), Fate::After(Box::pin(beside))]
}

async fn after_a_conflict_the_streams_of_answers_are_waited_for(at: Place) {
    let store = at.open().await;
    let app = shop(store.clone()).await;
    app.execute(restock(50)).await.unwrap();
    store.fates(rivals(&at, &app).await);
    assert_eq!(app.execute(place("one", 1)).await.unwrap().attempts, 2);
    // The turns are over.
    assert_eq!(app.execute(restock(1)).await.unwrap().attempts, 1);
}

async fn a_group_waits_for_the_streams_of_answers_after_a_conflict(at: Place) {
    let store = at.open().await;
    let app = shop(store.clone()).await;
    app.execute(restock(50)).await.unwrap();
    store.fates(rivals(&at, &app).await);
    let (one, two) = app.execute_all((place("one", 1), place("two", 1))).await.unwrap();
    assert_eq!((one.attempts, two.attempts), (2, 2));
    assert_eq!(app.execute(restock(1)).await.unwrap().attempts, 1);
}

async fn what_a_command_would_do_is_what_its_answers_allow(at: Place) {
    let app = shop_with(&at, 1).await;
    assert_eq!(app.would(&place("one", 1)).await.unwrap().len(), 1);
    let refused = app.would(&place("one", 2)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Inline { .. }), "{refused}");
    shop(at.open().await).await.execute(restock(1)).await.unwrap();
    assert_eq!(app.would(&place("one", 2)).await.unwrap().len(), 1);
    assert_eq!(app.load::<Stock>(&"pen".to_owned()).await.unwrap().unwrap().left, 2);
}
