//! Clients that are killed while they write, and servers that are too old.

use super::child;
use super::site::Site;
use es_core::store::{NatsOpenError, NatsStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{History, Verdict, listen};
use tests::server::nats::Nats;
use tests::server::process::{often, until};
use tokio::time::sleep;

/// So many rounds on one log, so that looking at it does not take ever longer.
const ROUNDS: u32 = 8;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_killed_client_loses_nothing_that_was_acknowledged() {
    for _ in 0..often(1, 20) {
        let site = Site::single().await;
        let store = site.store().await;
        let history = Arc::new(History::default());
        for run in 0..ROUNDS {
            let mut writer = child::start(&site.url(), run);
            let before = history.stored();
            let listening = listen(writer.says(), history.clone(), run);
            until("it writes", async || history.stored() > before).await;
            sleep(Duration::from_millis(fastrand::u64(5..=80))).await;
            writer.kill9();
            let others = listening.join().unwrap();
            assert!(others.iter().all(String::is_empty), "{others:?}");
        }
        Verdict::of(&*store, &history).await.holds(&format!("client killed {ROUNDS} times"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_server_without_batches_is_refused() {
    let old = Nats::old().await;
    let refused = NatsStore::connect(&old.url(0)).await.map(drop);
    assert!(matches!(refused, Err(NatsOpenError::TooOld { .. })), "{refused:?}");
}
