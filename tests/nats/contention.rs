//! Many who write one stream at a time.

use crate::kit::*;
use es_core::Position;
use es_core::store::{AppendError, Commit, EventStore, Expected, NatsOptions, StreamRead};
use std::time::Duration;
use tests::server::{nats, unique};
use tokio::task::{JoinSet, yield_now};

const CONTENDERS: u64 = 12;
const ROUNDS: u64 = 50;

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn of_those_who_expect_the_same_version_one_wins() {
    let (left, right) = two_processes().await;
    for round in 0..ROUNDS {
        let mut contenders = JoinSet::new();
        let expected = page(&left, "a-1", StreamRead::after(0)).await.head.version;
        for n in 0..CONTENDERS {
            let store = if n % 2 == 0 { left.clone() } else { right.clone() };
            // By turns a message alone, and a batch.
            let events = (0..=n % 3).map(|_| event()).collect();
            let commit = commit("a-1", Expected::Exact(expected), events);
            contenders.spawn(async move { store.append(commit).await });
        }
        let answers = contenders.join_all().await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {answers:?}");
        let lost = |answer: &Result<_, _>| matches!(answer, Err(AppendError::Conflict { .. }));
        assert_eq!(
            answers.iter().filter(|answer| lost(answer)).count() as u64,
            CONTENDERS - 1,
            "{answers:?}"
        );
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn those_who_expect_nothing_all_come_to_their_turn() {
    let (left, right) = two_processes().await;
    let mut writers = JoinSet::new();
    for n in 0..CONTENDERS {
        let store = if n % 2 == 0 { left.clone() } else { right.clone() };
        writers.spawn(async move {
            for _ in 0..5 {
                filled(&store, "a-1", 2).await;
            }
        });
    }
    writers.join_all().await;
    let read = page(&left, "a-1", StreamRead::after(0)).await;
    assert_eq!(versions(&read), (1..=CONTENDERS * 10).collect::<Vec<_>>());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_that_two_processes_send_is_stored_once() {
    let (left, right) = two_processes().await;
    let parts =
        ["a-1", "b-1"].map(|name| commit(name, Expected::Any, vec![event(), event()]).parts.remove(0));
    let commit = Commit::all(parts.to_vec());
    let (a, b) = tokio::join!(left.append(commit.clone()), right.append(commit.clone()));
    let duplicates = [a.unwrap(), b.unwrap()].iter().filter(|appended| appended.duplicate).count();
    assert_eq!((duplicates, left.head().await.unwrap()), (1, Position(4)));
    // A process that comes later, and knows nothing of it.
    let later = right.append(commit).await.unwrap();
    assert!(later.duplicate);
    assert_eq!(page(&left, "a-1", StreamRead::after(0)).await.head.version, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn whoever_waits_hears_of_another_process() {
    let (left, right) = two_processes().await;
    let waiting = left.wait(Position(0), Duration::from_hours(1));
    let ((), ids) = tokio::join!(waiting, filled(&right, "a-1", 1));
    assert_eq!((ids.len(), left.head().await.unwrap()), (1, Position(1)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn many_commits_that_cross_are_all_stored() {
    let (left, right) = two_processes().await;
    let mut writers = JoinSet::new();
    for n in 0..160 {
        let store = if n % 4 < 2 { left.clone() } else { right.clone() };
        let mut names = ["a-1", "b-1"];
        names.rotate_left(n % 2);
        let parts = names.map(|name| commit(name, Expected::Any, vec![event()]).parts.remove(0));
        writers.spawn(async move { store.append(Commit::all(parts.to_vec())).await });
    }
    let answers = writers.join_all().await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.is_err()).collect();
    assert!(failed.is_empty(), "{} of {}: {:?}", failed.len(), answers.len(), failed[0]);
    let read = StreamRead::after(159);
    assert_eq!(versions(&page(&left, "a-1", read).await), versions(&page(&right, "b-1", read).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_process_that_goes_on_writing_lets_another_come_in() {
    let options = NatsOptions::new().namespace(unique()).deadline(Duration::from_secs(5));
    let (left, right) = (nats(options.clone()).await, nats(options).await);
    let mut going_on = JoinSet::new();
    for _ in 0..20 {
        let left = left.clone();
        going_on.spawn(async move {
            loop {
                filled(&left, "a-1", 1).await;
            }
        });
    }
    for _ in 0..5 {
        // Whoever comes in has the same advantage, and is to lose it.
        let before = left.head().await.unwrap().0;
        while left.head().await.unwrap().0 < before + 100 {
            left.wait(Position(before), Duration::from_secs(1)).await;
        }
        filled(&right, "a-1", 1).await;
    }
    going_on.shutdown().await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_that_is_given_up_gives_its_turn_back() {
    let (left, _) = two_processes().await;
    filled(&left, "a-1", 1).await;
    for polls in 0..20 {
        // One is on its way when they are given up, and the other waits for it.
        let write = || left.append(commit("a-1", Expected::Any, vec![event()]));
        let given_up = async {
            for _ in 0..polls {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = async { tokio::join!(write(), write()) } => {}
            () = given_up => {}
        }
        filled(&left, "a-1", 1).await;
    }
}
