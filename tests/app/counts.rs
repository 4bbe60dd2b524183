//! What a command costs the store, exactly.

use crate::bank::{
    Account, AccountId, Fetch, FillUp, OpenAccount, ann, balance, bank, bob, deposit, open, opened, withdraw,
};
use crate::kit::Place;
use crate::probe::{Counted, Fate};
use es_core::prelude::*;

on_every_store! {
    a_cached_command_is_one_append
    a_fresh_command_is_one_read_and_one_append
    a_stated_id_is_one_search
    a_repetition_reads_no_stream
    a_refusal_on_a_cached_state_reads_the_tail
    nothing_to_do_appends_nothing
    a_handler_with_a_service_reads_the_tail_first
    a_conflict_reads_what_was_missed
    a_load_of_a_cached_state_reads_the_tail
    a_group_is_one_append
}

async fn a_cached_command_is_one_append(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, ..Counted::default() });
}

async fn a_fresh_command_is_one_read_and_one_append(place: Place) {
    opened(&bank(place.open().await).await, ann(), 10).await;
    let store = place.open().await;
    let app = bank(store.clone()).await;
    app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, reads: vec![0], ..Counted::default() });
    app.execute(open(bob())).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, reads: vec![0], ..Counted::default() });
}

async fn a_stated_id_is_one_search(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    app.execute(deposit(ann(), 1)).id(CommandId::new()).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, finds: 1, ..Counted::default() });
}

async fn a_repetition_reads_no_stream(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    let id = CommandId::new();
    app.execute(deposit(ann(), 1)).id(id).await.unwrap();
    store.counted();
    app.execute(deposit(ann(), 1)).id(id).await.unwrap();
    // One search for its event, one that finds no second event.
    assert_eq!(store.counted(), Counted { finds: 2, ..Counted::default() });
}

async fn a_refusal_on_a_cached_state_reads_the_tail(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    app.execute(withdraw(ann(), 99)).await.unwrap_err();
    assert_eq!(store.counted(), Counted { reads: vec![2], ..Counted::default() });
    app.execute(OpenAccount { account: ann(), owner: "Bob".into() }).await.unwrap_err();
    assert_eq!(store.counted(), Counted { reads: vec![2], ..Counted::default() });
}

async fn nothing_to_do_appends_nothing(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    let done = app.execute(FillUp { account: ann(), level: 10 }).await.unwrap();
    assert_eq!(store.counted(), Counted { reads: vec![2], ..Counted::default() });
    assert_eq!((done.version, done.position, done.events.len()), (2, place.positions().await[1], 0));
}

async fn a_handler_with_a_service_reads_the_tail_first(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    app.execute(Fetch { account: ann(), amount: 1 }).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, reads: vec![2], ..Counted::default() });
}

async fn a_conflict_reads_what_was_missed(place: Place) {
    let (store, other) = (place.open().await, bank(place.open().await).await);
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    let rival = |amount| {
        let other = other.clone();
        Fate::After(Box::pin(async move {
            other.execute(deposit(ann(), amount)).await.unwrap();
        }))
    };
    store.fates([rival(20), rival(30)]);
    let done = app.execute(withdraw(ann(), 5)).await.unwrap();
    assert_eq!((done.attempts, done.version, done.reply.left), (3, 5, 55));
    let expected = Counted { appends: 3, conflicts: 2, reads: vec![2, 3], ..Counted::default() };
    assert_eq!(store.counted(), expected);
}

async fn a_load_of_a_cached_state_reads_the_tail(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.counted();
    assert_eq!(balance(&app, &ann()).await, Some(10));
    assert_eq!(store.counted(), Counted { reads: vec![2], ..Counted::default() });
    assert!(app.load::<Account>(&AccountId::from("nobody".to_owned())).await.unwrap().is_none());
    assert_eq!(store.counted(), Counted { reads: vec![0], ..Counted::default() });
}

async fn a_group_is_one_append(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    opened(&app, bob(), 10).await;
    store.counted();
    app.execute_all((withdraw(ann(), 5), deposit(bob(), 5))).await.unwrap();
    assert_eq!(store.counted(), Counted { appends: 1, ..Counted::default() });
}
