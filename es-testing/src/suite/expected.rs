//! What an append expects of its stream.

use super::cases;
use super::words::*;
use es_core::store::{AppendError, EventStore, Expected, Redaction, StreamHead};

/// Every kind of expectation, with versions below, at and above those of the cases.
const ALL: [Expected; 8] = [
    Expected::Any,
    Expected::NoStream,
    Expected::Exists,
    Expected::Exact(0),
    Expected::Exact(1),
    Expected::Exact(3),
    Expected::Exact(4),
    Expected::Exact(u64::MAX),
];

/// Appends to a stream with this head, and sees that it is done just where the expectation holds.
async fn expect(store: &dyn EventStore, name: &str, expected: Expected, head: StreamHead) {
    let answer = store.append(commit(name, expected, events(1))).await;
    if expected.holds(head.version) {
        let next = StreamHead { version: head.version + 1, ..head };
        assert_eq!(answer.unwrap().heads, [next], "{expected:?} at version {}", head.version);
    } else {
        assert!(is_conflict(&answer, head.version), "{expected:?} at version {}: {answer:?}", head.version);
        assert_eq!(self::head(store, name).await, head, "what conflicts stores nothing");
    }
}

cases! { $ __suite_expected of expected;
    async fn a_new_stream_takes_any_no_stream_and_exactly_zero(store) {
        for (name, expected) in [("a-1", Expected::Any), ("a-2", Expected::NoStream), ("a-3", Expected::Exact(0))] {
            let appended = store.append(commit(name, expected, events(2))).await.unwrap();
            assert_eq!(appended.heads, [open_head(2)], "{expected:?}");
            assert!(!appended.duplicate);
        }
        assert_eq!(length(store).await, 6);
    }

    async fn a_new_stream_refuses_exists_and_a_version(store) {
        for expected in [Expected::Exists, Expected::Exact(1)] {
            let answer = store.append(commit("a-1", expected, events(1))).await;
            assert!(is_conflict(&answer, 0), "{expected:?}: {answer:?}");
        }
        assert_eq!(length(store).await, 0);
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
        assert_eq!(length(store).await, 2);
    }

    async fn a_conflict_names_the_stream_and_what_was_expected(store) {
        let answer = store.append(commit("a-1", Expected::Exact(7), events(1))).await.unwrap_err();
        assert_eq!(answer.to_string(), "stream a-1 is at version 0, expected Exact(7)");
    }

    async fn every_expectation_holds_or_conflicts_by_the_version_alone(store) {
        for version in [0, 1, 3] {
            for (index, expected) in ALL.into_iter().enumerate() {
                let name = format!("at{version}-{index}");
                if version > 0 {
                    filled(store, &name, usize::try_from(version).unwrap()).await;
                }
                expect(store, &name, expected, open_head(version)).await;
            }
        }
    }

    async fn a_truncated_stream_is_expected_at_the_version_it_had(store) {
        for (index, expected) in ALL.into_iter().enumerate() {
            let name = format!("truncated-{index}");
            filled(store, &name, 3).await;
            store.truncate_stream(&stream(&name), Expected::Any, 4).await.unwrap();
            expect(store, &name, expected, edited(3, 1)).await;
        }
    }

    async fn a_redacted_stream_is_expected_at_the_version_it_had(store) {
        for (index, expected) in ALL.into_iter().enumerate() {
            let name = format!("redacted-{index}");
            let ids = filled(store, &name, 1).await;
            assert!(store.redact_event(Redaction::of(ids[0], bytes::Bytes::new())).await.unwrap());
            expect(store, &name, expected, edited(1, 1)).await;
        }
    }

    async fn a_closed_stream_refuses_whatever_is_expected(store) {
        for (name, count) in [("never-1", 0), ("once-1", 1), ("thrice-1", 3)] {
            if count > 0 {
                filled(store, name, count).await;
            }
            store.close_stream(&stream(name), Expected::Any, "").await.unwrap();
            for expected in ALL {
                let answer = store.append(commit(name, expected, events(1))).await;
                assert!(matches!(answer, Err(AppendError::Closed { .. })), "{expected:?}: {answer:?}");
            }
            assert_eq!(head(store, name).await, StreamHead { closed: true, ..open_head(count as u64) });
        }
    }

    async fn truncating_and_closing_expect_as_appends_do(store) {
        let conflicts = |answer| matches!(answer, Err(AppendError::Conflict { actual: 3, .. }));
        for (index, expected) in ALL.into_iter().enumerate() {
            let name = format!("a-{index}");
            filled(store, &name, 3).await;
            let truncated = store.truncate_stream(&stream(&name), expected, 2).await;
            let closed = store.close_stream(&stream(&name), expected, "").await;
            let holds = expected.holds(3);
            assert!(if holds { truncated.is_ok() } else { conflicts(truncated) }, "truncating, {expected:?}");
            assert!(if holds { closed.is_ok() } else { conflicts(closed) }, "closing, {expected:?}");
            assert_eq!(head(store, &name).await, StreamHead { version: 3, edits: holds.into(), closed: holds });
        }
    }
}
