//! How far ours look, which others may decide otherwise.

use es_core::StreamId;
use es_core::prelude::*;
use es_core::store::{Commit, Expected, Filter, MAX_COMMIT_EVENTS, NewEvent};
use es_testing::suite::Place;

/// Looks for what is not there in a log that is longer than a page looks at.
pub async fn a_page_looks_at_ten_thousand_events(place: Place) {
    let event = |_| NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: "{}".into(),
        metadata: "{}".into(),
    };
    let store = place.store();
    for _ in 0..11 {
        let events = (0..MAX_COMMIT_EVENTS).map(event).collect();
        store.append(Commit::one(StreamId::named("a-1"), Expected::Any, events)).await.unwrap();
    }
    let filter = Filter::all().names(["Nothing"]);
    let first = store.read_log(Position(0), &filter, 1).await.unwrap();
    assert_eq!((first.events.len(), first.scanned_to, first.head), (0, Position(10_000), Position(11_000)));
    assert!(first.scanned_id.is_some());
    let second = store.read_log(first.scanned_to, &filter, 1).await.unwrap();
    assert_eq!((second.events.len(), second.scanned_to), (0, Position(11_000)));
}
