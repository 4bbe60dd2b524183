//! Appends: expectations, duplicates, atomicity, limits.

use crate::kit::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    AppendError, Commit, EventSearch, Expected, MAX_COMMIT_BYTES, MAX_STREAM_BYTES, NewEvent, StreamRead,
};
use uuid::Uuid;

on_every_store! {
    async fn a_new_stream_takes_any_no_stream_and_exactly_zero(store) {
        for (name, expected) in [("a-1", Expected::Any), ("a-2", Expected::NoStream), ("a-3", Expected::Exact(0))] {
            let appended = store.append(commit(name, expected, events(2))).await.unwrap();
            assert_eq!(appended.heads, [open_head(2)], "{expected:?}");
            assert!(!appended.duplicate);
        }
        assert_eq!(store.head().await.unwrap(), Position(6));
    }

    async fn a_new_stream_refuses_exists_and_a_version(store) {
        for expected in [Expected::Exists, Expected::Exact(1)] {
            let answer = store.append(commit("a-1", expected, events(1))).await;
            assert!(is_conflict(&answer, 0), "{expected:?}: {answer:?}");
        }
        assert_eq!(store.head().await.unwrap(), Position(0));
    }

    async fn a_written_stream_takes_any_exists_and_its_version(store) {
        filled(store, "a-1", 1).await;
        for (version, expected) in [(1, Expected::Any), (2, Expected::Exists), (3, Expected::Exact(3))] {
            let appended = store.append(commit("a-1", expected, events(1))).await.unwrap();
            assert_eq!(appended.heads, [open_head(version + 1)], "{expected:?}");
        }
    }

    async fn a_written_stream_refuses_no_stream_and_other_versions(store) {
        filled(store, "a-1", 2).await;
        for expected in [Expected::NoStream, Expected::Exact(0), Expected::Exact(1), Expected::Exact(3), Expected::Exact(u64::MAX)] {
            let answer = store.append(commit("a-1", expected, events(1))).await;
            assert!(is_conflict(&answer, 2), "{expected:?}: {answer:?}");
        }
        assert_eq!(store.head().await.unwrap(), Position(2));
    }

    async fn a_conflict_names_the_stream_and_what_was_expected(store) {
        let answer = store.append(commit("a-1", Expected::Exact(7), events(1))).await.unwrap_err();
        assert_eq!(answer.to_string(), "stream a-1 is at version 0, expected Exact(7)");
    }

    async fn what_is_appended_is_read_back_whole(store) {
        let new = NewEvent {
            id: Uuid::now_v7(),
            name: "account.opened".into(),
            schema: u16::MAX,
            recorded_at: "2026-10-31T23:59:59.999999Z".parse().unwrap(),
            payload: Bytes::from_static(b"\0\xff payload"),
            metadata: Bytes::new(),
        };
        append(store, "account-1", vec![new.clone()]).await;
        let read = page(store, "account-1", StreamRead::after(0)).await.events.remove(0);
        assert_eq!((read.position, read.version, read.stream), (Position(1), 1, stream("account-1")));
        assert_eq!((read.id, read.name, read.schema), (new.id, new.name, new.schema));
        assert_eq!((read.recorded_at, read.payload, read.metadata), (new.recorded_at, Some(new.payload), new.metadata));
    }

    async fn an_empty_payload_is_not_a_redacted_one(store) {
        append(store, "a-1", vec![NewEvent { payload: Bytes::new(), ..event("Empty") }]).await;
        assert_eq!(whole_log(store).await[0].payload, Some(Bytes::new()));
    }

    async fn stored_at_never_goes_back_along_the_log(store) {
        for count in [1, 3, 2] {
            filled(store, "a-1", count).await;
        }
        assert!(whole_log(store).await.is_sorted_by_key(|event| event.stored_at));
    }

    async fn a_repeated_commit_is_a_duplicate_whatever_it_expects(store) {
        let first = commit("a-1", Expected::NoStream, events(2));
        store.append(first.clone()).await.unwrap();
        filled(store, "a-1", 1).await;
        let again = store.append(first).await.unwrap();
        assert!(again.duplicate);
        assert_eq!((again.heads, again.position), (vec![open_head(3)], Position(3)));
        assert_eq!(store.head().await.unwrap(), Position(3));
    }

    async fn a_duplicate_is_seen_on_a_closed_stream(store) {
        let first = commit("a-1", Expected::NoStream, events(1));
        store.append(first.clone()).await.unwrap();
        store.close_stream(&stream("a-1"), Expected::Any, "done").await.unwrap();
        let again = store.append(first).await.unwrap();
        assert!(again.duplicate && again.heads[0].closed);
    }

    async fn one_repeated_part_makes_the_whole_commit_a_duplicate(store) {
        let (stored, other) = (events(1), events(1));
        append(store, "b-1", stored.clone()).await;
        let parts = vec![part("a-1", Expected::Exact(9), other), part("b-1", Expected::NoStream, stored)];
        let answer = store.append(Commit::all(parts)).await.unwrap();
        assert!(answer.duplicate);
        assert_eq!(answer.heads, [open_head(0), open_head(1)]);
    }

    async fn an_id_of_another_stream_is_invalid(store) {
        let stored = events(1);
        append(store, "a-1", stored.clone()).await;
        let answer = store.append(commit("b-1", Expected::Any, stored)).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!(store.head().await.unwrap(), Position(1));
    }

    async fn a_later_id_that_is_stored_is_invalid_and_leaves_nothing(store) {
        let stored = events(1);
        append(store, "a-1", stored.clone()).await;
        let fresh = event("Fresh");
        let answer = store.append(commit("a-1", Expected::Any, vec![fresh.clone(), stored[0].clone()])).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!(store.find_event(EventSearch::on(stream("a-1"), fresh.id)).await.unwrap(), None);
        assert_eq!(append(store, "a-1", vec![fresh]).await.heads, [open_head(2)]);
    }

    async fn an_id_twice_in_a_commit_is_invalid_and_leaves_nothing(store) {
        let twice = event("Twice");
        let parts = vec![
            part("a-1", Expected::Any, vec![event("First"), twice.clone()]),
            part("b-1", Expected::Any, vec![twice]),
        ];
        let answer = store.append(Commit::all(parts)).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!(store.head().await.unwrap(), Position(0));
        assert_eq!(head(store, "a-1").await, open_head(0));
    }

    async fn parts_are_stored_together_in_their_order(store) {
        filled(store, "b-1", 1).await;
        let parts = vec![
            part("a-1", Expected::NoStream, events(2)),
            part("b-1", Expected::Exact(1), events(1)),
        ];
        let appended = store.append(Commit::all(parts)).await.unwrap();
        assert_eq!((appended.heads, appended.position), (vec![open_head(2), open_head(2)], Position(4)));
        let log = whole_log(store).await;
        assert_eq!(positions(&log), [1, 2, 3, 4]);
        assert_eq!(log.iter().map(|event| event.stream.as_str()).collect::<Vec<_>>(), ["b-1", "a-1", "a-1", "b-1"]);
    }

    async fn one_conflicting_part_leaves_nothing_of_the_others(store) {
        let parts = vec![
            part("a-1", Expected::NoStream, events(2)),
            part("b-1", Expected::Exists, events(1)),
        ];
        let answer = store.append(Commit::all(parts)).await;
        assert!(matches!(&answer, Err(AppendError::Conflict { stream, .. }) if stream.as_str() == "b-1"), "{answer:?}");
        assert_eq!(whole_log(store).await, []);
        assert_eq!(head(store, "a-1").await, open_head(0));
    }

    async fn commits_without_parts_without_events_or_with_a_stream_twice_are_invalid(store) {
        let empty = Commit::all(Vec::new());
        let eventless = commit("a-1", Expected::Any, Vec::new());
        let parts = vec![part("a-1", Expected::Any, events(1)), part("a-1", Expected::Any, events(1))];
        for commit in [empty, eventless, Commit::all(parts)] {
            let answer = store.append(commit).await;
            assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        }
    }

    async fn a_thousand_events_go_into_one_commit(store) {
        let appended = append(store, "a-1", events(1_000)).await;
        assert_eq!((appended.heads, appended.position), (vec![open_head(1_000)], Position(1_000)));
        assert_eq!(positions(&whole_log(store).await), (1..=1_000).collect::<Vec<_>>());
    }

    async fn a_thousand_and_one_events_are_too_large(store) {
        let parts = vec![part("a-1", Expected::Any, events(1_000)), part("b-1", Expected::Any, events(1))];
        let answer = store.append(Commit::all(parts)).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { size: 1_001, limit: 1_000, .. })), "{answer:?}");
    }

    async fn four_mebibytes_go_into_one_commit_and_no_byte_more(store) {
        let sized = |size| vec![NewEvent { payload: Bytes::from(vec![7; size - 2]), ..event("Large") }];
        append(store, "a-1", sized(MAX_COMMIT_BYTES)).await;
        let answer = store.append(commit("a-1", Expected::Any, sized(MAX_COMMIT_BYTES + 1))).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { limit: MAX_COMMIT_BYTES, .. })), "{answer:?}");
        assert_eq!(whole_log(store).await[0].payload.as_ref().unwrap().len(), MAX_COMMIT_BYTES - 2);
    }

    async fn streams_and_events_may_be_called_anything(store) {
        let longest = "x".repeat(MAX_STREAM_BYTES);
        let odd = ["", "-", "no category", "a\0b-\0", "a\0b-\0\0", "größe-日本語-🦀", "%_'\";--", ".*>", "\u{feff}-\r\n", &longest];
        for (index, name) in odd.into_iter().enumerate() {
            let named = NewEvent { name: name.to_owned().into(), ..event("") };
            append(store, name, vec![named]).await;
            let read = page(store, name, StreamRead::after(0)).await;
            assert_eq!((read.head, read.events.len()), (open_head(1), 1), "{name:?}");
            assert_eq!((read.events[0].name.as_ref(), read.events[0].position.0), (name, index as u64 + 1));
            assert_eq!(whole_log(store).await[index].stream, stream(name));
        }
    }

    async fn a_stream_with_too_long_a_name_is_refused_everywhere(store) {
        let name = "x".repeat(MAX_STREAM_BYTES + 1);
        let too_large = |answer| matches!(answer, Err(AppendError::TooLarge { limit: MAX_STREAM_BYTES, .. }));
        assert!(too_large(store.append(commit(&name, Expected::Any, events(1))).await.map(drop)));
        assert!(too_large(store.close_stream(&stream(&name), Expected::Any, "").await));
        assert!(too_large(store.truncate_stream(&stream(&name), Expected::Any, 1).await));
        assert!(too_large(store.save_snapshot(snapshot(&name, 1)).await));
    }
}
