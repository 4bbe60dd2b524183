//! Commands on one stream wait for each other inside a process, and nobody waits for ever.
//!
//! Where it matters that each has a turn of its own, they have ids: those share no commit.

use crate::bank::{
    AccountId, CloseAccount, Errand, Fetch, FetchPatiently, ann, balance, bank, bank_with, bob, deposit,
    opened, replayed, withdraw,
};
use crate::kit::{Place, poll_once};
use crate::probe::{Counted, Fate, Probe};
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

on_every_store! {
    commands_on_one_stream_do_not_race_inside_a_process
    commands_that_meet_in_the_opposite_order_go_on
    a_command_inside_a_command_on_the_same_stream_ends
    groups_in_opposite_orders_go_on
}

/// Far longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn commands_on_one_stream_do_not_race_inside_a_process(place: Place) {
    let store = place.open().await;
    let app = bank(store.clone()).await;
    opened(&app, ann(), 0).await;
    store.counted();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    let deposited = app.execute(deposit(ann(), 1)).id(CommandId::new()).await;
                    assert_eq!(deposited.unwrap().attempts, 1);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counted = store.counted();
    assert_eq!((counted.appends, counted.conflicts, counted.reads.len()), (160, 0, 0));
    assert_eq!(replayed(&place, &ann()).await, Some(160));
}

/// Deposits on the other account, or on the same one, while it is run; the app is given to it later.
#[derive(Default)]
struct Sends {
    app: OnceLock<App>,
    same: bool,
}

impl Errand for Sends {
    fn run<'a>(&'a self, account: &'a AccountId, _: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let other = if *account == ann() { bob() } else { ann() };
            let to = if self.same { account.clone() } else { other };
            self.app.get().unwrap().execute(deposit(to, 100)).await.unwrap();
        })
    }
}

async fn sending(place: &Place, same: bool) -> App {
    let errand = Arc::new(Sends { app: OnceLock::new(), same });
    let app = bank_with(place.open().await, errand.clone()).await;
    opened(&app, ann(), 0).await;
    opened(&app, bob(), 0).await;
    assert!(errand.app.set(app.clone()).is_ok());
    app
}

async fn commands_that_meet_in_the_opposite_order_go_on(place: Place) {
    let app = sending(&place, false).await;
    let fetch = |account| tokio::spawn(app.execute(FetchPatiently { account, amount: 1 }));
    let (one, other) = (fetch(ann()), fetch(bob()));
    let both = async { (one.await.unwrap(), other.await.unwrap()) };
    let (one, other) = tokio::time::timeout(PATIENCE, both).await.expect("they wait for each other");
    // Whoever lost a race was told so, and each nested deposit happened.
    for refused in [one.err(), other.err()].into_iter().flatten() {
        assert!(matches!(refused, CommandError::Conflict { attempts: 4 }), "{refused}");
    }
    assert!(replayed(&place, &ann()).await.unwrap() >= 100 && replayed(&place, &bob()).await.unwrap() >= 100);
}

async fn a_command_inside_a_command_on_the_same_stream_ends(place: Place) {
    let app = sending(&place, true).await;
    let fetch = async { app.execute(FetchPatiently { account: ann(), amount: 1 }).await };
    let refused = tokio::time::timeout(PATIENCE, fetch).await.expect("it waits for itself").unwrap_err();
    // Its own nested command is what was faster, each of the four times.
    assert!(matches!(refused, CommandError::Conflict { attempts: 4 }), "{refused}");
    assert_eq!(replayed(&place, &ann()).await, Some(400));
    let refused = app.execute(Fetch { account: ann(), amount: 1 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conflict { attempts: 1 }), "{refused}");
}

async fn groups_in_opposite_orders_go_on(place: Place) {
    let app = bank(place.open().await).await;
    opened(&app, ann(), 1_000).await;
    opened(&app, bob(), 1_000).await;
    let move_money = |from: fn() -> AccountId, to: fn() -> AccountId| {
        let app = app.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let (taken, given) = app.execute_all((withdraw(from(), 1), deposit(to(), 1))).await.unwrap();
                assert_eq!((taken.attempts, given.attempts), (1, 1));
            }
        })
    };
    let (there, back) = (move_money(ann, bob), move_money(bob, ann));
    let both = async { (there.await.unwrap(), back.await.unwrap()) };
    tokio::time::timeout(PATIENCE, both).await.expect("they wait for each other");
    assert_eq!(replayed(&place, &ann()).await, Some(1_000));
    assert_eq!(replayed(&place, &bob()).await, Some(1_000));
}

#[tokio::test(start_paused = true)]
async fn whoever_waited_a_second_goes_on() {
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    store.fates([Fate::Stuck]);
    let stuck = tokio::spawn(app.execute(deposit(ann(), 1)));
    tokio::task::yield_now().await;
    let before = tokio::time::Instant::now();
    app.execute(deposit(ann(), 2)).await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 1);
    assert!(!stuck.is_finished());
    assert_eq!(balance(&app, &ann()).await, Some(12));
    stuck.abort();
}

/// Deposits of one each, by so many tasks at once, and what they asked of the store.
async fn deposited(app: &App, store: &Probe, tasks: usize) -> (Vec<u32>, Counted) {
    store.counted();
    let deposit = || app.execute(deposit(ann(), 1)).id(CommandId::new());
    let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(deposit())).collect();
    let mut attempts = Vec::new();
    for task in tasks {
        attempts.push(task.await.unwrap().expect("everybody comes to the end").attempts);
    }
    (attempts, store.counted())
}

/// A store that takes so long for each of the next commits.
async fn slow(commits: usize, each: Duration) -> (App, Probe) {
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 0).await;
    store.fates((0..commits).map(|_| Fate::After(Box::pin(async move { tokio::time::sleep(each).await }))));
    (app, store)
}

#[tokio::test(start_paused = true)]
async fn many_tasks_on_one_stream_of_a_slow_store_do_not_race() {
    let (app, store) = slow(200, Duration::from_millis(30)).await;
    let (attempts, counted) = deposited(&app, &store, 200).await;
    assert_eq!((counted.appends, counted.conflicts, attempts), (200, 0, vec![1; 200]));
    assert_eq!(balance(&app, &ann()).await, Some(200));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_seconds_for_a_commit_loses_a_few_races_only() {
    let (app, store) = slow(200, Duration::from_secs(3)).await;
    let (_, counted) = deposited(&app, &store, 100).await;
    assert!(counted.conflicts < 10, "{counted:?}");
    assert_eq!(balance(&app, &ann()).await, Some(100));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_polls_any_more_holds_nobody_up() {
    let (app, store) = slow(60, Duration::from_millis(30)).await;
    let mut forgotten = pin!(app.execute(deposit(ann(), 100)));
    assert!(poll_once(forgotten.as_mut()).await.is_pending());
    let (attempts, counted) = deposited(&app, &store, 50).await;
    assert_eq!((counted.appends, counted.conflicts, attempts), (50, 0, vec![1; 50]));
    // Remembered, it has lost a race, and goes on.
    assert_eq!(forgotten.await.unwrap().attempts, 2);
    assert_eq!(balance(&app, &ann()).await, Some(150));
}

#[tokio::test(start_paused = true)]
async fn a_command_inside_a_command_waits_for_nobody() {
    let app = sending(&Place::memory(), true).await;
    let before = tokio::time::Instant::now();
    app.execute(Fetch { account: ann(), amount: 1 }).await.unwrap_err();
    assert_eq!((before.elapsed(), balance(&app, &ann()).await), (Duration::ZERO, Some(100)));
}

#[tokio::test(start_paused = true)]
async fn commands_on_other_streams_do_not_wait() {
    let store = Probe::over(MemoryStore::new());
    let app = bank(store.clone()).await;
    opened(&app, ann(), 10).await;
    opened(&app, bob(), 10).await;
    store.fates([Fate::Stuck]);
    let stuck = tokio::spawn(app.execute(deposit(ann(), 1)));
    tokio::task::yield_now().await;
    let before = tokio::time::Instant::now();
    app.execute(CloseAccount { account: bob() }).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
    stuck.abort();
}
