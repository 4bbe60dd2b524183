//! What a store has.

use crate::server::process::until;
use es_core::store::{EventStore, Filter, StoredEvent, StreamRead};
use es_core::{Position, StreamId};
use std::collections::HashMap;

/// The events of each stream, and its version.
pub(super) type Streams = HashMap<StreamId, (Vec<StoredEvent>, u64)>;

/// The log and each stream of it. What somebody had sent who was killed then may still come.
pub(super) async fn all(store: &dyn EventStore) -> (Vec<StoredEvent>, Streams) {
    let (mut log, mut streams) = (Vec::new(), Streams::new());
    until("nobody writes any more", async || {
        let head = store.head().await.unwrap();
        log = log_of(store).await;
        streams.clear();
        for event in &log {
            if !streams.contains_key(&event.stream) {
                streams.insert(event.stream.clone(), stream_of(store, &event.stream).await);
            }
        }
        store.head().await.unwrap() == head
    })
    .await;
    (log, streams)
}

/// The whole log.
pub async fn log_of(store: &dyn EventStore) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    let mut after = Position(0);
    loop {
        let page = store.read_log(after, &Filter::all(), 5_000).await.unwrap();
        events.extend(page.events);
        after = page.scanned_to;
        if after >= page.head {
            return events;
        }
    }
}

/// A whole stream, and its version.
async fn stream_of(store: &dyn EventStore, stream: &StreamId) -> (Vec<StoredEvent>, u64) {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let after = events.last().map_or(0, |last| last.version);
        let page = store.read_stream(stream, StreamRead::after(after)).await.unwrap();
        events.extend(page.events);
        if !page.more {
            return (events, page.head.version);
        }
    }
}
