//! Closing, truncating, redacting.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    Append, AppendError, Commit, EventStore, Expected, Filter, Redaction, StreamHead, StreamRead,
};
use uuid::Uuid;

async fn has_snapshot(store: &dyn EventStore, name: &str) -> bool {
    let kept = snapshot(name, 0);
    store.load_snapshot(&kept.stream, kept.fingerprint).await.unwrap().is_some()
}

cases! { $ __suite_edit of edit;
    async fn a_closed_stream_takes_no_events_but_is_read(store) {
        filled(store, "a-1", 2).await;
        store.close_stream(&stream("a-1"), Expected::Exact(2), "moved").await.unwrap();
        let answer = store.append(commit("a-1", Expected::Exact(0), events(1))).await;
        assert!(matches!(&answer, Err(AppendError::Closed { stream }) if stream.as_str() == "a-1"), "{answer:?}");
        let page = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!((page.head, page.events.len()), (StreamHead { version: 2, edits: 0, closed: true }, 2));
    }

    async fn closing_twice_is_fine(store) {
        filled(store, "a-1", 1).await;
        for reason in ["moved", "again"] {
            store.close_stream(&stream("a-1"), Expected::Exists, reason).await.unwrap();
        }
    }

    async fn closing_minds_what_is_expected(store) {
        filled(store, "a-1", 1).await;
        let answer = store.close_stream(&stream("a-1"), Expected::Exact(2), "").await;
        assert!(matches!(answer, Err(AppendError::Conflict { actual: 1, .. })), "{answer:?}");
        assert!(!head(store, "a-1").await.closed);
    }

    async fn a_stream_can_be_closed_before_it_is_written(store) {
        store.close_stream(&stream("a-1"), Expected::NoStream, "never").await.unwrap();
        let answer = store.append(commit("a-1", Expected::NoStream, events(1))).await;
        assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
        assert_eq!(head(store, "a-1").await, StreamHead { version: 0, edits: 0, closed: true });
    }

    async fn a_closed_part_leaves_nothing_of_the_others(store) {
        store.close_stream(&stream("b-1"), Expected::Any, "").await.unwrap();
        let parts = vec![part("a-1", Expected::Any, events(1)), part("b-1", Expected::Any, events(1))];
        let answer = store.append(Commit::all(parts)).await;
        assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
        assert_eq!(whole_log(store).await, []);
    }

    async fn closing_drops_the_snapshot(store) {
        filled(store, "a-1", 2).await;
        store.save_snapshot(snapshot("a-1", 2)).await.unwrap();
        store.close_stream(&stream("a-1"), Expected::Any, "").await.unwrap();
        assert!(!has_snapshot(store, "a-1").await);
    }

    async fn truncated_events_leave_the_stream_but_not_the_log(store) {
        let ids = filled(store, "a-1", 5).await;
        store.truncate_stream(&stream("a-1"), Expected::Exact(5), 3).await.unwrap();
        let forward = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!((versions(&forward.events), forward.head), (vec![3, 4, 5], edited(5, 1)));
        let backward = page(store, "a-1", StreamRead::before(5).limit(2)).await;
        assert_eq!((versions(&backward.events), backward.more), (vec![4, 3], false));
        assert_eq!(whole_log(store).await.len(), 5);
        assert_eq!(found(store, ids[0]).await.unwrap().version, 1);
    }

    async fn a_truncated_stream_still_knows_its_duplicates_and_its_version(store) {
        let first = commit("a-1", Expected::NoStream, events(2));
        store.append(first.clone()).await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Any, 3).await.unwrap();
        assert!(store.append(first).await.unwrap().duplicate);
        let appended = store.append(commit("a-1", Expected::Exact(2), events(1))).await.unwrap();
        assert_eq!(appended.heads, [edited(3, 1)]);
        assert_eq!(versions(&page(store, "a-1", StreamRead::after(0)).await.events), [3]);
    }

    async fn truncating_goes_forward_only(store) {
        filled(store, "a-1", 5).await;
        for before in [4, 4, 2, 1, 0] {
            store.truncate_stream(&stream("a-1"), Expected::Any, before).await.unwrap();
        }
        let page = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!((versions(&page.events), page.head), (vec![4, 5], edited(5, 1)));
    }

    async fn truncating_goes_no_further_than_the_next_version(store) {
        filled(store, "a-1", 2).await;
        for name in ["a-1", "a-2"] {
            store.truncate_stream(&stream(name), Expected::Any, u64::MAX).await.unwrap();
        }
        assert_eq!(page(store, "a-1", StreamRead::after(0)).await.events, []);
        assert_eq!(head(store, "a-2").await, edited(0, 0));
        filled(store, "a-1", 1).await;
        filled(store, "a-2", 1).await;
        assert_eq!(versions(&page(store, "a-1", StreamRead::after(0)).await.events), [3]);
        assert_eq!(versions(&page(store, "a-2", StreamRead::after(0)).await.events), [1]);
    }

    async fn truncating_minds_what_is_expected(store) {
        filled(store, "a-1", 2).await;
        let answer = store.truncate_stream(&stream("a-1"), Expected::Exact(1), 2).await;
        assert!(matches!(answer, Err(AppendError::Conflict { actual: 2, .. })), "{answer:?}");
        assert_eq!(head(store, "a-1").await, edited(2, 0));
    }

    async fn truncating_drops_the_snapshot_unless_it_changes_nothing(store) {
        filled(store, "a-1", 3).await;
        store.save_snapshot(snapshot("a-1", 3)).await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Any, 1).await.unwrap();
        assert!(has_snapshot(store, "a-1").await);
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        assert!(!has_snapshot(store, "a-1").await);
    }

    async fn a_redacted_event_keeps_its_place_and_loses_its_payload(store) {
        let ids = filled(store, "a-1", 3).await;
        let before = whole_log(store).await;
        assert!(store.redact_event(Redaction::of(ids[1], Bytes::from_static(b"by request"))).await.unwrap());
        let read = page(store, "a-1", StreamRead::after(0)).await;
        let mut redacted = before[1].clone();
        redacted.payload = None;
        redacted.metadata = Bytes::from_static(b"by request");
        assert_eq!(read.events, [before[0].clone(), redacted, before[2].clone()]);
        assert_eq!(read.head, edited(3, 1));
        assert_eq!(whole_log(store).await, read.events);
    }

    async fn redacting_twice_or_nothing_says_so(store) {
        let ids = filled(store, "a-1", 1).await;
        assert!(store.redact_event(Redaction::of(ids[0], Bytes::from_static(b"first"))).await.unwrap());
        assert!(!store.redact_event(Redaction::of(ids[0], Bytes::from_static(b"second"))).await.unwrap());
        assert!(!store.redact_event(Redaction::of(Uuid::now_v7(), Bytes::new())).await.unwrap());
        assert_eq!(whole_log(store).await[0].metadata, "first");
        assert_eq!(head(store, "a-1").await, edited(1, 1));
    }

    async fn redacting_drops_the_snapshot(store) {
        let ids = filled(store, "a-1", 2).await;
        store.save_snapshot(snapshot("a-1", 2)).await.unwrap();
        assert!(store.redact_event(Redaction::of(ids[0], Bytes::new())).await.unwrap());
        assert!(!has_snapshot(store, "a-1").await);
    }

    async fn appends_answer_with_the_edits_that_were_made(store) {
        let ids = filled(store, "a-1", 3).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        store.redact_event(Redaction::of(ids[2], Bytes::new())).await.unwrap();
        assert_eq!(append(store, "a-1", events(1)).await.heads, [edited(4, 2)]);
    }

    async fn a_commit_that_knows_other_edits_conflicts(store) {
        let ids = filled(store, "a-1", 3).await;
        let on = |edits| commit("a-1", Expected::Exact(3), events(1)).knowing(edits);
        store.redact_event(Redaction::of(ids[1], Bytes::new())).await.unwrap();
        for outdated in [0, 2] {
            let answer = store.append(on(outdated)).await;
            assert!(is_conflict(&answer, 3), "{outdated}: {answer:?}");
        }
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        assert!(is_conflict(&store.append(on(1)).await, 3));
        assert_eq!(store.append(on(2)).await.unwrap().heads, [edited(4, 2)]);
    }

    async fn a_part_that_knows_other_edits_leaves_nothing_of_the_others(store) {
        let ids = filled(store, "b-1", 1).await;
        store.redact_event(Redaction::of(ids[0], Bytes::new())).await.unwrap();
        let outdated = Append { edits: Some(0), ..part("b-1", Expected::Exact(1), events(1)) };
        let parts = vec![part("a-1", Expected::NoStream, events(1)), outdated];
        let answer = store.append(Commit::all(parts)).await;
        assert!(is_conflict(&answer, 1), "{answer:?}");
        assert_eq!(head(store, "a-1").await, edited(0, 0));
    }

    async fn duplicates_ends_and_versions_come_before_edits(store) {
        let first = commit("a-1", Expected::NoStream, events(2)).knowing(0);
        store.append(first.clone()).await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        assert!(store.append(first).await.unwrap().duplicate);
        let answer = store.append(commit("a-1", Expected::Exact(1), events(1)).knowing(0)).await.unwrap_err();
        assert_eq!(answer.to_string(), "stream a-1 is at version 2, expected Exact(1)");
        let answer = store.append(commit("a-1", Expected::Exact(2), events(1)).knowing(0)).await.unwrap_err();
        assert_eq!(answer.to_string(), "stream a-1, at version 2, was edited since it was read");
        store.close_stream(&stream("a-1"), Expected::Any, "").await.unwrap();
        let answer = store.append(commit("a-1", Expected::Exact(2), events(1)).knowing(0)).await;
        assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
    }

    async fn a_redaction_beside_changes_the_metadata_of_another_event(store) {
        let ids = filled(store, "a-1", 3).await;
        let before = whole_log(store).await;
        let beside = Some((ids[0], Bytes::from_static(b"beside")));
        let redaction = Redaction { beside, ..Redaction::of(ids[2], Bytes::from_static(b"redacted")) };
        assert!(store.redact_event(redaction.clone()).await.unwrap());
        let mut wanted = before;
        wanted[0].metadata = Bytes::from_static(b"beside");
        (wanted[2].payload, wanted[2].metadata) = (None, Bytes::from_static(b"redacted"));
        assert_eq!(whole_log(store).await, wanted);
        assert_eq!(page(store, "a-1", StreamRead::after(0)).await.events, wanted);
        assert_eq!(found(store, ids[0]).await.as_ref(), Some(&wanted[0]), "the payload beside it stays");
        assert!(!store.redact_event(redaction).await.unwrap());
        assert_eq!(head(store, "a-1").await, edited(3, 1));
    }

    async fn a_redaction_leaves_other_streams_alone(store) {
        let ids = filled(store, "a-1", 1).await;
        let other = filled(store, "b-1", 1).await;
        let before = found(store, other[0]).await;
        let beside = Some((other[0], Bytes::from_static(b"beside")));
        assert!(store.redact_event(Redaction { beside, ..Redaction::of(ids[0], Bytes::new()) }).await.unwrap());
        assert_eq!(found(store, other[0]).await, before, "what stands beside is of the same stream");
        assert_eq!((head(store, "a-1").await, head(store, "b-1").await), (edited(1, 1), open_head(1)));
    }

    async fn what_is_beside_a_redacted_event_may_be_redacted_itself(store) {
        let ids = filled(store, "a-1", 2).await;
        for (event, beside) in [(0, 1), (1, 0)] {
            let metadata = Bytes::from(format!("beside {event}"));
            let beside = Some((ids[beside], metadata));
            let redaction = Redaction { beside, ..Redaction::of(ids[event], Bytes::from_static(b"own")) };
            assert!(store.redact_event(redaction).await.unwrap());
        }
        let read = page(store, "a-1", StreamRead::after(0)).await;
        assert!(read.events.iter().all(|event| event.payload.is_none()));
        assert_eq!((read.events[0].metadata.as_ref(), read.events[1].metadata.as_ref()), (&b"beside 1"[..], &b"own"[..]));
        assert_eq!(read.head, edited(2, 2));
    }

    async fn a_redacted_event_is_found_by_its_id_and_by_filters(store) {
        let ids = filled(store, "a-1", 3).await;
        assert!(store.redact_event(Redaction::of(ids[1], Bytes::from_static(b"gone"))).await.unwrap());
        let event = found(store, ids[1]).await.unwrap();
        assert_eq!((event.version, event.payload.as_ref(), event.metadata.as_ref()), (2, None, &b"gone"[..]));
        for filter in [Filter::stream(stream("a-1")), Filter::category("a"), Filter::all().names(["Counted"])] {
            let page = log(store, Position(0), &filter, 10).await;
            assert_eq!(page.events.get(1), Some(&event), "{filter:?}");
        }
    }

    async fn a_truncated_event_can_be_redacted(store) {
        let ids = filled(store, "a-1", 2).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        assert!(store.redact_event(Redaction::of(ids[0], Bytes::new())).await.unwrap());
        assert_eq!(found(store, ids[0]).await.unwrap().payload, None);
        assert_eq!(head(store, "a-1").await, edited(2, 2));
        assert_eq!(versions(&page(store, "a-1", StreamRead::after(0)).await.events), [2]);
    }

    async fn a_closed_stream_can_be_truncated_and_redacted(store) {
        let ids = filled(store, "a-1", 3).await;
        store.close_stream(&stream("a-1"), Expected::Any, "").await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Exact(3), 2).await.unwrap();
        assert!(store.redact_event(Redaction::of(ids[2], Bytes::new())).await.unwrap());
        let page = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!((versions(&page.events), page.head), (vec![2, 3], StreamHead { closed: true, ..edited(3, 2) }));
    }

    async fn edits_take_no_place_among_the_events(store) {
        let ids = filled(store, "a-1", 3).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        store.redact_event(Redaction::of(ids[2], Bytes::new())).await.unwrap();
        filled(store, "b-1", 1).await;
        store.close_stream(&stream("b-1"), Expected::Any, "").await.unwrap();
        let edited_at = store.head().await.unwrap();
        assert_eq!(length(store).await, 4);
        assert_eq!(versions(&whole_log(store).await), [1, 2, 3, 1]);
        let behind = append(store, "a-1", events(2)).await;
        assert!(behind.position > edited_at);
        assert_eq!(versions(&log(store, edited_at, &Filter::all(), 10).await.events), [4, 5]);
    }
}
