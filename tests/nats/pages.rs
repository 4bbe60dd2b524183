//! Reads by a process that has not read before.

use crate::kit::*;
use es_core::Position;
use es_core::store::{Bound, EventSearch, EventStore, Expected, NatsStore, NewEvent, StreamRead};
use jiff::Timestamp;

/// Forty events of each of two streams by turns, one recorded each second.
async fn forty(store: &NatsStore) {
    for second in 1..=40 {
        for name in ["a-1", "b-1"] {
            let timed = NewEvent { recorded_at: Timestamp::from_second(second).unwrap(), ..event() };
            store.append(commit(name, Expected::Any, vec![timed])).await.unwrap();
        }
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_page_begins_at_any_version() {
    let (writer, reader) = two_processes().await;
    forty(&writer).await;
    for after in [0, 1, 2, 19, 38, 39] {
        let read = page(&reader, "b-1", StreamRead::after(after).limit(2)).await;
        let expected: Vec<_> = (after + 1..=40).take(2).collect();
        assert_eq!((versions(&read), read.more), (expected, after < 38), "after {after}");
    }
    let backward = page(&reader, "a-1", StreamRead::before(30).limit(3)).await;
    assert_eq!((versions(&backward), backward.more), (vec![29, 28, 27], true));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_page_ends_at_any_time() {
    let (writer, reader) = two_processes().await;
    forty(&writer).await;
    for second in [0, 1, 7, 39, 40, 41] {
        let until = Bound::Time(Timestamp::from_second(second).unwrap());
        let read = page(&reader, "a-1", StreamRead::after(0).until(until)).await;
        let expected: Vec<_> =
            (1..=40).take_while(|version| i64::try_from(*version).unwrap() <= second).collect();
        assert_eq!(versions(&read), expected, "until {second}");
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_stream_longer_than_a_row_is_read_and_written_on() {
    let (writer, reader) = two_processes().await;
    let mut ids = filled(&writer, "a-1", 1_000).await;
    ids.extend(filled(&writer, "a-1", 700).await);
    let read = page(&reader, "a-1", StreamRead::after(0).limit(5_000)).await;
    assert_eq!(read.events.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    let repeated = NewEvent { id: ids[1], ..event() };
    let answer = reader.append(commit("a-1", Expected::Exact(1_700), vec![repeated])).await.unwrap();
    assert!(answer.duplicate, "an id is recognised, however long ago it was stored");
    let found = reader.find_event(EventSearch::on(stream("a-1"), ids[1_699])).await.unwrap().unwrap();
    assert_eq!((found.version, found.position), (1_700, Position(1_700)));
}
