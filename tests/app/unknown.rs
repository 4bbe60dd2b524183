//! When nobody hears what became of a commit: it is settled, never twice, never lost.

use crate::bank::{ann, balance, bank, bob, deposit, opened, replayed, stream, withdraw};
use crate::kit::Place;
use crate::probe::{Fate, Probe};
use es_core::prelude::*;
use es_core::store::{AppendError, MemoryStore};
use std::iter::repeat_with;

on_every_store! {
    a_commit_that_was_stored_unheard_is_not_stored_twice
    a_commit_that_was_lost_unheard_is_sent_again
    somebody_who_comes_between_is_no_harm
    a_lost_commit_that_came_too_late_is_decided_again
    a_store_that_is_away_in_between_says_nothing_of_the_commit
    a_group_is_settled_as_a_whole
    a_store_that_is_unavailable_has_stored_nothing
    dropping_a_command_before_the_store_has_it_leaves_nothing
    dropping_a_command_behind_the_store_leaves_all_of_it
}

async fn rich(place: &Place) -> (App, Probe) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    store.counted();
    (app, store)
}

async fn a_commit_that_was_stored_unheard_is_not_stored_twice(place: Place) {
    let (app, store) = rich(&place).await;
    store.fates([Fate::StoredUnheard, Fate::StoredUnheard]);
    let done = app.execute(withdraw(ann(), 80)).await.unwrap();
    assert_eq!((done.version, done.events.len(), done.reply.left), (3, 1, 20));
    assert_eq!(store.counted().appends, 3);
    assert_eq!(balance(&app, &ann()).await, Some(20));
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn a_commit_that_was_lost_unheard_is_sent_again(place: Place) {
    let (app, store) = rich(&place).await;
    store.fates([Fate::LostUnheard, Fate::LostUnheard]);
    let done = app.execute(withdraw(ann(), 80)).await.unwrap();
    assert_eq!((done.version, done.attempts, done.duplicate), (3, 1, false));
    assert_eq!(replayed(&place, &ann()).await, Some(20));
}

fn rival(app: &App, amount: u64) -> impl Future<Output = ()> + Send + 'static {
    let app = app.clone();
    async move {
        app.execute(withdraw(ann(), amount)).await.unwrap();
    }
}

async fn somebody_who_comes_between_is_no_harm(place: Place) {
    let (app, store) = rich(&place).await;
    let other = bank(place.open().await).await;
    // It was stored, then somebody took the rest, and only then it is sent again.
    store.fates([Fate::StoredUnheard, Fate::After(Box::pin(rival(&other, 20)))]);
    let done = app.execute(withdraw(ann(), 80)).await.unwrap();
    assert_eq!((done.version, done.reply.left), (3, 20));
    assert_eq!(replayed(&place, &ann()).await, Some(0));
}

async fn a_lost_commit_that_came_too_late_is_decided_again(place: Place) {
    let (app, store) = rich(&place).await;
    let other = bank(place.open().await).await;
    store.fates([Fate::LostUnheard, Fate::After(Box::pin(rival(&other, 50)))]);
    let refused = app.execute(withdraw(ann(), 80)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(_)), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, Some(50));
}

async fn a_store_that_is_away_in_between_says_nothing_of_the_commit(place: Place) {
    let (app, store) = rich(&place).await;
    store.fates([Fate::StoredUnheard, Fate::Unavailable, Fate::Unavailable]);
    assert_eq!(app.execute(withdraw(ann(), 80)).await.unwrap().version, 3);
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn a_group_is_settled_as_a_whole(place: Place) {
    let (app, store) = rich(&place).await;
    opened(&app, bob(), 0).await;
    for fate in [Fate::StoredUnheard, Fate::LostUnheard] {
        store.fates([fate]);
        let (taken, given) = app.execute_all((withdraw(ann(), 30), deposit(bob(), 30))).await.unwrap();
        assert_eq!((taken.events.len(), given.events.len()), (1, 1));
    }
    assert_eq!(replayed(&place, &ann()).await, Some(40));
    assert_eq!(replayed(&place, &bob()).await, Some(60));
}

async fn a_store_that_is_unavailable_has_stored_nothing(place: Place) {
    let (app, store) = rich(&place).await;
    store.fates([Fate::Unavailable]);
    let failed = app.execute(withdraw(ann(), 80)).await.unwrap_err();
    let is_unavailable =
        matches!(failed, CommandError::Store(StoreError::Append(AppendError::Unavailable { .. })));
    assert!(is_unavailable, "{failed}");
    assert_eq!((store.counted().appends, replayed(&place, &ann()).await), (1, Some(100)));
    assert_eq!(app.execute(withdraw(ann(), 80)).await.unwrap().version, 3);
}

async fn dropping_a_command_before_the_store_has_it_leaves_nothing(place: Place) {
    let (app, store) = rich(&place).await;
    store.fates([Fate::Stuck]);
    store.drop_when_stuck(app.execute(withdraw(ann(), 80))).await;
    assert_eq!(replayed(&place, &ann()).await, Some(100));
    let done = app.execute(withdraw(ann(), 80)).await.unwrap();
    assert_eq!((done.version, done.attempts), (3, 1));
}

async fn dropping_a_command_behind_the_store_leaves_all_of_it(place: Place) {
    let (app, store) = rich(&place).await;
    opened(&app, bob(), 0).await;
    store.fates([Fate::StoredAndStuck]);
    store.drop_when_stuck(app.execute_all((withdraw(ann(), 80), deposit(bob(), 80)))).await;
    assert_eq!(replayed(&place, &ann()).await, Some(20));
    assert_eq!(replayed(&place, &bob()).await, Some(80));
    // Its states are stale, and it does not decide on them.
    let refused = app.execute(withdraw(ann(), 80)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(_)), "{refused}");
    assert_eq!(app.execute(withdraw(bob(), 80)).await.unwrap().version, 4);
}

#[tokio::test(start_paused = true)]
async fn what_stays_unknown_is_said_to_be() {
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    store.fates(repeat_with(|| Fate::LostUnheard).take(15));
    let id = CommandId::new();
    let failed = app.execute(withdraw(ann(), 80)).id(id).await.unwrap_err();
    let is_unknown = matches!(failed, CommandError::Store(StoreError::Append(AppendError::Ambiguous { .. })));
    assert!(is_unknown, "{failed}");
    // Repeating it under its id settles it.
    assert!(!app.execute(withdraw(ann(), 80)).id(id).await.unwrap().duplicate);
    assert!(app.execute(withdraw(ann(), 80)).id(id).await.unwrap().duplicate);
    assert_eq!(balance(&app, &ann()).await, Some(20));
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_in_the_end_is_answered_under_a_stated_id() {
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 100).await;
    store.fates(repeat_with(|| Fate::StoredUnheard).take(15));
    let done = app.execute(withdraw(ann(), 80)).id(CommandId::new()).await.unwrap();
    assert_eq!((done.version, done.reply.left), (3, 20));
}
