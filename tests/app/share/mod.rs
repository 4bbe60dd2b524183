//! Commands that wait for the same stream share a commit, and each hears what it would have heard alone.

mod gauge;
mod judge;
mod stress;

use crate::bank::{
    Account, AccountError, AccountEvent, DepositParts, Fetch, FillUp, MoneyDeposited, Receipt, ann, balance,
    bank, deposit, opened, replayed, stream, withdraw,
};
use crate::kit::{Place, poll_once};
use crate::probe::{Fate, Probe};
use es_core::prelude::*;
use es_core::store::{AppendError, MemoryStore};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

on_every_store! {
    those_who_wait_share_a_commit
    where_somebody_else_was_faster_everybody_decides_again
    what_one_makes_too_large_is_nobody_elses_fault
    a_commit_that_is_stored_unheard_is_answered_from_the_log
    an_account_that_was_closed_has_ended_for_everybody
    what_was_redacted_is_known_to_everybody_before_it_decides
    what_is_said_with_a_command_stays_with_its_own_events
}

fn event(amount: u64) -> AccountEvent {
    AccountEvent::MoneyDeposited(MoneyDeposited { amount })
}

/// How often a commit of unknown outcome is sent.
const SENDS: usize = 15;

/// Ann's account with 10 on it, which is version 2, and somebody whose deposit of 1 takes as long as is wanted.
struct Line {
    app: App,
    store: Probe,
    first: Pin<Box<dyn Future<Output = ()>>>,
    go: oneshot::Sender<()>,
}

async fn line(place: &Place) -> Line {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    let (go, gone) = oneshot::channel();
    store.fates([Fate::After(Box::pin(async { gone.await.unwrap() }))]);
    let deposit = app.execute(deposit(ann(), 1));
    let mut first: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async { drop(deposit.await.unwrap()) });
    assert!(poll_once(first.as_mut()).await.is_pending());
    store.counted();
    Line { app, store, first, go }
}

/// Lets commands wait in this order, then the first one go, and names what they are answered.
macro_rules! answered {
    ($line:ident: $($name:ident = $command:expr),+ $(,)?) => {
        $(
            let mut $name = Box::pin($command);
            assert!(poll_once($name.as_mut()).await.is_pending());
        )+
        $line.go.send(()).unwrap();
        let ((), $($name),+) = tokio::join!($line.first, $($name),+);
    };
}

async fn those_who_wait_share_a_commit(place: Place) {
    let line = line(&place).await;
    let (app, store) = (line.app.clone(), line.store.clone());
    answered!(line:
        two = app.execute(deposit(ann(), 2)),
        taken = app.execute(withdraw(ann(), 3)),
        refused = app.execute(withdraw(ann(), 1_000)),
        parts = app.execute(DepositParts { account: ann(), amount: 5, parts: 2 }),
        full = app.execute(FillUp { account: ann(), level: 20 }),
        last = app.execute(deposit(ann(), 7)),
    );
    assert_eq!(store.counted().reads.len(), 0);
    let (two, taken, parts, full, last) =
        (two.unwrap(), taken.unwrap(), parts.unwrap(), full.unwrap(), last.unwrap());
    assert_eq!([two.version, taken.version, parts.version, full.version, last.version], [4, 5, 7, 7, 8]);
    let balance_of = |state: Option<Loaded<Account>>| state.map(|account| account.balance);
    assert_eq!(balance_of(two.state.clone()), Some(13));
    assert_eq!((taken.reply, balance_of(taken.state.clone())), (Receipt { left: 10 }, Some(10)));
    let overdraft = AccountError::Overdraft { available: 10 };
    assert!(matches!(refused.unwrap_err(), CommandError::Rejected(error) if error == overdraft));
    assert_eq!(parts.events, [event(5), event(5)]);
    assert_eq!((full.events.len(), balance_of(full.state.clone())), (0, Some(20)));
    assert_eq!((last.attempts, last.duplicate, balance_of(last.state.clone())), (1, false, Some(27)));
    // Where each says that its events are, they are.
    let stored: Vec<_> = place.stored(&stream(&ann())).await.iter().map(|event| event.position).collect();
    assert_eq!(
        [two.position, taken.position, parts.position, last.position],
        [stored[3], stored[4], stored[6], stored[7]]
    );
    assert_eq!((full.position, last.state.unwrap().position()), (stored[6], stored[7]));
    assert_eq!((balance(&app, &ann()).await, replayed(&place, &ann()).await), (Some(27), Some(27)));
}

async fn where_somebody_else_was_faster_everybody_decides_again(place: Place) {
    let line = line(&place).await;
    let other = bank(place.open().await).await;
    let rival = async move { drop(other.execute(withdraw(ann(), 9)).await.unwrap()) };
    line.store.fates([Fate::After(Box::pin(rival))]);
    let app = line.app.clone();
    answered!(line:
        one = app.execute(deposit(ann(), 1)),
        taken = app.execute(withdraw(ann(), 4)),
        full = app.execute(FillUp { account: ann(), level: 5 }),
    );
    // There were 12 when they first decided, so that the second could take 4 and the third had nothing to do. The
    // order of the second attempts is anybody's. What had nothing to do has lost no race.
    let attempts =
        |error: &CommandError<_>| matches!(error, CommandError::Rejected(AccountError::Overdraft { .. }));
    assert_eq!(one.unwrap().attempts, 2);
    assert!(taken.as_ref().map_or_else(attempts, |taken| taken.attempts == 2), "{taken:?}");
    assert_eq!(full.unwrap().attempts, 1);
    let taken = if taken.is_ok() { 4 } else { 0 };
    assert!(replayed(&place, &ann()).await.unwrap() + taken >= 5);
}

async fn what_one_makes_too_large_is_nobody_elses_fault(place: Place) {
    let line = line(&place).await;
    let app = line.app.clone();
    let parts = |parts| app.execute(DepositParts { account: ann(), amount: 1, parts });
    answered!(line: few = parts(200), many = parts(900), too_many = parts(1_001), one = parts(1));
    let few = few.unwrap();
    assert_eq!((few.version, few.attempts, few.state.unwrap().balance), (203, 1, 211));
    assert_eq!((many.unwrap().attempts, one.unwrap().attempts), (1, 1));
    let refused = too_many.unwrap_err();
    assert!(matches!(refused, CommandError::TooLarge { size: 1_001, limit: 1_000, .. }), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, Some(1_112));
}

async fn a_commit_that_is_stored_unheard_is_answered_from_the_log(place: Place) {
    let line = line(&place).await;
    line.store.fates([Fate::StoredUnheard]);
    let app = line.app.clone();
    answered!(line:
        two = app.execute(deposit(ann(), 2)),
        full = app.execute(FillUp { account: ann(), level: 5 }),
        taken = app.execute(withdraw(ann(), 3)),
        refused = app.execute(withdraw(ann(), 1_000)),
    );
    let (two, full, taken) = (two.unwrap(), full.unwrap(), taken.unwrap());
    assert_eq!((two.version, two.events, two.duplicate), (4, vec![event(2)], true));
    assert_eq!((taken.version, taken.reply, taken.duplicate), (5, Receipt { left: 10 }, true));
    assert_eq!((full.version, full.duplicate, full.state.unwrap().balance), (5, false, 10));
    assert!(matches!(
        refused.unwrap_err(),
        CommandError::Rejected(AccountError::Overdraft { available: 10 })
    ));
    let stored = place.stored(&stream(&ann())).await;
    assert_eq!([two.position, taken.position], [stored[3].position, stored[4].position]);
    assert_eq!(replayed(&place, &ann()).await, Some(10));
}

async fn an_account_that_was_closed_has_ended_for_everybody(place: Place) {
    let line = line(&place).await;
    let other = bank(place.open().await).await;
    let closes = async move {
        other.close(&stream(&ann()), "moved").await.unwrap();
    };
    line.store.fates([Fate::After(Box::pin(closes))]);
    let app = line.app.clone();
    answered!(line: one = app.execute(deposit(ann(), 1)), full = app.execute(FillUp { account: ann(), level: 5 }));
    for refused in [one.unwrap_err(), full.unwrap_err()] {
        assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
    }
    assert_eq!(place.stored(&stream(&ann())).await.len(), 3);
}

async fn what_was_redacted_is_known_to_everybody_before_it_decides(place: Place) {
    let line = line(&place).await;
    let other = bank(place.open().await).await;
    let redacts = async move {
        let ten = other.history::<Account>(&ann()).await.unwrap()[1].envelope.id;
        assert!(other.redact(ten, "asked for").await.unwrap());
    };
    line.store.fates([Fate::After(Box::pin(redacts))]);
    let app = line.app.clone();
    answered!(line: none = app.execute(deposit(ann(), 0)), taken = app.execute(withdraw(ann(), 5)));
    assert_eq!(none.unwrap().state.unwrap().balance, 1);
    assert!(matches!(taken.unwrap_err(), CommandError::Rejected(AccountError::Overdraft { available: 1 })));
    assert_eq!(replayed(&place, &ann()).await, Some(1));
}

async fn what_is_said_with_a_command_stays_with_its_own_events(place: Place) {
    let line = line(&place).await;
    let app = line.app.clone();
    answered!(line:
        one = app.execute(deposit(ann(), 1)).by("ann"),
        two = app.execute(deposit(ann(), 2)).by("bob"),
        taken = app.execute(withdraw(ann(), 3)),
    );
    assert_eq!([one.unwrap().version, two.unwrap().version, taken.unwrap().version], [4, 5, 6]);
    let history = app.history::<Account>(&ann()).await.unwrap();
    let said: Vec<_> = history[3..].iter().map(|event| event.envelope.metadata.clone()).collect();
    assert_eq!(
        said.iter().map(|said| said.actor.as_deref()).collect::<Vec<_>>(),
        [Some("ann"), Some("bob"), None]
    );
    let commands: Vec<_> = said.iter().map(|said| said.command.as_deref().unwrap()).collect();
    assert_eq!(commands, ["Deposit", "Deposit", "Withdraw"]);
    assert!(said[0].command_id != said[1].command_id && said[1].command_id != said[2].command_id);
    let stored = place.stored(&stream(&ann())).await;
    let replied = |at: usize| stored[at].metadata.windows(6).any(|part| part == b"\"left\"");
    assert_eq!([replied(3), replied(4), replied(5)], [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn what_says_more_than_its_command_goes_alone() {
    let line = line(&Place::memory()).await;
    let (app, store) = (line.app.clone(), line.store.clone());
    answered!(line:
        one = app.execute(deposit(ann(), 1)),
        repeatable = app.execute(deposit(ann(), 1)).id(CommandId::new()),
        two = app.execute(deposit(ann(), 1)),
        expected = app.execute(deposit(ann(), 1)).expect_version(6),
        three = app.execute(deposit(ann(), 1)),
        fetched = app.execute(Fetch { account: ann(), amount: 1 }),
        four = app.execute(deposit(ann(), 1)),
        group = app.execute_all((deposit(ann(), 1), deposit(ann(), 1))),
        five = app.execute(deposit(ann(), 1)),
        six = app.execute(deposit(ann(), 1)),
    );
    let versions = [one, repeatable, two, expected, three, fetched, four].map(|done| done.unwrap().version);
    assert_eq!(versions, [4, 5, 6, 7, 8, 9, 10]);
    let (group, five, six) = (group.unwrap(), five.unwrap(), six.unwrap());
    assert_eq!([group.0.version, group.1.version, five.version, six.version], [11, 12, 13, 14]);
    // The last two share theirs.
    assert_eq!(store.counted().appends, 9);
}

#[tokio::test(start_paused = true)]
async fn a_commit_ends_where_there_is_enough_in_it() {
    let line = line(&Place::memory()).await;
    let mut waiting: Vec<_> = (0..300).map(|_| Box::pin(line.app.execute(deposit(ann(), 1)))).collect();
    for command in &mut waiting {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    line.go.send(()).unwrap();
    let tasks: Vec<_> = waiting.into_iter().map(|command| tokio::spawn(command)).collect();
    line.first.await;
    for (task, version) in tasks.into_iter().zip(4..) {
        assert_eq!(task.await.unwrap().unwrap().version, version);
    }
    assert_eq!(line.store.counted().appends, 2);
}

#[tokio::test(start_paused = true)]
async fn many_events_have_less_company() {
    let line = line(&Place::memory()).await;
    let app = line.app.clone();
    let large = || app.execute(DepositParts { account: ann(), amount: 1, parts: 200 });
    answered!(line: one = large(), two = large(), three = large());
    assert_eq!([one, two, three].map(|done| done.unwrap().version), [203, 403, 603]);
    assert_eq!(line.store.counted().appends, 2);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_give_one_command_after_the_other_share_each_commit() {
    const TASKS: usize = 8;
    const EACH: usize = 25;
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 0).await;
    let slow = || async { tokio::time::sleep(Duration::from_millis(5)).await };
    store.fates((0..TASKS * EACH).map(|_| Fate::After(Box::pin(slow()))));
    store.counted();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let app = app.clone();
        tasks.spawn(async move {
            for _ in 0..EACH {
                assert_eq!(app.execute(deposit(ann(), 1)).await.unwrap().attempts, 1);
            }
        });
    }
    tasks.join_all().await;
    let counted = store.counted();
    assert!(counted.appends <= EACH + 2, "{counted:?}");
    assert_eq!((counted.conflicts, balance(&app, &ann()).await), (0, Some(200)));
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_takes_nobodys_answer_away() {
    let line = line(&Place::memory()).await;
    let (app, store) = (line.app.clone(), line.store.clone());
    let (go, gone) = oneshot::channel();
    store.fates([Fate::After(Box::pin(async { gone.await.unwrap() }))]);
    let mut first = Box::pin(app.execute(deposit(ann(), 1)));
    let mut early = Box::pin(app.execute(deposit(ann(), 100)));
    let mut second = Box::pin(app.execute(deposit(ann(), 2)));
    let mut late = Box::pin(app.execute(deposit(ann(), 3)));
    let mut third = Box::pin(app.execute(deposit(ann(), 4)));
    for command in [&mut first, &mut early, &mut second, &mut late, &mut third] {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    // Nobody has decided this one.
    drop(early);
    line.go.send(()).unwrap();
    line.first.await;
    // These are on their way to the store: the first has decided for all, and the fourth is one of them.
    assert!(poll_once(first.as_mut()).await.is_pending());
    drop((first, late));
    go.send(()).unwrap();
    let (second, third) = (second.await.unwrap(), third.await.unwrap());
    assert_eq!((second.version, second.state.unwrap().balance), (5, 14));
    assert_eq!((third.version, third.state.unwrap().balance), (7, 21));
    assert_eq!((balance(&app, &ann()).await, store.counted().appends), (Some(21), 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_outrun_looks_before_it_decides_again() {
    let place = Place::memory();
    let line = line(&place).await;
    let (app, other) = (line.app.clone(), bank(place.open().await).await);
    let (go, gone) = oneshot::channel();
    let rival = async move {
        other.execute(deposit(ann(), 10)).await.unwrap();
        gone.await.unwrap();
    };
    line.store.fates([Fate::After(Box::pin(rival))]);
    let mut first = Box::pin(app.execute(deposit(ann(), 1)));
    let mut second = Box::pin(app.execute(deposit(ann(), 2)));
    assert!(poll_once(first.as_mut()).await.is_pending() && poll_once(second.as_mut()).await.is_pending());
    line.go.send(()).unwrap();
    line.first.await;
    // The first has decided for both, and nobody is left who would have heard of the rival but the second.
    assert!(poll_once(first.as_mut()).await.is_pending());
    drop(first);
    go.send(()).unwrap();
    let second = second.await.unwrap();
    assert_eq!((second.attempts, second.version, second.state.unwrap().balance), (2, 5, 23));
}

/// What the store has said to a command.
fn failure<T: std::fmt::Debug, E: std::fmt::Debug>(answered: Result<T, CommandError<E>>) -> AppendError {
    match answered {
        Err(CommandError::Store(StoreError::Append(error))) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_stays_unknown_is_unknown_to_everybody() {
    let line = line(&Place::memory()).await;
    line.store.fates((0..SENDS).map(|_| Fate::LostUnheard));
    let app = line.app.clone();
    answered!(line: one = app.execute(deposit(ann(), 1)), refused = app.execute(withdraw(ann(), 1_000)));
    for error in [failure(one), failure(refused)] {
        let AppendError::Ambiguous { cause } = error else { panic!("{error}") };
        assert_eq!(cause.to_string(), "the line is broken");
    }
    assert_eq!(line.store.counted().appends, SENDS);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_once_for_everybody() {
    let line = line(&Place::memory()).await;
    line.store.fates([Fate::Unavailable]);
    let (app, store) = (line.app.clone(), line.store.clone());
    answered!(line: one = app.execute(deposit(ann(), 1)), two = app.execute(deposit(ann(), 2)));
    for error in [failure(one), failure(two)] {
        let AppendError::Unavailable { cause } = error else { panic!("{error}") };
        assert_eq!(cause.to_string(), "the line is broken");
    }
    assert_eq!((store.counted().appends, balance(&app, &ann()).await), (1, Some(11)));
}
