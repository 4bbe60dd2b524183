//! What one process redacts, truncates and closes, another one sees.

use crate::kit::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    AppendError, EventSearch, EventStore, Expected, Filter, Redaction, StreamHead, StreamRead,
};

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_redaction_is_seen_in_the_stream_in_the_log_and_by_its_id() {
    let (left, right) = two_processes().await;
    let ids = filled(&left, "a-1", 3).await;
    assert_eq!(versions(&page(&right, "a-1", StreamRead::after(0)).await), [1, 2, 3]);
    let beside = Some((ids[0], Bytes::from_static(b"without its reply")));
    let redaction = Redaction { beside, ..Redaction::of(ids[1], Bytes::from_static(b"gone")) };
    assert!(left.redact_event(redaction).await.unwrap());
    let of_stream = page(&right, "a-1", StreamRead::after(0)).await;
    let of_log = right.read_log(Position(0), &Filter::all(), 10).await.unwrap();
    assert_eq!(of_stream.events, of_log.events);
    assert_eq!(
        (of_stream.events[1].payload.as_ref(), &of_stream.events[1].metadata[..]),
        (None, &b"gone"[..])
    );
    assert_eq!(of_stream.events[0].metadata, "without its reply");
    assert!(of_stream.events[0].payload.is_some());
    let by_id = right.find_event(EventSearch::of(ids[1])).await.unwrap().unwrap();
    assert_eq!(by_id, of_stream.events[1]);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_page_of_the_log_looks_past_what_is_no_event() {
    let (left, right) = two_processes().await;
    filled(&left, "a-1", 2).await;
    left.truncate_stream(&stream("a-1"), Expected::Exact(2), 2).await.unwrap();
    left.close_stream(&stream("b-1"), Expected::NoStream, "never").await.unwrap();
    let log = right.read_log(Position(0), &Filter::all(), 10).await.unwrap();
    assert_eq!(log.events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((log.scanned_to, log.head), (Position(5), Position(5)));
    assert!(log.scanned_id.is_some());
    let rest = right.read_log(log.scanned_to, &Filter::all(), 10).await.unwrap();
    assert_eq!((rest.events, rest.scanned_id), (vec![], log.scanned_id));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn an_append_minds_what_another_process_has_changed() {
    let (left, right) = two_processes().await;
    filled(&left, "a-1", 2).await;
    filled(&right, "a-1", 1).await;
    left.truncate_stream(&stream("a-1"), Expected::Exact(3), 2).await.unwrap();
    let outdated = commit("a-1", Expected::Exact(3), vec![event()]).knowing(0);
    let answer = right.append(outdated).await;
    assert!(matches!(answer, Err(AppendError::Conflict { actual: 3, .. })), "{answer:?}");
    let appended = right.append(commit("a-1", Expected::Exact(3), vec![event()])).await.unwrap();
    assert_eq!(appended.heads, [StreamHead { version: 4, edits: 1, closed: false }]);
    left.close_stream(&stream("a-1"), Expected::Exact(4), "done").await.unwrap();
    let answer = right.append(commit("a-1", Expected::Any, vec![event()])).await;
    assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn of_two_who_redact_an_event_one_has_done_it() {
    let (left, right) = two_processes().await;
    let ids = filled(&left, "a-1", 1).await;
    let by = |who: &'static str| Redaction::of(ids[0], Bytes::from_static(who.as_bytes()));
    let (a, b) = tokio::join!(left.redact_event(by("left")), right.redact_event(by("right")));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a, b);
    let read = page(&left, "a-1", StreamRead::after(0)).await;
    assert_eq!(
        (read.events[0].metadata.as_ref(), read.head.edits),
        (if a { &b"left"[..] } else { b"right" }, 1)
    );
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_stands_at_a_position_is_found_again_be_it_an_event_or_not() {
    let (left, right) = two_processes().await;
    filled(&left, "a-1", 1).await;
    left.truncate_stream(&stream("a-1"), Expected::Exact(1), 2).await.unwrap();
    filled(&left, "a-1", 1).await;
    for position in 1..=4 {
        let before = Position(position - 1);
        let page = right.read_log(before, &Filter::all(), 0).await.unwrap();
        assert_eq!(page.scanned_to, Position(position));
        assert!(page.scanned_id.is_some());
        assert_eq!(page, right.read_log(before, &Filter::all(), 0).await.unwrap());
        let is_event = [1, 4].contains(&position);
        assert_eq!(page.events.len(), usize::from(is_event), "at {position}");
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_redaction_that_names_the_stream_looks_there_alone() {
    let (left, right) = two_processes().await;
    let ids = filled(&left, "a-1", 2).await;
    let on = |name| Redaction { stream: Some(stream(name)), ..Redaction::of(ids[1], Bytes::new()) };
    assert!(!right.redact_event(on("b-1")).await.unwrap());
    assert!(right.redact_event(on("a-1")).await.unwrap());
    assert!(page(&left, "a-1", StreamRead::after(0)).await.events[1].payload.is_none());
}
