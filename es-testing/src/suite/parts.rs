//! Commits of many parts: all of them are stored, or none.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::store::{Append, AppendError, Commit, EventStore, Expected, Redaction};
use uuid::Uuid;

/// What a part is refused for; each of them once more for each place among the others.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Conflict,
    Closed,
    Edited,
    TakenId,
}

impl Fault {
    fn part(self, taken: Uuid) -> Append {
        let mut second = event("Second");
        match self {
            Self::Conflict => part("written-1", Expected::NoStream, events(2)),
            Self::Closed => part("closed-1", Expected::Any, events(2)),
            Self::Edited => Append { edits: Some(0), ..part("edited-1", Expected::Any, events(2)) },
            Self::TakenId => {
                second.id = taken;
                part("taken-1", Expected::Any, vec![event("First"), second])
            }
        }
    }

    fn is(self, answer: &AppendError) -> bool {
        match self {
            Self::Conflict | Self::Edited => matches!(answer, AppendError::Conflict { .. }),
            Self::Closed => matches!(answer, AppendError::Closed { .. }),
            Self::TakenId => matches!(answer, AppendError::Invalid { .. }),
        }
    }
}

/// Streams that refuse, and an id that is taken.
async fn refusing(store: &dyn EventStore) -> Uuid {
    let ids = filled(store, "written-1", 1).await;
    let edited = filled(store, "edited-1", 1).await;
    store.redact_event(Redaction::of(edited[0], Bytes::new())).await.unwrap();
    store.close_stream(&stream("closed-1"), Expected::Any, "").await.unwrap();
    ids[0]
}

cases! { $ __suite_parts of parts;
    async fn parts_are_stored_together_in_their_order(store) {
        filled(store, "b-1", 1).await;
        let parts = vec![
            part("a-1", Expected::NoStream, events(2)),
            part("b-1", Expected::Exact(1), events(1)),
        ];
        let appended = store.append(Commit::all(parts)).await.unwrap();
        let log = whole_log(store).await;
        assert_eq!((appended.heads, appended.position), (vec![open_head(2), open_head(2)], log[3].position));
        assert_eq!(length(store).await, 4);
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

    async fn one_refused_part_leaves_nothing_wherever_it_stands(store) {
        let taken = refusing(store).await;
        let before = whole_log(store).await;
        for fault in [Fault::Conflict, Fault::Closed, Fault::Edited, Fault::TakenId] {
            for place in 0..3 {
                let mut parts = vec![part("a-1", Expected::NoStream, events(2)), part("b-1", Expected::Any, events(1))];
                parts.insert(place, fault.part(taken));
                let answer = store.append(Commit::all(parts)).await.unwrap_err();
                assert!(fault.is(&answer), "{fault:?} at {place}: {answer:?}");
                assert_eq!(whole_log(store).await, before, "{fault:?} at {place}");
                for name in ["a-1", "b-1"] {
                    assert_eq!(head(store, name).await, open_head(0), "{fault:?} at {place}");
                }
            }
        }
    }

    async fn parts_go_to_many_streams(store) {
        let names: Vec<_> = (0..200).map(|n| format!("a-{n}")).collect();
        for version in [0, 3] {
            let parts = names.iter().map(|name| part(name, Expected::Exact(version), events(3))).collect();
            let answer = store.append(Commit::all(parts)).await.unwrap();
            assert_eq!(answer.heads, vec![open_head(version + 3); 200]);
        }
        let log = whole_log(store).await;
        for (commit, version) in log.chunks(600).zip([1, 4]) {
            for (events, name) in commit.chunks(3).zip(&names) {
                assert!(events.iter().all(|event| event.stream.as_str() == name));
                assert_eq!(versions(events), [version, version + 1, version + 2]);
            }
        }
        assert_eq!(log.len(), 1_200);
    }

    async fn stored_at_never_goes_back_over_parts(store) {
        for _ in 0..3 {
            let parts = vec![part("a-1", Expected::Any, events(2)), part("b-1", Expected::Any, events(2))];
            store.append(Commit::all(parts)).await.unwrap();
        }
        assert!(whole_log(store).await.is_sorted_by_key(|event| event.stored_at));
    }
}
