//! Clients that are killed or told to end while they write, and servers that are too old.

use super::child;
use super::site::Site;
use es_core::store::{NatsOpenError, NatsStore};
use tests::history::{Verdict, process};
use tests::server::nats::Nats;
use tests::server::process::often;

/// So many rounds on one log, so that looking at it does not take ever longer.
const ROUNDS: u32 = 8;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_killed_client_loses_nothing_that_was_acknowledged() {
    for _ in 0..often(1, 20) {
        let site = Site::single().await;
        let history = process::killed(ROUNDS, |run| child::start(child::WRITE, &site.url(), run)).await;
        let store = site.store().await;
        Verdict::of(&*store, &history).await.holds(&format!("client killed {ROUNDS} times"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn who_is_told_to_end_answers_everything_first() {
    let site = Site::single().await;
    let start = |run| child::start(child::SERVE, &site.url(), run);
    process::told_to_end(&*site.store().await, often(5, 50), start).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_server_without_batches_is_refused() {
    let old = Nats::old().await;
    let refused = NatsStore::connect(&old.url(0)).await.map(drop);
    assert!(matches!(refused, Err(NatsOpenError::TooOld { .. })), "{refused:?}");
}
