//! A process that sleeps longer than its lease lasts, and wakes up.

use super::child;
use super::site::Site;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, DocumentWrite, EventStore, Lease, PgStore,
};
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{Writer, commit_of, log_of, say};
use tests::server::process::{often, until};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const PROCESSOR: &str = "zombie";
const TTL: Duration = Duration::from_secs(1);

/// The checkpoint and a document, in one step.
fn advance(lease: &Lease, n: u64) -> Advance {
    let write = DocumentWrite {
        collection: "zombie/documents".into(),
        key: "holder".into(),
        revision: None,
        position: Position(n),
        body: Some(Bytes::from(lease.epoch.to_string())),
    };
    let to = Some(Checkpoint { position: Position(n), event: None });
    Advance { to, writes: vec![write], ..Advance::under(lease) }
}

/// Writes under a lease until that is somebody else's, and says what it is told then.
pub async fn hold(store: &Arc<PgStore>, run: u32) {
    let lease = store.acquire(PROCESSOR, Uuid::now_v7(), TTL).await.unwrap().unwrap();
    let writer = Writer { run, number: 0 };
    for n in 0.. {
        let appended = store.append(commit_of(writer, n).under(&lease)).await;
        let advanced = store.advance(advance(&lease, 10 * u64::from(run))).await;
        let renewed = store.renew(&lease, TTL).await;
        let is_fenced = matches!(appended, Err(AppendError::Fenced { .. }));
        if is_fenced
            && matches!(advanced, Err(AdvanceError::Fenced { .. }))
            && matches!(renewed, Err(AdvanceError::Fenced { .. }))
        {
            return say("fenced");
        }
        // What it did before it slept may be answered now; nothing may succeed behind a refusal.
        assert!(!is_fenced || advanced.is_err() && renewed.is_err(), "{advanced:?} {renewed:?}");
        say("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_wakes_up_after_its_lease_changes_nothing() {
    let rounds = often(3, 30);
    let site = Site::new().await;
    let store = site.store().await;
    store.register(PROCESSOR, Checkpoint::default()).await.unwrap();
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let (sleeper, taker) = (2 * round, 2 * round + 1);
        let mut process = child::start(child::HOLD, &site.server.url(), &sleeper.to_string());
        let mut lines = BufReader::new(process.says()).lines();
        let mut said =
            || lines.find(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).unwrap().unwrap();
        assert_eq!(said(), "written");
        sleep(Duration::from_millis(fastrand::u64(0..50))).await;
        process.signal("STOP");
        let stopped = Instant::now();
        let mut lease = None;
        until("its lease runs out", async || {
            lease = store.acquire(PROCESSOR, Uuid::now_v7(), TTL).await.unwrap();
            lease.is_some()
        })
        .await;
        longest = longest.max(stopped.elapsed());
        let lease = lease.unwrap();
        let writer = Writer { run: taker, number: 0 };
        store.append(commit_of(writer, 0).under(&lease)).await.unwrap();
        store.advance(advance(&lease, 10 * u64::from(taker))).await.unwrap();
        process.signal("CONT");
        let last = std::iter::from_fn(|| Some(said())).find(|line| line != "written").unwrap();
        assert_eq!(last, "fenced");
        store.append(commit_of(writer, 1).under(&lease)).await.unwrap();

        let log = log_of(&*store).await;
        let run = |id: Uuid| id.as_u128() >> 96;
        let first = log.iter().position(|event| run(event.id) == u128::from(taker)).unwrap();
        assert!(log[first..].iter().all(|event| run(event.id) == u128::from(taker)), "a zombie has written");
        let documents = store.documents("zombie/documents", &["holder".into()]).await.unwrap();
        assert_eq!(documents[0].body, lease.epoch.to_string());
        let [known] = &*store.processors(PROCESSOR).await.unwrap() else { panic!("there is one") };
        assert_eq!(known.checkpoint.position.0, 10 * u64::from(taker));
        store.release(&lease).await.unwrap();
    }
    println!("zombies: {rounds} fenced; a lease of {TTL:?} was taken over after {longest:?} at most");
}
