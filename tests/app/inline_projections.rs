//! Projections that are written in the transaction of the commit: what a command did is read at once.

use crate::bank::{
    Account, AccountClosed, AccountId, AccountOpened, CloseAccount, DepositParts, Errand, MoneyDeposited,
    MoneyWithdrawn, NoErrand, ann, balance, bob, deposit, open, stream, withdraw,
};
use crate::kit::{Place, poll_once};
use crate::probe::Fate;
use es_core::prelude::*;
use std::sync::Arc;

on_every_store! {
    not on nats: "a commit takes no documents along there";
    a_document_shows_a_command_at_once
    a_group_is_shown_as_a_whole
    a_command_that_the_projection_cannot_take_is_an_error
    what_the_projection_cannot_take_is_nobody_elses_fault
    what_others_have_appended_is_in_it_too
    a_long_log_is_followed_and_then_written_inline
    a_repeated_command_counts_once
    a_commit_that_is_sent_again_counts_once
    a_rebuild_under_load_is_what_the_events_give
    two_processes_share_a_projection
    whoever_waits_finds_the_build_that_another_process_has_begun
    commands_of_many_are_counted_each
}

/// What each account has turned over.
#[projection(key = AccountId, inline)]
pub struct Turnovers {
    pub paid_in: u64,
    pub paid_out: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("{0} is over the limit of a report")]
pub struct OverTheLimit(u64);

#[projection]
impl Turnovers {
    fn opened(&mut self, _: &AccountOpened) {}
    fn deposited(&mut self, e: &MoneyDeposited) -> Result<(), OverTheLimit> {
        if e.amount > 1_000_000 {
            return Err(OverTheLimit(e.amount));
        }
        self.paid_in += e.amount;
        Ok(())
    }
    fn withdrawn(&mut self, e: &MoneyWithdrawn) {
        self.paid_out += e.amount;
    }
    fn closed(self, _: &AccountClosed) {}
}

async fn app(place: &Place) -> App {
    over(place.open().await).await
}

async fn over(store: impl EventStore) -> App {
    let builder = App::builder(store).aggregate::<Account>().projection::<Turnovers>();
    builder.service::<dyn Errand>(Arc::new(NoErrand)).build().await.unwrap()
}

/// What came in and went out.
async fn turnover(app: &App, account: &AccountId) -> Option<(u64, u64)> {
    let document = app.document::<Turnovers>(account).await.unwrap();
    document.map(|turnover| (turnover.paid_in, turnover.paid_out))
}

async fn a_document_shows_a_command_at_once(place: Place) {
    let app = app(&place).await;
    app.execute(open(ann())).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((0, 0)));
    app.execute(deposit(ann(), 50)).await.unwrap();
    let done = app.execute(withdraw(ann(), 20)).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((50, 20)));
    app.wait_for("turnovers", done.position).await.unwrap();
    app.execute(CloseAccount { account: ann() }).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, None);
}

async fn a_group_is_shown_as_a_whole(place: Place) {
    let app = app(&place).await;
    app.execute_all((open(ann()), open(bob()), deposit(ann(), 50), withdraw(ann(), 20), deposit(bob(), 20)))
        .await
        .unwrap();
    assert_eq!((turnover(&app, &ann()).await, turnover(&app, &bob()).await), (Some((50, 20)), Some((20, 0))));
}

async fn a_command_that_the_projection_cannot_take_is_an_error(place: Place) {
    let app = app(&place).await;
    app.execute(open(ann())).await.unwrap();
    let failed = app.execute(deposit(ann(), 1_000_001)).await.unwrap_err();
    let CommandError::Inline { reactor, source } = failed else { panic!("{failed:?}") };
    assert_eq!(reactor, "turnovers");
    assert_eq!(
        source.to_string(),
        "`deposited` failed on event \"MoneyDeposited\" at position 2 (stream account-ann, version 2): \
         1000001 is over the limit of a report"
    );
    let both = app.execute_all((deposit(ann(), 1), deposit(ann(), 1_000_001))).await.unwrap_err();
    assert!(matches!(both, CommandError::Inline { .. }), "{both:?}");
    assert_eq!(place.names(&stream(&ann())).await, ["AccountOpened"]);
    assert_eq!((balance(&app, &ann()).await, turnover(&app, &ann()).await), (Some(0), Some((0, 0))));
    app.execute(deposit(ann(), 7)).await.unwrap();
    assert_eq!((balance(&app, &ann()).await, turnover(&app, &ann()).await), (Some(7), Some((7, 0))));
}

async fn what_the_projection_cannot_take_is_nobody_elses_fault(place: Place) {
    let store = place.open().await;
    let app = over(store.clone()).await;
    app.execute(open(ann())).await.unwrap();
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    let mut waiting = [1, 2, 1_000_001, 3].map(|amount| Box::pin(app.execute(deposit(ann(), amount))));
    for command in &mut waiting {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    let [one, two, failed, three] = waiting;
    let (one, two, failed, three) = tokio::join!(one, two, failed, three);
    assert!(matches!(failed.unwrap_err(), CommandError::Inline { .. }));
    assert_eq!([one, two, three].map(|done| done.unwrap().attempts), [1, 1, 1]);
    assert_eq!((balance(&app, &ann()).await, turnover(&app, &ann()).await), (Some(6), Some((6, 0))));
}

async fn what_others_have_appended_is_in_it_too(place: Place) {
    let other = crate::bank::bank(place.open().await).await;
    crate::bank::opened(&other, ann(), 30).await;
    let app = app(&place).await;
    assert_eq!(turnover(&app, &ann()).await, None);
    app.execute(withdraw(ann(), 10)).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((30, 10)));
}

async fn a_long_log_is_followed_and_then_written_inline(place: Place) {
    let other = crate::bank::bank(place.open().await).await;
    other.execute(open(ann())).await.unwrap();
    other.execute(DepositParts { account: ann(), amount: 1, parts: 1_000 }).await.unwrap();
    let app = app(&place).await;
    app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, None, "1,001 events lie between");
    app.drain().await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((1_001, 0)));
    app.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((1_002, 0)));
    assert_eq!(app.matches_events("turnovers").await.unwrap(), Vec::<String>::new());
}

async fn a_repeated_command_counts_once(place: Place) {
    let app = app(&place).await;
    app.execute(open(ann())).await.unwrap();
    let id = CommandId::named("once");
    for duplicate in [false, true] {
        let done = app.execute(deposit(ann(), 50)).id(id).await.unwrap();
        assert_eq!(done.duplicate, duplicate);
    }
    assert_eq!(turnover(&app, &ann()).await, Some((50, 0)));
}

async fn a_commit_that_is_sent_again_counts_once(place: Place) {
    let store = place.open().await;
    let app = over(store.clone()).await;
    app.execute(open(ann())).await.unwrap();
    store.fates([Fate::StoredUnheard]);
    app.execute(deposit(ann(), 50)).await.unwrap();
    store.fates([Fate::LostUnheard]);
    app.execute(deposit(ann(), 50)).await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((100, 0)));
}

async fn a_rebuild_under_load_is_what_the_events_give(place: Place) {
    let app = app(&place).await;
    app.execute(open(ann())).await.unwrap();
    for _ in 0..3 {
        app.execute(DepositParts { account: ann(), amount: 1, parts: 900 }).await.unwrap();
    }
    app.rebuild("turnovers").await.unwrap();
    let running = app.start().await.unwrap();
    for n in 1..=100 {
        app.execute(deposit(ann(), 1)).await.unwrap();
        assert_eq!(turnover(&app, &ann()).await, Some((2_700 + n, 0)));
    }
    running.stop().await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(turnover(&app, &ann()).await, Some((2_800, 0)));
    assert_eq!(app.matches_events("turnovers").await.unwrap(), Vec::<String>::new());
    let builds = place.open().await.processors("projection.").await.unwrap();
    assert_eq!(builds.iter().map(|build| &*build.name).collect::<Vec<_>>(), ["projection.turnovers@1.2"]);
}

async fn two_processes_share_a_projection(place: Place) {
    let (one, other) = (app(&place).await, app(&place).await);
    one.execute(open(ann())).await.unwrap();
    other.execute(deposit(ann(), 50)).await.unwrap();
    assert_eq!(turnover(&one, &ann()).await, Some((50, 0)));
    one.execute(withdraw(ann(), 20)).await.unwrap();
    assert_eq!(turnover(&other, &ann()).await, Some((50, 20)));
}

async fn whoever_waits_finds_the_build_that_another_process_has_begun(place: Place) {
    let (one, other) = (app(&place).await, app(&place).await);
    one.execute(open(ann())).await.unwrap();
    other.rebuild("turnovers").await.unwrap();
    other.drain().await.unwrap();
    let done = other.execute(deposit(ann(), 50)).await.unwrap();
    one.wait_for("turnovers", done.position).await.unwrap();
    let done = one.execute(deposit(ann(), 50)).await.unwrap();
    one.wait_for("turnovers", done.position).await.unwrap();
    assert_eq!(turnover(&one, &ann()).await, Some((100, 0)));
}

async fn commands_of_many_are_counted_each(place: Place) {
    let app = app(&place).await;
    app.execute(open(ann())).await.unwrap();
    let running = app.start().await.unwrap();
    let depositors: Vec<_> = (0..8)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    app.execute(deposit(ann(), 1)).await.unwrap();
                }
            })
        })
        .collect();
    for depositor in depositors {
        depositor.await.unwrap();
    }
    assert_eq!(turnover(&app, &ann()).await, Some((80, 0)));
    running.stop().await.unwrap();
    assert_eq!(app.matches_events("turnovers").await.unwrap(), Vec::<String>::new());
}
