//! Counters that several hands turn at once: conflicts, repetitions, snapshots.

use crate::kit::recorded;
use crate::warnings::Warnings;
use es_core::prelude::*;
use es_core::store::StoredSnapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tests::place::{File, Place as _};

#[event]
pub struct Incremented {
    pub by: u64,
}

#[command(Counter)]
pub struct Increment {
    #[id]
    pub counter: String,
}
/// Increments a counter that somebody else has their hands on, too, and answers what it showed before.
#[command(Counter)]
pub struct Contest {
    #[id]
    pub counter: String,
}
/// The same, and gives up at once.
#[command(Counter)]
pub struct ContestOnce {
    #[id]
    pub counter: String,
}
#[command(Counter)]
pub struct Fail {
    #[id]
    pub counter: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("oopsie")]
pub struct Oopsie;

#[aggregate(id = String, default, snapshot(every = 50, version = 1))]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[applier]
impl Counter {
    fn incremented(&mut self, e: &Incremented) {
        self.value += e.by;
    }
}

#[command_handler(retry(max = 5, backoff = "1ms..2ms"))]
impl Counter {
    fn increment(&self, _: Increment) -> Incremented {
        Incremented { by: 1 }
    }
    async fn contest(&self, command: Contest, rival: &Rival) -> Reply<Incremented, u64> {
        rival.interfere(command.counter).await;
        Reply::new(Incremented { by: 1 }, self.value)
    }
    #[retry(max = 0)]
    async fn contest_once(&self, command: ContestOnce, rival: &Rival) -> Incremented {
        rival.interfere(command.counter).await;
        Incremented { by: 1 }
    }
    async fn fail(&self, command: Fail, rival: &Rival) -> Result<Incremented, Oopsie> {
        rival.interfere(command.counter).await;
        Err(Oopsie)
    }
}

/// Somebody else, who increments a counter while a command on it is being decided.
pub struct Rival {
    app: App,
    tally: Arc<Tally>,
}

/// How often commands met the rival, and how often it still interferes.
pub struct Tally {
    met: AtomicU32,
    left: AtomicU32,
}

impl Rival {
    async fn interfere(&self, counter: String) {
        self.tally.met.fetch_add(1, Ordering::Relaxed);
        let left =
            self.tally.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() {
            self.app.execute(Increment { counter }).await.unwrap();
        }
    }
}

/// An app with a rival that interferes so often, and what is known of it.
async fn app(store: impl EventStore, times: u32) -> (App, Arc<Tally>) {
    let tally = Arc::new(Tally { met: AtomicU32::new(0), left: AtomicU32::new(times) });
    let shared = tally.clone();
    let builder = App::builder(store).aggregate::<Counter>();
    let app = builder.service_with(|app| Arc::new(Rival { app, tally: shared })).build().await.unwrap();
    (app, tally)
}

const ALWAYS: u32 = u32::MAX;

fn one() -> String {
    "1".into()
}

on_every_store! {
    ac_34_snapshots_can_be_lost,
    ac_42_a_command_that_always_conflicts_is_given_up,
    ac_42_a_command_that_may_not_be_repeated_runs_once,
    ac_42_a_refusal_is_not_repeated,
    ac_43_a_conflict_repeats_the_whole_command,
}

async fn ac_42_a_command_that_always_conflicts_is_given_up(store: impl EventStore + Clone) {
    let (app, rival) = app(store.clone(), ALWAYS).await;
    let given_up = app.execute(Contest { counter: one() }).await.unwrap_err();
    assert!(matches!(given_up, CommandError::Conflict { attempts: 6 }), "{given_up}");
    assert_eq!(rival.met.load(Ordering::Relaxed), 6);
    assert_eq!(recorded(&store).await, 6, "the rival's, and no other");
}

async fn ac_42_a_command_that_may_not_be_repeated_runs_once(store: impl EventStore + Clone) {
    let (app, rival) = app(store.clone(), ALWAYS).await;
    let given_up = app.execute(ContestOnce { counter: one() }).await.unwrap_err();
    assert!(matches!(given_up, CommandError::Conflict { attempts: 1 }), "{given_up}");
    assert_eq!(rival.met.load(Ordering::Relaxed), 1);
}

async fn ac_42_a_refusal_is_not_repeated(store: impl EventStore) {
    let (app, rival) = app(store, 0).await;
    let refused = app.execute(Fail { counter: one() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(Oopsie)), "{refused}");
    assert_eq!(rival.met.load(Ordering::Relaxed), 1);
}

async fn ac_43_a_conflict_repeats_the_whole_command(store: impl EventStore + Clone) {
    let (app, rival) = app(store.clone(), 1).await;
    let done = app.execute(Contest { counter: one() }).await.unwrap();
    assert_eq!((done.attempts, rival.met.load(Ordering::Relaxed)), (2, 2));
    assert_eq!(done.reply, 1, "the second time, the rival's event was seen");
    assert_eq!((recorded(&store).await, done.state.unwrap().value), (2, 2));
}

/// Sixty events, and a snapshot behind the fiftieth.
async fn sixty(store: impl EventStore) {
    let (app, _) = app(store, 0).await;
    for _ in 0..60 {
        app.execute(Increment { counter: one() }).await.unwrap();
    }
}

/// Loads the counter as after a restart: nothing is in memory.
async fn value_after_restart(store: impl EventStore) -> u64 {
    let (app, _) = app(store, 0).await;
    app.load::<Counter>(&one()).await.unwrap().unwrap().value
}

async fn ac_34_snapshots_can_be_lost(store: impl EventStore + Clone) {
    sixty(store.clone()).await;
    assert_eq!(value_after_restart(store.clone()).await, 60);
    lose_snapshot(&store, &Counter::stream(&one())).await;
    assert_eq!(value_after_restart(store.clone()).await, 60);
    assert_eq!(recorded(&store).await, 60);
}

/// A stream has one snapshot; one of another shape takes its place.
async fn lose_snapshot(store: &impl EventStore, stream: &StreamId) {
    let fingerprint = 0;
    let other = StoredSnapshot {
        stream: stream.clone(),
        fingerprint,
        version: 1,
        position: Position(1),
        recorded_at: Timestamp::UNIX_EPOCH,
        edits: 0,
        payload: Vec::new().into(),
    };
    store.save_snapshot(other.clone()).await.unwrap();
    assert_eq!(store.load_snapshot(stream, fingerprint).await.unwrap(), Some(other));
}

#[tokio::test]
async fn ac_34_a_damaged_snapshot_is_reported_and_replayed_over() {
    let at = File::fresh().await;
    let store = at.open().await;
    sixty(store.clone()).await;
    let file = rusqlite::Connection::open(at.path()).unwrap();
    let damaged = file.execute("UPDATE snapshots SET payload = x'00' WHERE version = 50", []).unwrap();
    assert_eq!(damaged, 1);

    let warnings = Warnings::listen();
    assert_eq!(value_after_restart(store.clone()).await, 60);
    assert_eq!(warnings.heard(), ["snapshot is damaged; replaying"]);
    assert_eq!(recorded(&store).await, 60);
}
