//! What the stories have in common: the stores they run on, and a look at the log.

use es_core::prelude::*;
use es_core::store::{StoredEvent, StreamRead};
use tests::place::{AnyStore, Anywhere, positions};

/// Runs each story on a fresh store of every kind. A story that is not listed here is dead code.
macro_rules! on_every_store {
    ($($stories:tt)+) => { tests::at_every_place! { crate::kit::store; $($stories)+ } };
}

/// The same for stories that open their store more than once.
macro_rules! at_every_place {
    ($($stories:tt)+) => { tests::at_every_place! { tests::place::itself; $($stories)+ } };
}

/// The store at a place.
pub async fn store(place: &Anywhere) -> AnyStore {
    place.open().await
}

/// A moment, as in `time("2017-10-31T23:59:59Z")`.
pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// How many events there are in the whole log.
pub async fn recorded(store: &impl EventStore) -> usize {
    positions(store).await.len()
}

/// The events of a stream as they are stored, redacted ones included.
pub async fn stored(store: &impl EventStore, stream: &StreamId) -> Vec<StoredEvent> {
    let page = store.read_stream(stream, StreamRead::after(0)).await.unwrap();
    assert!(!page.more, "{stream} has more events than one page");
    page.events
}
