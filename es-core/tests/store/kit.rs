//! The words that the cases are written in.

use bytes::Bytes;
use es_core::store::{
    Append, AppendError, Appended, Commit, EventStore, Expected, Filter, LogPage, NewEvent, SqliteStore,
    StoredEvent, StoredSnapshot, StreamHead, StreamPage, StreamRead,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

/// The SQLite store in a folder.
pub async fn sqlite(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("events.db")).await.unwrap()
}

pub fn stream(name: &str) -> StreamId {
    StreamId::named(name)
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An event with a new id.
pub fn event(name: &'static str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        name: name.into(),
        schema: 1,
        recorded_at: at(1_000),
        payload: Bytes::from(format!("{{\"of\":\"{name}\"}}")),
        metadata: Bytes::from_static(b"{}"),
    }
}

pub fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event("Counted")).collect()
}

pub fn part(name: &str, expected: Expected, events: Vec<NewEvent>) -> Append {
    Append { stream: stream(name), expected, edits: None, events }
}

pub fn commit(name: &str, expected: Expected, events: Vec<NewEvent>) -> Commit {
    Commit::one(stream(name), expected, events)
}

/// Appends whatever is there, and must be able to.
pub async fn append(store: &dyn EventStore, name: &str, events: Vec<NewEvent>) -> Appended {
    store.append(commit(name, Expected::Any, events)).await.unwrap()
}

/// A stream of so many events, with the ids of them.
pub async fn filled(store: &dyn EventStore, name: &str, count: usize) -> Vec<Uuid> {
    let events = events(count);
    let ids = events.iter().map(|event| event.id).collect();
    append(store, name, events).await;
    ids
}

pub async fn page(store: &dyn EventStore, name: &str, read: StreamRead) -> StreamPage {
    store.read_stream(&stream(name), read).await.unwrap()
}

pub async fn head(store: &dyn EventStore, name: &str) -> StreamHead {
    page(store, name, StreamRead::after(0)).await.head
}

pub async fn log(store: &dyn EventStore, after: u64, filter: &Filter, limit: u32) -> LogPage {
    store.read_log(Position(after), filter, limit).await.unwrap()
}

pub async fn whole_log(store: &dyn EventStore) -> Vec<StoredEvent> {
    let page = log(store, 0, &Filter::default(), 5_000).await;
    assert_eq!(page.scanned_to, page.head, "the log is longer than these cases make it");
    page.events
}

pub fn versions(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

pub fn positions(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position.0).collect()
}

pub fn open_head(version: u64) -> StreamHead {
    StreamHead { version, edits: 0, closed: false }
}

pub fn is_conflict(answer: &Result<Appended, AppendError>, at_version: u64) -> bool {
    matches!(answer, Err(AppendError::Conflict { actual, .. }) if *actual == at_version)
}

pub fn snapshot(name: &str, version: u64) -> StoredSnapshot {
    StoredSnapshot {
        stream: stream(name),
        fingerprint: u64::MAX - 1,
        version,
        position: Position(version),
        recorded_at: at(1_000),
        edits: 0,
        payload: Bytes::from(format!("state at {version}")),
    }
}
