//! Duplicates: a commit that is sent again is known by its event ids.

use super::cases;
use super::words::*;
use es_core::store::{AppendError, Commit, DocumentRevision, Expected, Inline, Redaction, StreamHead};

cases! { $ __suite_duplicates of duplicates;
    async fn a_repeated_commit_is_a_duplicate_whatever_it_expects(store) {
        let first = commit("a-1", Expected::NoStream, events(2));
        store.append(first.clone()).await.unwrap();
        filled(store, "a-1", 1).await;
        let again = store.append(first).await.unwrap();
        assert!(again.duplicate);
        let last = numbers(store).await.last();
        assert_eq!((again.heads, again.position), (vec![open_head(3)], last));
        assert_eq!(length(store).await, 3);
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
        assert_eq!(length(store).await, 1);
    }

    async fn a_later_id_that_is_stored_is_invalid_and_leaves_nothing(store) {
        let stored = events(1);
        append(store, "a-1", stored.clone()).await;
        let fresh = event("Fresh");
        let answer = store.append(commit("a-1", Expected::Any, vec![fresh.clone(), stored[0].clone()])).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!(found(store, fresh.id).await, None);
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
        assert_eq!(length(store).await, 0);
        assert_eq!(head(store, "a-1").await, open_head(0));
    }

    async fn a_duplicate_is_known_by_its_first_event_alone(store) {
        let stored = events(2);
        append(store, "a-1", stored.clone()).await;
        let other = commit("a-1", Expected::Any, vec![stored[0].clone(), event("Other"), event("More")]);
        assert!(store.append(other).await.unwrap().duplicate);
        assert_eq!(length(store).await, 2, "a duplicate stores nothing");
    }

    async fn a_first_event_that_is_stored_as_a_later_one_is_a_duplicate(store) {
        let stored = events(3);
        append(store, "a-1", stored.clone()).await;
        let tail = commit("a-1", Expected::NoStream, stored[1..].to_vec());
        assert!(store.append(tail).await.unwrap().duplicate);
        assert_eq!(length(store).await, 3);
    }

    async fn a_repeated_commit_of_many_parts_adds_to_none_of_them(store) {
        let names = ["a-1", "b-1", "c-1"];
        let parts: Vec<_> = names.iter().map(|name| part(name, Expected::NoStream, events(2))).collect();
        store.append(Commit::all(parts.clone())).await.unwrap();
        let before = whole_log(store).await;
        for first in 0..3 {
            let mut again = parts.clone();
            again.rotate_left(first);
            let answer = store.append(Commit::all(again)).await.unwrap();
            assert!(answer.duplicate);
            assert_eq!(answer.heads, [open_head(2); 3]);
        }
        assert_eq!(whole_log(store).await, before);
    }

    async fn a_stored_part_decides_before_an_id_on_another_stream(store) {
        let (on_a, on_b) = (events(1), events(1));
        append(store, "a-1", on_a.clone()).await;
        append(store, "b-1", on_b.clone()).await;
        let parts = vec![part("c-1", Expected::Any, on_a), part("b-1", Expected::Any, on_b)];
        assert!(store.append(Commit::all(parts)).await.unwrap().duplicate);
        assert_eq!(head(store, "c-1").await, open_head(0));
    }

    async fn a_duplicate_is_seen_whatever_was_edited_since(store) {
        let first = commit("a-1", Expected::NoStream, events(2)).knowing(0);
        store.append(first.clone()).await.unwrap();
        let id = first.parts[0].events[0].id;
        assert!(store.redact_event(Redaction::of(id, bytes::Bytes::new())).await.unwrap());
        assert!(store.append(first.clone()).await.unwrap().duplicate, "of a redacted event");
        store.truncate_stream(&stream("a-1"), Expected::Any, 3).await.unwrap();
        assert!(store.append(first.clone()).await.unwrap().duplicate, "of a truncated event");
        store.close_stream(&stream("a-1"), Expected::Any, "").await.unwrap();
        let answer = store.append(first).await.unwrap();
        assert_eq!(answer.heads, [StreamHead { version: 2, edits: 2, closed: true }]);
        assert!(answer.duplicate, "of an event of a closed stream");
    }

    async fn a_duplicate_is_seen_behind_many_other_commits(store) {
        let first = commit("a-1", Expected::NoStream, events(1));
        store.append(first.clone()).await.unwrap();
        for _ in 0..3 {
            filled(store, "a-1", 500).await;
            filled(store, "b-1", 500).await;
        }
        assert!(store.append(first).await.unwrap().duplicate);
    }

    async fn the_ids_of_a_refused_commit_are_free(store) {
        filled(store, "b-1", 1).await;
        let free = events(2);
        let conflict = commit("b-1", Expected::NoStream, free.clone());
        assert!(is_conflict(&store.append(conflict).await, 1));
        for event in &free {
            assert_eq!(found(store, event.id).await, None, "what was refused is not stored");
        }
        let answer = append(store, "a-1", free).await;
        assert_eq!((answer.duplicate, answer.heads), (false, vec![open_head(2)]));
    }

    async fn the_ids_of_a_commit_that_came_too_late_for_a_document_are_free(store) where inline {
        let wanted = commit("a-1", Expected::NoStream, events(2));
        let requires = vec![DocumentRevision { collection: "c".into(), key: "k".into(), revision: 1 }];
        let inline = Some(Box::new(Inline { requires, ..Inline::default() }));
        let answer = store.append(Commit { inline, ..wanted.clone() }).await;
        assert!(matches!(answer, Err(AppendError::Changed { .. })), "{answer:?}");
        let answer = store.append(wanted).await.unwrap();
        assert_eq!((answer.duplicate, answer.heads), (false, vec![open_head(2)]));
    }
}
