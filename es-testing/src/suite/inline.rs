//! What goes with a commit: stored with its events, or not at all.

use super::cases;
use super::words::*;
use es_core::Position;
use es_core::store::{AppendError, Commit, DocumentRevision, DocumentWrite, EventStore, Expected, Inline};

fn with(commit: Commit, writes: Vec<DocumentWrite>) -> Commit {
    Commit { inline: Some(Box::new(Inline { writes, ..Inline::default() })), ..commit }
}

fn document(revision: u64, body: &'static str) -> DocumentWrite {
    DocumentWrite {
        collection: "c".into(),
        key: "k".into(),
        revision: Some(revision),
        position: Position(0),
        body: Some(body.into()),
    }
}

fn requiring(revision: u64, commit: Commit) -> Commit {
    let requires = vec![DocumentRevision { collection: "c".into(), key: "k".into(), revision }];
    Commit { inline: Some(Box::new(Inline { requires, ..Inline::default() })), ..commit }
}

/// The document: its revision, the number of the event that it is at, and what it holds.
async fn stored(store: &dyn EventStore) -> Option<(u64, u64, String)> {
    let found = store.documents("c", &["k".to_owned()]).await.unwrap().pop()?;
    let at = numbers(store).await.of(found.position);
    Some((found.revision, at, String::from_utf8(found.body.to_vec()).unwrap()))
}

cases! { $ __suite_inline of inline;
    async fn a_store_that_takes_nothing_along_stores_nothing_of_such_a_commit(store) {
        if store.capabilities().inline {
            return;
        }
        let commit = commit("a-1", Expected::NoStream, events(1));
        for taken in [with(commit.clone(), vec![document(0, "one")]), requiring(0, commit.clone())] {
            let answer = store.append(taken).await;
            assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
            assert_eq!((head(store, "a-1").await, length(store).await), (open_head(0), 0));
            assert_eq!(stored(store).await, None);
        }
        // Such a commit can never be, whatever its stream is.
        let late = requiring(1, self::commit("a-1", Expected::Exact(4), events(1)));
        let answer = store.append(late).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        store.append(commit).await.unwrap();
    }

    async fn a_document_is_stored_with_the_events_at_their_position(store) where inline {
        let commit = with(commit("a-1", Expected::NoStream, events(2)), vec![document(0, "one")]);
        store.append(commit).await.unwrap();
        assert_eq!(stored(store).await, Some((1, 2, "one".into())));
    }

    async fn a_commit_with_a_document_twice_is_invalid(store) where inline {
        let twice = vec![document(0, "one"), document(0, "other")];
        let answer = store.append(with(commit("a-1", Expected::NoStream, events(1)), twice)).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!((head(store, "a-1").await, stored(store).await), (open_head(0), None));
    }

    async fn a_document_that_has_changed_leaves_no_events(store) where inline {
        let first = with(commit("a-1", Expected::NoStream, events(1)), vec![document(0, "same")]);
        store.append(first).await.unwrap();
        // The same body, decided on what was there before: not taken for written.
        let late = with(commit("b-1", Expected::NoStream, events(1)), vec![document(0, "same")]);
        let answer = store.append(late).await;
        assert!(matches!(&answer, Err(AppendError::Changed { key, .. }) if key == "k"), "{answer:?}");
        assert_eq!(head(store, "b-1").await, open_head(0));
        assert_eq!(stored(store).await, Some((1, 1, "same".into())));
    }

    async fn a_required_document_is_left_as_it_is(store) where inline {
        let none = requiring(0, commit("a-1", Expected::NoStream, events(1)));
        store.append(none).await.unwrap();
        let first = with(commit("a-1", Expected::Exact(1), events(1)), vec![document(0, "one")]);
        store.append(first).await.unwrap();
        store.append(requiring(1, commit("a-1", Expected::Exact(2), events(1)))).await.unwrap();
        assert_eq!(stored(store).await, Some((1, 2, "one".into())));
    }

    async fn a_required_document_that_has_changed_leaves_no_events(store) where inline {
        let first = with(commit("a-1", Expected::NoStream, events(1)), vec![document(0, "one")]);
        store.append(first).await.unwrap();
        for revision in [0, 2] {
            let answer = store.append(requiring(revision, commit("b-1", Expected::NoStream, events(1)))).await;
            assert!(matches!(&answer, Err(AppendError::Changed { key, .. }) if key == "k"), "{answer:?}");
            assert_eq!(head(store, "b-1").await, open_head(0));
        }
    }

    async fn a_conflict_leaves_the_document(store) where inline {
        let late = with(commit("a-1", Expected::Exact(4), events(1)), vec![document(0, "one")]);
        let answer = store.append(late).await;
        assert!(matches!(answer, Err(AppendError::Conflict { .. })), "{answer:?}");
        assert_eq!(stored(store).await, None);
    }

    async fn the_stream_is_looked_at_before_the_documents(store) where inline {
        append(store, "a-1", events(2)).await;
        store.append(with(commit("b-1", Expected::NoStream, events(1)), vec![document(0, "one")])).await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Exact(2), 2).await.unwrap();
        let late = run_out(store, "p").await;
        lease(store, "p").await;
        for outdated in [|commit| requiring(0, commit), |commit| with(commit, vec![document(0, "other")])] {
            let fenced = store.append(outdated(commit("a-1", Expected::Exact(2), events(1)).under(&late))).await;
            assert!(matches!(fenced, Err(AppendError::Fenced { .. })), "{fenced:?}");
            for expected in [Expected::NoStream, Expected::Exact(1), Expected::Exact(3)] {
                let answer = store.append(outdated(commit("a-1", expected, events(1)))).await;
                assert!(is_conflict(&answer, 2), "{expected:?}: {answer:?}");
            }
            let edited = store.append(outdated(commit("a-1", Expected::Exact(2), events(1)).knowing(0))).await;
            assert!(is_conflict(&edited, 2), "{edited:?}");
            // The streams of all parts before any document.
            let mut both = commit("c-1", Expected::NoStream, events(1));
            both.parts.push(part("a-1", Expected::Exact(1), events(1)));
            let answer = store.append(outdated(both)).await;
            assert!(is_conflict(&answer, 2), "{answer:?}");
            let changed = store.append(outdated(commit("a-1", Expected::Exact(2), events(1)).knowing(1))).await;
            assert!(matches!(changed, Err(AppendError::Changed { .. })), "{changed:?}");
        }
        assert_eq!((head(store, "a-1").await, head(store, "c-1").await), (edited(2, 1), open_head(0)));
        assert_eq!(stored(store).await, Some((1, 3, "one".into())));
        store.close_stream(&stream("a-1"), Expected::Exact(2), "done").await.unwrap();
        let closed = store.append(requiring(0, commit("a-1", Expected::Exact(2), events(1)))).await;
        assert!(matches!(closed, Err(AppendError::Closed { .. })), "{closed:?}");
    }

    async fn an_id_that_is_taken_leaves_the_document(store) where inline {
        let taken = filled(store, "a-1", 1).await;
        let mut again = event("Again");
        again.id = taken[0];
        let late = with(commit("b-1", Expected::Any, vec![event("Fresh"), again]), vec![document(0, "one")]);
        let answer = store.append(late).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
        assert_eq!(stored(store).await, None);
    }

    async fn a_duplicate_leaves_the_document(store) where inline {
        let commit = with(commit("a-1", Expected::NoStream, events(1)), vec![document(0, "one")]);
        store.append(commit.clone()).await.unwrap();
        assert!(store.append(commit).await.unwrap().duplicate);
        assert_eq!(stored(store).await, Some((1, 1, "one".into())));
    }

    async fn a_document_may_go_with_a_commit(store) where inline {
        let first = with(commit("a-1", Expected::NoStream, events(1)), vec![document(0, "one")]);
        store.append(first).await.unwrap();
        let gone = DocumentWrite { body: None, ..document(1, "") };
        store.append(with(commit("a-1", Expected::Exact(1), events(1)), vec![gone])).await.unwrap();
        assert_eq!(stored(store).await, None);
    }
}
