//! The words that the cases are written in.

use bytes::Bytes;
use es_core::StreamId;
use es_core::store::{
    Commit, EventStore, Expected, NatsOptions, NatsStore, NewEvent, StreamPage, StreamRead,
};
use jiff::Timestamp;
use tests::server::{nats, unique, variable};
use uuid::Uuid;

/// Two processes of one application: the same log, of which neither knows what the other has read.
pub async fn two_processes() -> (NatsStore, NatsStore) {
    let options = NatsOptions::new().namespace(unique());
    (nats(options.clone()).await, nats(options).await)
}

/// A log of its own, and its namespace.
pub async fn one() -> (NatsStore, String) {
    let namespace = unique();
    (nats(NatsOptions::new().namespace(namespace.clone())).await, namespace)
}

/// The server by its client alone, for what the store itself never does.
pub async fn by_hand() -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(variable("ES_NATS")).await.expect("the server is there"))
}

pub fn stream(name: &str) -> StreamId {
    StreamId::named(name)
}

pub fn event() -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::from_second(1_000).unwrap(),
        payload: Bytes::from_static(b"{}"),
        metadata: Bytes::from_static(b"{}"),
    }
}

pub fn commit(name: &str, expected: Expected, events: Vec<NewEvent>) -> Commit {
    Commit::one(stream(name), expected, events)
}

/// Appends so many events, whatever is there; and gives their ids.
pub async fn filled(store: &NatsStore, name: &str, count: usize) -> Vec<Uuid> {
    let events: Vec<_> = (0..count).map(|_| event()).collect();
    let ids = events.iter().map(|event| event.id).collect();
    store.append(commit(name, Expected::Any, events)).await.unwrap();
    ids
}

pub async fn page(store: &NatsStore, name: &str, read: StreamRead) -> StreamPage {
    store.read_stream(&stream(name), read).await.unwrap()
}

pub fn versions(page: &StreamPage) -> Vec<u64> {
    page.events.iter().map(|event| event.version).collect()
}
