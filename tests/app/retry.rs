//! When a command is decided again, and when it is not.

use crate::bank::{Account, AccountError, ann, bank, deposit, opened, withdraw};
use crate::kit::Place;
use crate::probe::{Fate, Probe};
use es_core::prelude::*;
use std::iter::repeat_with;

on_every_store! {
    a_policy_of_five_means_six_attempts
    one_conflict_costs_one_more_attempt
    the_whole_command_is_repeated_on_what_is_there
    a_policy_of_none_means_one_attempt
    a_refusal_is_final
    an_invariant_is_final
    a_stated_version_is_not_retried
    a_group_is_retried_as_a_whole_and_as_its_strictest_member_allows
}

#[event]
pub struct Incremented {
    pub by: u64,
}

#[command(Counter)]
pub struct Increment {
    #[id]
    pub counter: String,
}
/// Gives up at the first conflict.
#[command(Counter)]
pub struct IncrementOnce {
    #[id]
    pub counter: String,
}
/// Goes over what the invariant allows once the counter is at 1.
#[command(Counter)]
pub struct Overshoot {
    #[id]
    pub counter: String,
}
#[command(Counter)]
pub struct Refuse {
    #[id]
    pub counter: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CounterError {
    #[error("oopsie")]
    Oopsie,
    #[error("{0} is too high")]
    TooHigh(u64),
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[applier]
impl Counter {
    fn incremented(&mut self, e: &Incremented) {
        self.value += e.by;
    }
    #[invariant]
    fn low(&self) -> Result<(), CounterError> {
        if self.value > 1_000 { Err(CounterError::TooHigh(self.value)) } else { Ok(()) }
    }
}

#[command_handler(retry(max = 5, backoff = "1ms..2ms"))]
impl Counter {
    fn increment(&self, _: Increment) -> Incremented {
        // One more than it sees, so that each attempt shows what it has seen.
        Incremented { by: self.value + 1 }
    }
    #[retry(max = 0)]
    fn increment_once(&self, _: IncrementOnce) -> Incremented {
        Incremented { by: 1 }
    }
    fn overshoot(&self, _: Overshoot) -> Result<Incremented, CounterError> {
        Ok(Incremented { by: 1_000 })
    }
    fn refuse(&self, _: Refuse) -> Result<(), CounterError> {
        Err(CounterError::Oopsie)
    }
}

fn id() -> String {
    "visits".to_owned()
}

async fn counters(store: Probe) -> App {
    App::builder(store).aggregate::<Counter>().build().await.unwrap()
}

/// An app whose every append comes after a rival's, as often as `times`.
async fn raced(place: &Place, times: usize) -> (App, Probe) {
    let (store, other) = (place.open().await, counters(place.open().await).await);
    let app = counters(store.clone()).await;
    app.execute(IncrementOnce { counter: id() }).await.unwrap();
    store.counted();
    store.fates(repeat_with(move || rival(other.clone())).take(times));
    (app, store)
}

fn rival(app: App) -> Fate {
    Fate::After(Box::pin(async move {
        app.execute(IncrementOnce { counter: id() }).await.unwrap();
    }))
}

async fn a_policy_of_five_means_six_attempts(place: Place) {
    let (app, store) = raced(&place, 9).await;
    let refused = app.execute(Increment { counter: id() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 6 }), "{refused}");
    assert_eq!(store.counted().appends, 6);
}

async fn one_conflict_costs_one_more_attempt(place: Place) {
    let (app, store) = raced(&place, 1).await;
    assert_eq!(app.execute(Increment { counter: id() }).await.unwrap().attempts, 2);
    assert_eq!(store.counted().appends, 2);
}

async fn the_whole_command_is_repeated_on_what_is_there(place: Place) {
    let (app, _) = raced(&place, 1).await;
    let done = app.execute(Increment { counter: id() }).await.unwrap();
    // It saw 1 first, and 2 when it stood.
    assert_eq!(done.events, [CounterEvent::Incremented(Incremented { by: 3 })]);
    assert_eq!((done.version, done.state.unwrap().value), (3, 5));
}

async fn a_policy_of_none_means_one_attempt(place: Place) {
    let (app, store) = raced(&place, 9).await;
    let refused = app.execute(IncrementOnce { counter: id() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
    assert_eq!(store.counted().appends, 1);
}

async fn a_refusal_is_final(place: Place) {
    let store = place.open().await;
    let app = counters(store.clone()).await;
    let refused = app.execute(Refuse { counter: id() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(CounterError::Oopsie)), "{refused}");
    let counted = store.counted();
    assert_eq!((counted.appends, counted.reads), (0, vec![0]));
}

async fn an_invariant_is_final(place: Place) {
    let (app, store) = raced(&place, 0).await;
    let refused = app.execute(Overshoot { counter: id() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Invariant(CounterError::TooHigh(1_001))), "{refused}");
    assert_eq!(store.counted().appends, 0);
    assert_eq!(app.load::<Counter>(&id()).await.unwrap().unwrap().value, 1);
}

async fn a_stated_version_is_not_retried(place: Place) {
    let (app, store) = raced(&place, 1).await;
    let refused = app.execute(Increment { counter: id() }).expect_version(1).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
    assert_eq!(store.counted().appends, 1);
    let refused = app.execute(Increment { counter: id() }).expect_version(9).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
    assert_eq!(store.counted().appends, 0);
    assert_eq!(app.execute(Increment { counter: id() }).expect_version(2).await.unwrap().version, 3);
}

async fn a_group_is_retried_as_a_whole_and_as_its_strictest_member_allows(place: Place) {
    let (app, store) = raced(&place, 1).await;
    let other = Increment { counter: "other".to_owned() };
    let (one, two) = app.execute_all((Increment { counter: id() }, other.clone())).await.unwrap();
    assert_eq!((one.attempts, two.attempts, one.version, two.version), (2, 2, 3, 1));
    let rivals = counters(place.open().await).await;
    store.fates([rival(rivals)]);
    let refused = app.execute_all((other, IncrementOnce { counter: id() })).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
    assert_eq!(app.load::<Counter>(&"other".to_owned()).await.unwrap().unwrap().version(), 1);
}

#[tokio::test]
async fn what_a_refusal_says_reaches_the_caller() {
    let app = bank(Place::memory().open().await).await;
    opened(&app, ann(), 10).await;
    app.execute(deposit(ann(), 1)).await.unwrap();
    let refused = app.execute(withdraw(ann(), 12)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(AccountError::Overdraft { available: 11 })));
    assert_eq!(refused.to_string(), "11 is not enough");
    assert_eq!(app.load::<Account>(&ann()).await.unwrap().unwrap().version(), 3);
}
