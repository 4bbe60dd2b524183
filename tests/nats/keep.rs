//! Documents and snapshots, where JetStream is not like a database.

use bytes::Bytes;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, DocumentRange, DocumentWrite, EventStore, LEASE, Lease,
    NatsOptions, NatsStore, ReadError, StoredSnapshot,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use tests::server::{nats, unique};
use uuid::Uuid;

async fn store() -> NatsStore {
    nats(NatsOptions::new().namespace(unique())).await
}

/// Two processes on one log.
async fn two() -> (NatsStore, NatsStore) {
    let options = NatsOptions::new().namespace(unique());
    (nats(options.clone()).await, nats(options).await)
}

async fn lease(store: &NatsStore) -> Lease {
    store.register("p", Checkpoint::default()).await.unwrap();
    store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().expect("nobody holds it")
}

fn write(key: impl Into<String>, body: impl Into<Bytes>) -> DocumentWrite {
    DocumentWrite {
        collection: "p/c".into(),
        key: key.into(),
        revision: None,
        position: Position(1),
        body: Some(body.into()),
    }
}

fn writing(lease: &Lease, writes: Vec<DocumentWrite>) -> Advance {
    Advance { writes, ..Advance::under(lease) }
}

fn key(n: usize) -> String {
    format!("{n:05}")
}

/// More documents than one request for all of them answers.
async fn many(store: &NatsStore, lease: &Lease) {
    for part in 0..3 {
        let writes = (0..800).map(|n| write(key(part * 800 + n), key(n))).collect();
        store.advance(writing(lease, writes)).await.unwrap();
    }
}

async fn page(store: &NatsStore, after: Option<String>, limit: u32) -> Vec<String> {
    let range = DocumentRange { after, until: None, limit };
    let page = store.list_documents("p/c", &range).await.unwrap();
    page.into_iter().map(|document| document.key).collect()
}

async fn revision(store: &NatsStore, key: &str) -> Option<u64> {
    let found = store.documents("p/c", &[key.to_owned()]).await.unwrap();
    found.first().map(|document| document.revision)
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn many_documents_are_found_and_listed() {
    let store = store().await;
    let lease = lease(&store).await;
    many(&store, &lease).await;
    let all: Vec<_> = (0..2_400).map(key).collect();
    let mut found = store.documents("p/c", &all).await.unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    assert!(found.iter().map(|found| &found.key).eq(&all));
    assert!(found.iter().enumerate().all(|(n, found)| found.body == key(n % 800) && found.revision == 1));
    let mut listed = Vec::new();
    loop {
        let next = page(&store, listed.last().cloned(), 700).await;
        if next.is_empty() {
            break;
        }
        listed.extend(next);
    }
    assert_eq!(listed, all);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_list_that_was_begun_shows_what_came_and_went_meanwhile() {
    let store = store().await;
    let lease = lease(&store).await;
    many(&store, &lease).await;
    assert_eq!(page(&store, None, 1).await, [key(0)]);
    let delete = |n| DocumentWrite { body: None, ..write(key(n), "") };
    let added = write(format!("{}+", key(2)), "new");
    store.advance(writing(&lease, vec![delete(1), delete(3), added])).await.unwrap();
    assert_eq!(page(&store, Some(key(0)), 3).await, [key(2), format!("{}+", key(2)), key(4)]);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn many_documents_are_forgotten() {
    let store = store().await;
    let held = lease(&store).await;
    many(&store, &held).await;
    store.release(&held).await.unwrap();
    store.forget("p").await.unwrap();
    assert_eq!(page(&store, None, 10).await.len(), 0);
    assert_eq!(store.processors("").await.unwrap(), []);
    let next = lease(&store).await;
    assert!(next.epoch > held.epoch, "an epoch is given once, whatever was forgotten");
    store.advance(writing(&next, vec![write("k", "anew")])).await.unwrap();
    assert_eq!(revision(&store, "k").await, Some(1));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_is_too_large_is_refused_whole() {
    let store = store().await;
    let lease = lease(&store).await;
    let many: Vec<_> = (0..1_000).map(|n| write(key(n), "x")).collect();
    let large = vec![write("a", "x"), write("b", vec![b'x'; 16 * 1024 * 1024])];
    let long = vec![write("a", "x"), write("k".repeat(5_000), "x")];
    for (writes, what) in
        [(many, "documents in one advance"), (large, "document (bytes)"), (long, "key of a document (bytes)")]
    {
        let to = Checkpoint { position: Position(9), event: None };
        let refused = store.advance(Advance { to: Some(to), ..writing(&lease, writes) }).await;
        let Err(AdvanceError::TooLarge { what: said, size, limit }) = refused else { panic!("{refused:?}") };
        assert!(said.starts_with(what) && size > limit, "{said}: {size} of {limit}");
    }
    assert_eq!(page(&store, None, 10).await.len(), 0);
    assert_eq!(store.processors("p").await.unwrap()[0].checkpoint, Checkpoint::default());
    assert_eq!(revision(&store, &"k".repeat(5_000)).await, None);
    store.advance(writing(&lease, vec![write("a", "x")])).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn an_advance_that_is_full_is_taken_whatever_its_documents_belong_to() {
    let store = store().await;
    let lease = lease(&store).await;
    let full = store.capabilities().writes;
    let apart = (0..full).map(|n| DocumentWrite { collection: format!("p/{n}").into(), ..write("k", "x") });
    store.advance(writing(&lease, apart.collect())).await.unwrap();
    for part in [0..full, full..full + 499] {
        store.advance(writing(&lease, part.map(|n| write(key(n), "x")).collect())).await.unwrap();
    }
    // What one event deletes comes on top of an advance that is all but full.
    let deleted = (1..full + 499).map(|n| DocumentWrite { body: None, ..write(key(n), "") });
    store.advance(writing(&lease, deleted.collect())).await.unwrap();
    assert_eq!(page(&store, None, 10).await, [key(0)]);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_name_that_fits_into_no_subject_is_refused() {
    let store = store().await;
    let Err(ReadError::Unavailable(cause)) = store.register(&"p".repeat(5_000), Checkpoint::default()).await
    else {
        panic!("it is registered")
    };
    assert!(matches!(cause.downcast_ref(), Some(AdvanceError::TooLarge { size: 5_000.., .. })), "{cause:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_a_process_remembers_decides_nothing() {
    let (one, other) = two().await;
    let lease = lease(&one).await;
    let at = |revision, body: &'static str| DocumentWrite { revision: Some(revision), ..write("k", body) };
    one.advance(writing(&lease, vec![write("k", "first")])).await.unwrap();
    other.advance(writing(&lease, vec![at(1, "second")])).await.unwrap();
    let late = one.advance(writing(&lease, vec![at(1, "late")])).await;
    assert!(matches!(late, Err(AdvanceError::Changed { .. })), "{late:?}");
    one.advance(writing(&lease, vec![at(1, "second")])).await.expect("that is written");
    other.advance(writing(&lease, vec![DocumentWrite { body: None, ..at(2, "") }])).await.unwrap();
    one.advance(writing(&lease, vec![write("k", "anew")])).await.unwrap();
    other.advance(writing(&lease, vec![write("k", "again")])).await.unwrap();
    assert_eq!((revision(&one, "k").await, revision(&other, "k").await), (Some(2), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn of_writes_at_the_same_time_none_is_lost() {
    let (one, other) = two().await;
    let lease = lease(&one).await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (store, lease) = ([&one, &other][n % 2].clone(), lease.clone());
        writers.spawn(async move {
            store.advance(writing(&lease, vec![write("shared", "x"), write(key(n), "x")])).await
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    assert_eq!(revision(&one, "shared").await, Some(40));
    assert_eq!(page(&other, None, 100).await.len(), 41);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_snapshot_that_fits_into_no_message_is_not_saved() {
    let store = store().await;
    let stream = StreamId::named("a-1");
    let snapshot = StoredSnapshot {
        stream: stream.clone(),
        fingerprint: u64::MAX,
        version: 1,
        position: Position(1),
        recorded_at: Timestamp::from_microsecond(-1).unwrap(),
        edits: 0,
        payload: vec![0; 16 * 1024 * 1024].into(),
    };
    let refused = store.save_snapshot(snapshot.clone()).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { what: "snapshot (bytes)", .. })), "{refused:?}");
    assert_eq!(store.load_snapshot(&stream, u64::MAX).await.unwrap(), None);
    let small = StoredSnapshot { payload: vec![0].into(), ..snapshot };
    store.save_snapshot(small.clone()).await.unwrap();
    assert_eq!(store.load_snapshot(&stream, u64::MAX).await.unwrap(), Some(small));
}
