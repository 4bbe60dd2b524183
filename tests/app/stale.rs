//! Only an append may leave on a state that nobody compared with its stream.
//!
//! In every case the app has cached an account with 10 on it, and another process has deposited 90 since.

use crate::bank::{
    Account, AccountError, AccountEvent, CloseAccount, DepositParts, Errand, Fetch, FillUp, MoneyDeposited,
    ann, balance, bank, bank_with, bob, deposit, open, opened, replayed, withdraw,
};
use crate::kit::Place;
use crate::probe::Probe;
use es_core::prelude::*;
use std::sync::{Arc, Mutex};

on_every_store! {
    a_load_shows_what_is_there
    a_question_is_answered_from_what_is_there
    a_refusal_is_about_what_is_there
    an_absence_is_looked_at_again
    nothing_to_do_is_about_what_is_there
    a_stated_version_is_compared_with_what_is_there
    a_service_is_called_with_what_is_there
    a_group_is_refused_on_what_is_there
    a_group_member_with_nothing_to_do_has_looked
    an_append_on_a_stale_state_is_decided_again
}

/// An app whose state of Ann's account is stale, and its store.
async fn stale(place: &Place) -> (App, Probe) {
    stale_with(place, Arc::new(crate::bank::NoErrand)).await
}

async fn stale_with(place: &Place, errand: Arc<dyn Errand>) -> (App, Probe) {
    let store = place.open().await;
    let app = bank_with(store.clone(), errand).await;
    opened(&app, ann(), 10).await;
    let other = bank(place.open().await).await;
    other.execute(deposit(ann(), 90)).await.unwrap();
    store.counted();
    (app, store)
}

async fn a_load_shows_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    assert_eq!(balance(&app, &ann()).await, Some(100));
}

async fn a_question_is_answered_from_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    assert_eq!(app.would(&withdraw(ann(), 100)).await.unwrap().len(), 1);
}

async fn a_refusal_is_about_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    let done = app.execute(withdraw(ann(), 60)).await.unwrap();
    assert_eq!((done.reply.left, done.attempts), (40, 1));
    let refused = app.execute(withdraw(ann(), 60)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(AccountError::Overdraft { available: 40 })));
}

async fn an_absence_is_looked_at_again(place: Place) {
    let (app, _) = stale(&place).await;
    let other = bank(place.open().await).await;
    other.execute(CloseAccount { account: ann() }).await.unwrap();
    let ended = app.execute(open(ann())).await.unwrap_err();
    assert!(matches!(ended, CommandError::Ended { .. }), "not that it exists: {ended}");
}

async fn nothing_to_do_is_about_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    let other = bank(place.open().await).await;
    other.execute(withdraw(ann(), 95)).await.unwrap();
    // On the cached 10 there would be nothing to fill up.
    let done = app.execute(FillUp { account: ann(), level: 10 }).await.unwrap();
    assert_eq!(done.events, [AccountEvent::MoneyDeposited(MoneyDeposited { amount: 5 })]);
    assert_eq!(done.attempts, 1);
}

async fn a_stated_version_is_compared_with_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    let done = app.execute(withdraw(ann(), 100)).expect_version(3).await.unwrap();
    assert_eq!((done.version, done.attempts), (4, 1));
}

/// Remembers which balances it was run for.
#[derive(Default)]
struct Remembers(Mutex<Vec<u64>>);

impl Errand for Remembers {
    fn run<'a>(&'a self, _: &'a crate::bank::AccountId, balance: u64) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(balance);
        Box::pin(async {})
    }
}

async fn a_service_is_called_with_what_is_there(place: Place) {
    let errand = Arc::new(Remembers::default());
    let (app, _) = stale_with(&place, errand.clone()).await;
    app.execute(Fetch { account: ann(), amount: 1 }).await.unwrap();
    let group = (Fetch { account: ann(), amount: 1 },);
    let other = bank(place.open().await).await;
    other.execute(deposit(ann(), 99)).await.unwrap();
    app.execute_all(group).await.unwrap();
    assert_eq!(*errand.0.lock().unwrap(), [100, 200]);
}

async fn a_group_is_refused_on_what_is_there(place: Place) {
    let (app, _) = stale(&place).await;
    let (done,) = app.execute_all((withdraw(ann(), 100),)).await.unwrap();
    assert_eq!((done.reply.left, done.attempts), (0, 1));
}

async fn a_group_member_with_nothing_to_do_has_looked(place: Place) {
    let (app, _) = stale(&place).await;
    let other = bank(place.open().await).await;
    other.execute(withdraw(ann(), 95)).await.unwrap();
    app.execute_all((open(bob()), FillUp { account: ann(), level: 10 })).await.unwrap();
    assert_eq!(replayed(&place, &ann()).await, Some(10));
}

async fn an_append_on_a_stale_state_is_decided_again(place: Place) {
    let (app, store) = stale(&place).await;
    let done = app.execute(DepositParts { account: ann(), amount: 1, parts: 2 }).await.unwrap();
    assert_eq!((done.attempts, done.version), (2, 5));
    assert_eq!(done.state.unwrap().balance, 102);
    let counted = store.counted();
    assert_eq!((counted.appends, counted.conflicts, counted.reads), (2, 1, vec![2]));
    assert_eq!(app.load::<Account>(&ann()).await.unwrap().unwrap().balance, 102);
}
