//! Twelve who want the same version of a stream, on three servers.

use super::site::Site;
use es_core::StreamId;
use es_core::store::{AppendError, Commit, Expected};
use std::sync::Arc;
use tests::history::{History, Verdict, Writer, commit_of};
use tests::server::process::often;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CONTENDERS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn one_of_twelve_wins_each_version() {
    let rounds = often(60, 500);
    let site = Site::cluster().await;
    let stores = site.stores(CONTENDERS as usize).await;
    let history = Arc::new(History::default());
    let stream = StreamId::named("contended-1");
    for round in 0..rounds {
        let barrier = Arc::new(Barrier::new(CONTENDERS as usize));
        let mut round_of = JoinSet::new();
        for (number, store) in (0..CONTENDERS).zip(&stores) {
            let (store, history, barrier) = (store.clone(), history.clone(), barrier.clone());
            let event = commit_of(Writer { run: 0, number }, round.into()).parts.remove(1).events;
            let commit = Commit::one(stream.clone(), Expected::Exact(round.into()), event);
            round_of.spawn(async move {
                barrier.wait().await;
                history.append(&*store, 0, commit).await
            });
        }
        let answers = round_of.join_all().await;
        let winners = answers.iter().filter(|answer| answer.is_ok()).count();
        let others =
            answers.iter().filter(|answer| matches!(answer, Err(AppendError::Conflict { .. }))).count();
        assert_eq!((winners, others), (1, CONTENDERS as usize - 1), "round {round}: {answers:?}");
    }
    let figures = Verdict::of(&*stores[0], &history).await.holds(&format!("{rounds} rounds of {CONTENDERS}"));
    assert_eq!(figures.events, rounds as usize);
}
