//! Processors of several processes: leases by the database's clock, advances at the same time.

use crate::sessions::*;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, Checkpoint, DocumentRange, DocumentWrite, EventStore, Expected, LEASE, Lease,
    PgOptions, PgStore, ReadError, StoredSnapshot,
};
use jiff::Timestamp;
use std::time::Duration;
use tests::server;
use uuid::Uuid;

async fn lease(store: &PgStore, processor: &str, ttl: Duration) -> Lease {
    store.register(processor, Checkpoint::default()).await.unwrap();
    store.acquire(processor, Uuid::now_v7(), ttl).await.unwrap().expect("nobody holds it")
}

/// A document that does not look at the revision.
fn write(key: &str, body: &'static str) -> DocumentWrite {
    let body = Some(body.into());
    DocumentWrite { collection: "c".into(), key: key.into(), revision: None, position: Position(7), body }
}

fn writing(lease: &Lease, writes: Vec<DocumentWrite>) -> Advance {
    Advance { writes, ..Advance::under(lease) }
}

async fn revisions(store: &PgStore) -> Vec<u64> {
    let all = DocumentRange { limit: 100_000, ..DocumentRange::default() };
    store.list_documents("c", &all).await.unwrap().iter().map(|document| document.revision).collect()
}

fn is_fenced<T>(answer: &Result<T, AdvanceError>) -> bool {
    matches!(answer, Err(AdvanceError::Fenced { .. }))
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn two_processes_fence_each_other_by_the_clock_of_the_database() {
    let (schema, [one, other]) = stores().await;
    let late = lease(&one, "p", LEASE).await;
    assert_eq!(other.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    // For the database eleven seconds go by, for the processes none.
    let passes = "UPDATE {es}.processors SET lease_until = lease_until - interval '11 s'";
    run(&mut session().await, &schema, passes).await;
    let next = lease(&other, "p", LEASE).await;
    assert!(next.epoch > late.epoch);
    assert!(is_fenced(&one.renew(&late, LEASE).await));
    assert!(is_fenced(&one.advance(writing(&late, vec![write("k", "late")])).await));
    other.advance(writing(&next, vec![write("k", "next")])).await.unwrap();
    assert_eq!(one.documents("c", &["k".into()]).await.unwrap()[0].body, "next");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn of_many_that_want_a_lease_one_has_it() {
    let (_, stores) = stores::<2>().await;
    let rivals: Vec<_> = (0..16)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                store.register("p", Checkpoint::default()).await.unwrap();
                store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap()
            })
        })
        .collect();
    let mut taken = 0;
    for rival in rivals {
        taken += usize::from(rival.await.unwrap().is_some());
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_clock_that_was_set_back_keeps_no_lease_for_longer_than_it_was_taken_for() {
    let (schema, [store]) = stores().await;
    let lost = lease(&store, "p", Duration::ZERO).await;
    run(&mut session().await, &schema, "UPDATE {es}.processors SET lease_until = 'infinity'").await;
    assert_eq!(store.processors("p").await.unwrap()[0].owner, Some(lost.owner));
    // The first to be refused cuts it down: here, to no time at all.
    assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    assert!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().is_some());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_lease_that_is_held_is_not_cut_down() {
    let (schema, [store]) = stores().await;
    lease(&store, "p", LEASE).await;
    let mut onlooker = session().await;
    let ends = "SELECT (extract(epoch FROM lease_until) * 1000000)::bigint FROM {es}.processors";
    let before = number(&mut onlooker, &schema, ends).await;
    assert_eq!(store.acquire("p", Uuid::now_v7(), Duration::ZERO).await.unwrap(), None);
    assert_eq!(number(&mut onlooker, &schema, ends).await, before);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn advances_over_the_same_documents_do_not_lock_each_other_out() {
    // The server counts for each database; a locked out advance is sent again, so that it cannot be seen else.
    let (schema, database, mut onlooker) = (server::unique(), server::unique(), session().await);
    run(&mut onlooker, &database, "CREATE DATABASE {es}").await;
    let url = format!("{}/{database}", server::postgres_url().rsplit_once('/').unwrap().0);
    let options = PgOptions::new().schema(&schema);
    PgStore::migrate(&url, &options).await.unwrap();
    let open = || PgStore::connect_with(&url, options.clone());
    let stores = [open().await.unwrap(), open().await.unwrap()];
    let keys: Vec<_> = (0..40).map(|n| format!("{n:02}")).collect();
    let setter = lease(&stores[0], "setter", LEASE).await;
    let all = keys.iter().map(|key| write(key, "{}")).collect();
    stores[0].advance(writing(&setter, all)).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = stores[n % 2].clone();
            let mut writes: Vec<_> = keys.iter().map(|key| write(key, "{}")).collect();
            if n % 3 == 0 {
                writes.reverse();
            }
            writes.rotate_left(n * 5);
            tokio::spawn(async move {
                let lease = lease(&store, &format!("p-{n}"), LEASE).await;
                for _ in 0..20 {
                    store.advance(writing(&lease, writes.clone())).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(revisions(&stores[0]).await, [161; 40]);
    // What a session counts is certain once it is over.
    for store in stores {
        store.close().await;
    }
    until(&mut onlooker, &database, "SELECT count(*) FROM pg_stat_activity WHERE datname = '{es}'", 0).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = '{es}'";
    assert_eq!(number(&mut onlooker, &database, deadlocks).await, 0);
    run(&mut onlooker, &database, "DROP DATABASE {es}").await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_document_that_several_add_at_the_same_time_loses_nobodys_write() {
    let (_, stores) = stores::<2>().await;
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let lease = lease(&store, &format!("p-{n}"), LEASE).await;
                for round in 0..50 {
                    let mut writes: Vec<_> = (0..3).map(|k| write(&format!("{round}-{k}"), "{}")).collect();
                    writes.rotate_left(n % 3);
                    let advance = writing(&lease, writes);
                    // One that the others are in the way of again and again may be sent again.
                    while let Err(error) = store.advance(advance.clone()).await {
                        assert!(matches!(error, AdvanceError::Unavailable(_)), "{error:?}");
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(revisions(&stores[0]).await, [4; 150]);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn many_documents_are_written_in_one_advance() {
    let (_, [store]) = stores().await;
    let lease = lease(&store, "p", LEASE).await;
    let at = |revision: u64| {
        let write = |n| DocumentWrite { revision: Some(revision), ..write(&format!("{n:05}"), "x") };
        (0..20_000).map(write).collect::<Vec<_>>()
    };
    store.advance(writing(&lease, at(0))).await.unwrap();
    store.advance(writing(&lease, at(1))).await.unwrap();
    assert_eq!(revisions(&store).await, vec![2; 20_000]);
    let mut changed = at(2);
    changed[12_345].revision = Some(1);
    changed[15_000].revision = Some(7);
    changed[12_345].body = Some("y".into());
    let answer = store.advance(writing(&lease, changed)).await;
    assert!(matches!(&answer, Err(AdvanceError::Changed { key, .. }) if key == "12345"), "{answer:?}");
    let deleted = at(2).into_iter().map(|write| DocumentWrite { body: None, ..write }).collect();
    store.advance(writing(&lease, deleted)).await.unwrap();
    assert_eq!(revisions(&store).await.len(), 0);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_large_build_is_forgotten_in_steps_and_by_whoever_comes_next() {
    let (schema, [store]) = stores().await;
    let held = lease(&store, "c", Duration::ZERO).await;
    let keys = (0..5_000).map(|n| write(&format!("{n:04}"), "x"));
    store.advance(writing(&held, keys.collect())).await.unwrap();
    // Whoever reads the third part keeps it from being deleted.
    let mut holder = session().await;
    run(&mut holder, &schema, "BEGIN; SELECT FROM {es}.documents WHERE key = '4500' FOR UPDATE").await;
    let mut onlooker = session().await;
    let forgetting = tokio::spawn({
        let store = store.clone();
        async move { store.forget("c").await }
    });
    until(&mut onlooker, &schema, "SELECT count(*) FROM {es}.documents", 1_000).await;
    forgetting.abort();
    assert!(forgetting.await.unwrap_err().is_cancelled());
    assert!(
        is_fenced(&store.advance(writing(&held, vec![write("k", "x")])).await),
        "nobody writes for it any more"
    );
    assert_eq!(store.processors("").await.unwrap().len(), 1, "it is still there to be forgotten");
    run(&mut holder, &schema, "COMMIT").await;
    store.forget("c").await.unwrap();
    assert_eq!((revisions(&store).await.len(), store.processors("").await.unwrap()), (0, Vec::new()));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_snapshot_from_before_an_edit_that_is_under_way_is_not_kept() {
    let (schema, [store]) = stores().await;
    append(&store, "a-1", 3).await;
    let snapshot = StoredSnapshot {
        stream: stream("a-1"),
        fingerprint: 1,
        version: 3,
        position: Position(3),
        recorded_at: Timestamp::from_second(1_000).unwrap(),
        edits: 0,
        payload: "what is taken away".into(),
    };
    let mut editor = session().await;
    run(
        &mut editor,
        &schema,
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {es}.truncate_stream('a-1', -1, 2)",
    )
    .await;
    let saving = tokio::spawn({
        let store = store.clone();
        async move { store.save_snapshot(snapshot).await }
    });
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%{es}%'";
    until(&mut session().await, &schema, waiting, 1).await;
    run(&mut editor, &schema, "COMMIT").await;
    saving.await.unwrap().unwrap();
    let kept = "SELECT count(*) FROM {es}.snapshots";
    assert_eq!(number(&mut editor, &schema, kept).await, 0);
    store.truncate_stream(&stream("a-1"), Expected::Exact(3), 3).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_closed_store_keeps_no_processors() {
    let (_, [store]) = stores().await;
    let held = lease(&store, "p", LEASE).await;
    store.close().await;
    let unread = |answer: Result<(), ReadError>| answer.is_err_and(|error| error.is_closed());
    assert!(unread(store.register("p", Checkpoint::default()).await.map(drop)));
    assert!(unread(store.acquire("p", held.owner, LEASE).await.map(drop)));
    assert!(unread(store.processors("").await.map(drop)));
    assert!(unread(store.documents("c", &["k".into()]).await.map(drop)));
    assert!(unread(store.head().await.map(drop)));
    let refused = |answer| matches!(answer, Err(AdvanceError::Unavailable(_)));
    assert!(refused(store.renew(&held, LEASE).await));
    assert!(refused(store.release(&held).await));
    assert!(refused(store.forget("p").await));
    assert!(refused(store.advance(Advance::under(&held)).await));
}
