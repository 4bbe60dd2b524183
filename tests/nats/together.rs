//! Several processors of one process that write at a time.

use crate::kit::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, Checkpoint, DocumentWrite, EventStore, Lease, NatsOptions, NatsStore,
};
use std::collections::HashSet;
use std::time::Duration;
use tests::server::nats;
use tokio::task::JoinSet;
use uuid::Uuid;

const PROCESSORS: usize = 24;

/// Leases of so many processors, which others can take at once.
async fn leases(store: &NatsStore) -> Vec<Lease> {
    let mut leases = Vec::new();
    for n in 0..PROCESSORS {
        let name = format!("p{n}");
        store.register(&name, Checkpoint::default()).await.unwrap();
        let lease = store.acquire(&name, Uuid::now_v7(), Duration::ZERO).await.unwrap();
        leases.push(lease.expect("nobody holds it"));
    }
    leases
}

/// All of them write two documents each, at a time.
async fn advance(store: &NatsStore, leases: &[Lease]) -> Vec<Result<(), AdvanceError>> {
    let mut advances = JoinSet::new();
    for (n, lease) in leases.iter().enumerate() {
        let write = |key: &str| DocumentWrite {
            collection: lease.processor.clone(),
            key: key.to_owned(),
            revision: None,
            position: Position(1),
            body: Some(Bytes::from(format!("{key} of {n}"))),
        };
        let (store, advance) =
            (store.clone(), Advance { writes: vec![write("a"), write("b")], ..Advance::under(lease) });
        advances.spawn(async move { (n, store.advance(advance).await) });
    }
    let mut answers = advances.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// What a processor has written.
async fn written(store: &NatsStore, n: usize) -> Vec<Bytes> {
    let keys = ["a".to_owned(), "b".to_owned()];
    let mut found = store.documents(&format!("p{n}"), &keys).await.unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found.into_iter().map(|document| document.body).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_is_written_at_a_time_goes_together() {
    let (store, namespace) = one().await;
    let leases = leases(&store).await;
    for answer in advance(&store, &leases).await {
        answer.unwrap();
    }
    let keep = by_hand().await.get_stream(format!("KEEP_{namespace}")).await.unwrap();
    let mut batches = HashSet::new();
    for n in 0..PROCESSORS {
        assert_eq!(written(&store, n).await, [format!("a of {n}"), format!("b of {n}")]);
        let subject = format!("{namespace}.keep.doc.p{n}.a");
        let stored = keep.get_last_raw_message_by_subject(&subject).await.unwrap();
        batches.insert(stored.headers.get("Nats-Batch-Id").unwrap().to_string());
    }
    assert!(batches.len() < PROCESSORS, "each went alone");
    // What is remembered of each is what is there.
    for answer in advance(&store, &leases).await {
        answer.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_is_refused_is_refused_alone() {
    let (store, namespace) = one().await;
    let other = nats(NatsOptions::new().namespace(namespace)).await;
    let leases = leases(&store).await;
    for lease in leases.iter().step_by(3) {
        let taken = other.acquire(&lease.processor, Uuid::now_v7(), Duration::MAX).await.unwrap();
        taken.expect("it has run out");
    }
    for (n, answer) in advance(&store, &leases).await.into_iter().enumerate() {
        let is_taken = n % 3 == 0;
        assert_eq!(matches!(answer, Err(AdvanceError::Fenced { .. })), is_taken, "{n}: {answer:?}");
        assert_eq!(written(&store, n).await.is_empty(), is_taken);
    }
}
