//! The words that the cases are written in.

use bytes::Bytes;
use es_core::store::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentWrite, EventStore, Expected,
    Filter, LEASE, Lease, LogPage, NewEvent, SqliteStore, StoredDocument, StoredEvent, StoredSnapshot,
    StreamHead, StreamPage, StreamRead,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use std::time::Duration;
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

pub fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint { position: Position(position), event: Some(Uuid::from_u128(position.into())) }
}

/// The lease of a processor, which is registered first, under an owner of its own.
pub async fn lease(store: &dyn EventStore, processor: &str) -> Lease {
    taken(store, processor, LEASE).await
}

/// As [`lease`], but the time of it has run out.
pub async fn run_out(store: &dyn EventStore, processor: &str) -> Lease {
    taken(store, processor, Duration::ZERO).await
}

async fn taken(store: &dyn EventStore, processor: &str, ttl: Duration) -> Lease {
    store.register(processor, Checkpoint::default()).await.unwrap();
    store.acquire(processor, Uuid::now_v7(), ttl).await.unwrap().expect("nobody holds it")
}

/// A document that does not look at the revision.
pub fn write(collection: &str, key: &str, body: &'static str) -> DocumentWrite {
    DocumentWrite {
        collection: collection.into(),
        key: key.into(),
        revision: None,
        position: Position(7),
        body: Some(Bytes::from_static(body.as_bytes())),
    }
}

pub fn advance_to(lease: &Lease, position: u64, writes: Vec<DocumentWrite>) -> Advance {
    Advance { to: Some(checkpoint(position)), writes, ..Advance::under(lease) }
}

pub fn is_fenced(answer: &Result<(), AdvanceError>) -> bool {
    matches!(answer, Err(AdvanceError::Fenced { .. }))
}

/// Where a processor is, without its lease.
pub async fn place(store: &dyn EventStore, processor: &str) -> Checkpoint {
    let known = store.processors(processor).await.unwrap();
    known.into_iter().find(|known| &*known.name == processor).expect("it is registered").checkpoint
}

pub async fn document(store: &dyn EventStore, collection: &str, key: &str) -> Option<StoredDocument> {
    store.documents(collection, &[key.to_owned()]).await.unwrap().pop()
}
