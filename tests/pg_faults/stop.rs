//! A process that is told to end while it writes.

use super::child;
use super::site::Site;
use es_core::store::PgStore;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tests::history::{Answer, History, Verdict, listen, say, write_aloud};
use tests::server::process::{often, until};
use tokio::signal::unix::{SignalKind, signal};

/// Writes until it is told to end by a signal, closes the store, and says so when every writer has its answer.
pub async fn serve(store: &Arc<PgStore>, run: u32) {
    let mut told = signal(SignalKind::terminate()).unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_aloud(store.clone(), run, child::WRITERS, end));
    told.recv().await;
    store.close().await;
    writing.await.unwrap();
    say("stopped");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_is_told_to_end_answers_everything_first() {
    let rounds = often(5, 50);
    let site = Site::new().await;
    let store = site.store().await;
    let history = Arc::new(History::default());
    for run in 0..rounds {
        let mut process = child::start(child::SERVE, &site.server.url(), &run.to_string());
        let before = history.stored();
        let listening = listen(process.says(), history.clone(), run);
        until("it writes", async || history.stored() > before + fastrand::usize(0..50)).await;
        process.signal("TERM");
        let others = listening.join().unwrap();
        assert!(others.contains(&"stopped".to_owned()), "{others:?}");
        assert!(process.ended().success());
    }
    let attempts = history.attempts();
    let unheard: Vec<_> = attempts.iter().filter(|attempt| attempt.answered.is_none()).collect();
    assert!(unheard.is_empty(), "{unheard:?}");
    let refused = attempts.iter().filter(|attempt| matches!(attempt.answered, Some((_, Answer::NotStored))));
    println!("told to end {rounds} times: {} commits came too late, and were told so", refused.count());
    let figures = Verdict::of(&*store, &history).await.holds("told to end");
    assert_eq!(figures.unknown, 0);
}
