//! Leases without a clock that all processes share.

use bytes::Bytes;
use es_core::StreamId;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, Commit, EventStore, Expected, Lease, NatsOptions,
    NatsStore, NewEvent,
};
use jiff::Timestamp;
use std::time::Duration;
use tests::server::{nats, unique};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Long enough that nobody takes it on the way, and short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);

/// As long as such a lease may take at most to run out, on a machine that has much to do.
const BOUND: Duration = Duration::from_secs(30);

async fn two() -> (NatsStore, NatsStore) {
    let options = NatsOptions::new().namespace(unique());
    let stores = (nats(options.clone()).await, nats(options).await);
    stores.0.register("p", Checkpoint::default()).await.unwrap();
    stores
}

async fn taken(store: &NatsStore, ttl: Duration) -> Option<Lease> {
    store.acquire("p", Uuid::now_v7(), ttl).await.unwrap()
}

async fn owner(store: &NatsStore) -> Option<Uuid> {
    store.processors("p").await.unwrap()[0].owner
}

fn is_fenced(answer: &Result<(), AdvanceError>) -> bool {
    matches!(answer, Err(AdvanceError::Fenced { .. }))
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_lease_is_taken_once_it_was_seen_to_stand_still() {
    let (one, other) = two().await;
    let gone = taken(&one, SHORT).await.unwrap();
    assert_eq!(taken(&other, SHORT).await, None, "it has seen it for the first time");
    let next = timeout(BOUND, async {
        loop {
            match taken(&other, Duration::MAX).await {
                Some(lease) => return lease,
                None => sleep(SHORT / 10).await,
            }
        }
    });
    let next = next.await.expect("it runs out");
    assert!(next.epoch > gone.epoch);
    assert!(is_fenced(&one.advance(Advance::under(&gone)).await));
    assert!(is_fenced(&one.renew(&gone, SHORT).await));
    other.advance(Advance::under(&next)).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_lease_that_is_used_does_not_stand_still() {
    let (one, other) = two().await;
    let brief = Duration::from_millis(50);
    let held = taken(&one, brief).await.unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < brief * 5 {
        one.renew(&held, brief).await.unwrap();
        assert_eq!(taken(&other, brief).await, None);
        one.advance(Advance::under(&held)).await.unwrap();
        assert_eq!(taken(&other, brief).await, None);
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn an_owner_is_shown_until_it_was_seen_to_stand_still() {
    let (one, other) = two().await;
    let held = taken(&one, SHORT).await.unwrap();
    assert_eq!(owner(&other).await, Some(held.owner));
    let gone = timeout(BOUND, async {
        while owner(&other).await.is_some() {
            sleep(SHORT / 10).await;
        }
    });
    gone.await.expect("it runs out");
    one.renew(&held, Duration::MAX).await.expect("nobody has taken it");
    assert_eq!(owner(&other).await, Some(held.owner));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_is_given_back_is_taken_at_once_by_whoever_comes() {
    let (one, other) = two().await;
    let held = taken(&one, Duration::MAX).await.unwrap();
    assert_eq!(taken(&other, SHORT).await, None);
    one.release(&held).await.unwrap();
    assert_eq!(owner(&other).await, None);
    assert!(taken(&other, SHORT).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn of_many_that_want_a_lease_one_has_it() {
    let (one, other) = two().await;
    for _ in 0..20 {
        let mut contenders = tokio::task::JoinSet::new();
        for n in 0..8 {
            let store = [&one, &other][n % 2].clone();
            contenders.spawn(async move { taken(&store, Duration::MAX).await });
        }
        let leases: Vec<_> = contenders.join_all().await.into_iter().flatten().collect();
        assert_eq!(leases.len(), 1);
        one.release(&leases[0]).await.unwrap();
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_under_a_lease_that_another_process_has_taken_is_refused() {
    let (one, other) = two().await;
    let gone = taken(&one, Duration::ZERO).await.unwrap();
    taken(&other, Duration::MAX).await.expect("it has run out");
    let event = NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: Bytes::new(),
        metadata: Bytes::from_static(b"{}"),
    };
    let commit = Commit::one(StreamId::named("a-1"), Expected::Any, vec![event]);
    let refused = one.append(commit.under(&gone)).await;
    assert!(matches!(refused, Err(AppendError::Fenced { .. })), "{refused:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn more_processors_than_one_answer_holds_are_listed() {
    let (one, other) = two().await;
    let mut registered = tokio::task::JoinSet::new();
    for n in 0..1_100 {
        let store = one.clone();
        registered.spawn(async move { store.register(&format!("q/{n:04}"), Checkpoint::default()).await });
    }
    assert!(registered.join_all().await.iter().all(Result::is_ok));
    let listed = other.processors("q/").await.unwrap();
    let names: Vec<_> = listed.iter().map(|known| known.name.to_string()).collect();
    assert_eq!(names, (0..1_100).map(|n| format!("q/{n:04}")).collect::<Vec<_>>());
    assert_eq!(other.processors("").await.unwrap().len(), 1_101);
}
