//! A commit that is being stored, seen by another process.

use super::site::Site;
use bytes::Bytes;
use es_core::store::{Append, Commit, EventStore, Expected, Filter, NatsStore, NewEvent, StreamRead};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use uuid::Uuid;

/// How many events a commit has for each of its two streams.
const EACH: u64 = 400;
const BOTH: u64 = 2 * EACH;

fn part(stream: &str) -> Append {
    let event = |_| NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: Bytes::from_static(b"{}"),
        metadata: Bytes::from_static(b"{}"),
    };
    let events = (0..EACH).map(event).collect();
    Append { stream: StreamId::named(stream), expected: Expected::Any, edits: None, events }
}

async fn version(store: &NatsStore, stream: &str) -> u64 {
    let last = StreamRead::before(u64::MAX).limit(1);
    let page = store.read_stream(&StreamId::named(stream), last).await.unwrap();
    assert_eq!(page.events.last().map_or(0, |event| event.version), page.head.version);
    page.head.version
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn whoever_looks_while_a_commit_is_stored_sees_all_of_it_or_nothing() {
    let site = Site::cluster().await;
    let (writer, reader) = (site.store().await, site.store().await);
    let writing = tokio::spawn(async move {
        for _ in 0..30 {
            writer.append(Commit::all(vec![part("a-1"), part("b-1")])).await.unwrap();
        }
    });
    while !writing.is_finished() {
        let mut head = 0;
        for _ in 0..40 {
            head = reader.head().await.unwrap().0;
            assert_eq!(head % BOTH, 0, "the head is within a commit");
        }
        let (a, b) = (version(&reader, "a-1").await, version(&reader, "b-1").await);
        assert!(a % EACH == 0 && b >= a, "{a} and {b}");
        for limit in [1, 10_000] {
            let log = reader.read_log(Position(head), &Filter::all(), limit).await.unwrap();
            assert_eq!(log.head.0 % BOTH, 0, "the page's head is within a commit");
            assert!(limit == 1 || log.scanned_to.0 % BOTH == 0, "the page ends within a commit");
        }
    }
    writing.await.unwrap();
}
