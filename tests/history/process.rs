//! Processes that write, and are killed or told to end.

use super::{Answer, History, Verdict, listen, say, write_aloud};
use crate::server::child::Actor;
use crate::server::process::until;
use es_core::store::EventStore;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// How many writers such a process has.
const WRITERS: u32 = 8;

/// What a process does for [`killed`].
pub async fn write_until_killed(store: Arc<dyn EventStore>, run: u32) {
    write_aloud(store, run, WRITERS, Arc::new(AtomicBool::new(false))).await;
}

/// What a process does for [`told_to_end`]: it writes until then, closes the store, and says so when every writer
/// has its answer.
pub async fn write_until_told(store: Arc<dyn EventStore>, run: u32, close: impl Future<Output = ()>) {
    let mut told = signal(SignalKind::terminate()).unwrap();
    let writing = tokio::spawn(write_aloud(store, run, WRITERS, Arc::new(AtomicBool::new(false))));
    told.recv().await;
    close.await;
    writing.await.unwrap();
    say("stopped");
}

/// Starts so many processes, one after the other, and kills each while it writes.
pub async fn killed(rounds: u32, start: impl Fn(u32) -> Actor) -> Arc<History> {
    let history = Arc::new(History::default());
    let mut random = seeded();
    for run in 0..rounds {
        let mut process = start(run);
        let before = history.stored();
        let listening = listen(process.says(), history.clone(), run);
        until("it writes", async || history.stored() > before).await;
        sleep(Duration::from_millis(random.u64(5..=80))).await;
        process.kill9();
        let others = listening.join().unwrap();
        assert!(others.iter().all(String::is_empty), "{others:?}");
    }
    history
}

/// Starts so many processes on the log of this store, one after the other, and tells each to end while it writes.
/// Each answers everything first.
pub async fn told_to_end(store: &dyn EventStore, rounds: u32, start: impl Fn(u32) -> Actor) {
    let history = Arc::new(History::default());
    let mut random = seeded();
    for run in 0..rounds {
        let mut process = start(run);
        let due = history.stored() + random.usize(1..50);
        let listening = listen(process.says(), history.clone(), run);
        until("it writes", async || history.stored() >= due).await;
        process.signal("TERM");
        let others = listening.join().unwrap();
        assert!(others.contains(&"stopped".to_owned()), "{others:?}");
        assert!(process.ended().success());
    }
    let attempts = history.attempts();
    let unheard: Vec<_> = attempts.iter().filter(|attempt| attempt.answered.is_none()).collect();
    assert!(unheard.is_empty(), "{unheard:?}");
    let late = attempts.iter().filter(|attempt| matches!(attempt.answered, Some((_, Answer::NotStored))));
    println!("told to end {rounds} times: {} commits came too late, and were told so", late.count());
    let figures = Verdict::of(store, &history).await.holds("told to end");
    assert_eq!(figures.unknown, 0);
}

/// Chance that says how it came about.
pub fn seeded() -> fastrand::Rng {
    let seed =
        std::env::var("ES_FAULTS_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("ES_FAULTS_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
