//! Processors in a file: shared, opened again, brought up from an older schema.

use crate::kit::*;
use es_core::store::{
    Advance, Checkpoint, DocumentRange, DocumentWrite, EventStore, LEASE, ReadError, SqliteOpenError,
    SqliteStore,
};
use rusqlite::Connection;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

fn raw(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("events.db")).unwrap()
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_its_processors() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let held = lease(&store, "p").await;
    store.advance(advance_to(&held, 3, vec![write("p", "k", "kept")])).await.unwrap();
    store.close().await;

    let store = sqlite(&folder).await;
    assert_eq!(document(&store, "p", "k").await.unwrap().body, "kept");
    let known = store.processors("").await.unwrap();
    assert_eq!((known[0].checkpoint, known[0].owner), (checkpoint(3), Some(held.owner)));
    assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    store.advance(advance_to(&held, 4, Vec::new())).await.unwrap();
}

#[tokio::test]
async fn two_handles_on_one_file_fence_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (sqlite(&folder).await, sqlite(&folder).await);
    let late = run_out(&one, "p").await;
    let next = lease(&other, "p").await;
    let write = |body| DocumentWrite { revision: Some(0), ..write("p", "k", body) };
    assert!(is_fenced(&one.advance(advance_to(&late, 9, vec![write("late")])).await));
    other.advance(advance_to(&next, 2, vec![write("next")])).await.unwrap();
    assert_eq!(document(&one, "p", "k").await.unwrap().body, "next");
    assert_eq!(place(&one, "p").await, checkpoint(2));
    assert_eq!(one.acquire("p", late.owner, LEASE).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_a_lease_one_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [sqlite(&folder).await, sqlite(&folder).await];
    stores[0].register("p", Checkpoint::default()).await.unwrap();
    let rivals = (0..16).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move { store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap() })
    });
    let mut taken = 0;
    for rival in rivals.collect::<Vec<_>>() {
        taken += usize::from(rival.await.unwrap().is_some());
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_lease_for_longer_than_it_was_taken_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let lost = run_out(&store, "p").await;
    let raw = raw(&folder);
    raw.execute("UPDATE processors SET lease_until = ?1", [i64::MAX]).unwrap();
    assert_eq!(store.processors("p").await.unwrap()[0].owner, Some(lost.owner));
    // The first to be refused cuts it down: here, to no time at all.
    assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    assert!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lease_that_is_held_is_not_cut_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    lease(&store, "p").await;
    let raw = raw(&folder);
    let until =
        || raw.query_row("SELECT lease_until FROM processors", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = until();
    assert_eq!(store.acquire("p", Uuid::now_v7(), Duration::ZERO).await.unwrap(), None);
    assert_eq!(until(), before);
}

/// A file as the first schema had it, with one event.
const FIRST_SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x65736462;
PRAGMA user_version = 1;
CREATE TABLE events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, category TEXT NOT NULL, version INTEGER NOT NULL,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16), name TEXT NOT NULL, schema INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, stored_at INTEGER NOT NULL, metadata BLOB NOT NULL, payload BLOB
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, version);
CREATE UNIQUE INDEX events_id ON events (event_id);
CREATE INDEX events_category ON events (category, position);
CREATE TABLE streams (
    stream TEXT PRIMARY KEY, edits INTEGER NOT NULL DEFAULT 0, truncated_before INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER, reason TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    stream TEXT PRIMARY KEY, fingerprint INTEGER NOT NULL, version INTEGER NOT NULL,
    position INTEGER NOT NULL, recorded_at INTEGER NOT NULL, edits INTEGER NOT NULL, payload BLOB NOT NULL
) STRICT;
INSERT INTO events VALUES (1, 'a-1', 'a', 1, zeroblob(16), 'Counted', 1, 1000, 1000, x'7b7d', x'7b7d');
";

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    raw(&folder).execute_batch(FIRST_SCHEMA).unwrap();
    for _ in 0..2 {
        let store = sqlite(&folder).await;
        assert_eq!(head(&store, "a-1").await, open_head(1));
        let held = run_out(&store, "p").await;
        store.advance(advance_to(&held, 1, vec![write("p", "k", "x")])).await.unwrap();
        store.close().await;
    }
    let version = raw(&folder).query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_open_an_older_file_at_once_bring_it_up_once() {
    let folder = tempfile::tempdir().unwrap();
    raw(&folder).execute_batch(FIRST_SCHEMA).unwrap();
    let path = folder.path().join("events.db");
    let openers: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteStore::open(path.clone()))).collect();
    for opener in openers {
        let store = opener.await.unwrap().unwrap();
        assert_eq!(store.register("p", checkpoint(1)).await.unwrap(), checkpoint(1));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_brought_up_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(&folder);
    raw.execute_batch(FIRST_SCHEMA).unwrap();
    // Somebody has put a table of theirs where the last of ours goes.
    raw.execute_batch("CREATE TABLE documents (mine TEXT)").unwrap();
    let refused = SqliteStore::open(folder.path().join("events.db")).await;
    assert!(matches!(refused, Err(SqliteOpenError::Unavailable(_))), "{refused:?}");
    let number = |sql| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 1);
    assert_eq!(number("SELECT count(*) FROM sqlite_schema WHERE name = 'processors'"), 0);
}

#[tokio::test]
async fn a_large_build_is_forgotten_in_steps_and_by_whoever_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let held = run_out(&store, "p").await;
    let keys = (0..5_000).map(|n| write("p", &format!("{n:04}"), "x"));
    store.advance(advance_to(&held, 1, keys.collect())).await.unwrap();
    let left = async || {
        let all = DocumentRange { limit: 10_000, ..DocumentRange::default() };
        store.list_documents("p", &all).await.unwrap().len()
    };
    let mut forgetting = Box::pin(store.forget("p"));
    while left().await == 5_000 {
        let is_done = std::future::poll_fn(|cx| Poll::Ready(forgetting.as_mut().poll(cx).is_ready())).await;
        assert!(!is_done, "it was one step");
        // Behind each step there is room for others; this one is done behind the step that is under way.
        filled(&store, "a-1", 1).await;
    }
    assert!((1..5_000).contains(&left().await));
    assert!(
        is_fenced(&store.advance(advance_to(&held, 2, Vec::new())).await),
        "nobody writes for it any more"
    );
    drop(forgetting);
    assert_eq!(store.processors("").await.unwrap().len(), 1, "it is still there to be forgotten");
    store.forget("p").await.unwrap();
    assert_eq!((left().await, store.processors("").await.unwrap()), (0, Vec::new()));
}

#[tokio::test]
async fn a_closed_store_keeps_no_processors() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let held = lease(&store, "p").await;
    store.close().await;
    let unread = |answer| matches!(answer, Err(ReadError::Unavailable(_)));
    assert!(unread(store.register("p", checkpoint(1)).await.map(drop)));
    assert!(unread(store.acquire("p", held.owner, LEASE).await.map(drop)));
    assert!(unread(store.processors("").await.map(drop)));
    assert!(unread(store.documents("c", &[]).await.map(drop)));
    assert!(unread(store.read(|_| Ok(())).await));
    let refused = |answer| matches!(answer, Err(es_core::store::AdvanceError::Unavailable(_)));
    assert!(refused(store.renew(&held, LEASE).await));
    assert!(refused(store.release(&held).await));
    assert!(refused(store.forget("p").await));
    assert!(refused(store.advance(Advance::under(&held)).await));
}
