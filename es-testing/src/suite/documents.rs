//! Documents: their revisions, their order, what is written together.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{AdvanceError, Checkpoint, DocumentRange, DocumentWrite, EventStore, StoredDocument};

fn is_changed(answer: &Result<(), AdvanceError>, of: &str) -> bool {
    matches!(answer, Err(AdvanceError::Changed { key, .. }) if key == of)
}

/// Keys of a page that begins behind `after`.
async fn listed(store: &dyn EventStore, after: Option<&str>, until: Option<&str>, limit: u32) -> Vec<String> {
    let range = DocumentRange { after: after.map(Into::into), until: until.map(Into::into), limit };
    let page = store.list_documents("c", &range).await.unwrap();
    page.into_iter().map(|document| document.key).collect()
}

cases! { $ __suite_documents of documents;
    async fn an_advance_that_is_just_full_is_written_and_one_of_twice_as_many_is_too_large(store) {
        let full = store.capabilities().writes;
        // Where it is full with more than this, no projection comes near.
        if full > 2_000 {
            return;
        }
        let lease = lease(store, "p").await;
        let of = |count| (0..count).map(|n| write("c", &format!("{n:04}"), "x")).collect::<Vec<_>>();
        let answer = store.advance(advance_to(&lease, 1, of(2 * full))).await;
        assert!(matches!(answer, Err(AdvanceError::TooLarge { .. })), "{answer:?}");
        assert_eq!((listed(store, None, None, 5_000).await.len(), place_of(store, "p").await), (0, Checkpoint::default()));
        store.advance(advance_to(&lease, 1, of(full))).await.unwrap();
        assert_eq!((listed(store, None, None, 5_000).await.len(), place_of(store, "p").await), (full, checkpoint(1)));
        // A single event may change some more than fit: all of them are written, or none.
        let more = of(full + 1).into_iter().map(|write| DocumentWrite { body: None, ..write }).collect();
        let left = match store.advance(advance_to(&lease, 2, more)).await {
            Ok(()) => (0, checkpoint(2)),
            Err(AdvanceError::TooLarge { .. }) => (full, checkpoint(1)),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!((listed(store, None, None, 5_000).await.len(), place_of(store, "p").await), left);
    }

    async fn documents_are_given_back_whole_and_count_their_revisions(store) {
        let lease = lease(store, "p").await;
        for revision in 1..=3 {
            store.advance(advance_to(&lease, revision, vec![write("c", "k", "body")])).await.unwrap();
            let body = "body".into();
            let stored = StoredDocument { key: "k".into(), revision, position: Position(7), body };
            assert_eq!(document(store, "c", "k").await, Some(stored));
        }
        assert_eq!(document(store, "d", "k").await, None);
    }

    async fn only_the_documents_that_are_there_are_given(store) {
        let lease = lease(store, "p").await;
        let writes = vec![write("c", "a", "1"), write("c", "b", "2"), write("d", "c", "3")];
        store.advance(advance_to(&lease, 1, writes)).await.unwrap();
        let asked = ["b", "c", "a"].map(String::from);
        let mut found = store.documents("c", &asked).await.unwrap();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(found.iter().map(|found| &*found.key).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(store.documents("c", &[]).await.unwrap(), []);
    }

    async fn a_write_at_another_revision_is_refused(store) {
        let lease = lease(store, "p").await;
        let at = |revision, body| DocumentWrite { revision: Some(revision), ..write("c", "k", body) };
        assert!(is_changed(&store.advance(advance_to(&lease, 1, vec![at(1, "new")])).await, "k"));
        store.advance(advance_to(&lease, 1, vec![at(0, "first")])).await.unwrap();
        store.advance(advance_to(&lease, 2, vec![at(1, "second")])).await.unwrap();
        for outdated in [0, 1, 3] {
            let answer = store.advance(advance_to(&lease, 3, vec![at(outdated, "late")])).await;
            assert!(is_changed(&answer, "k"), "{outdated}: {answer:?}");
        }
        assert_eq!(document(store, "c", "k").await.unwrap().body, "second");
        assert_eq!(place_of(store, "p").await, checkpoint(2));
    }

    async fn an_advance_that_is_sent_again_is_done_already(store) {
        let lease = lease(store, "p").await;
        store.advance(advance_to(&lease, 1, vec![write("c", "gone", "x")])).await.unwrap();
        let new = DocumentWrite { revision: Some(0), ..write("c", "new", "x") };
        let gone = DocumentWrite { revision: Some(1), body: None, ..write("c", "gone", "") };
        let advance = advance_to(&lease, 2, vec![new, gone]);
        for _ in 0..2 {
            store.advance(advance.clone()).await.unwrap();
        }
        assert_eq!(document(store, "c", "new").await.unwrap().revision, 1);
        assert_eq!(document(store, "c", "gone").await, None);
    }

    async fn only_the_same_document_one_revision_on_is_taken_for_written(store) {
        let lease = lease(store, "p").await;
        for revision in 1..=2 {
            store.advance(advance_to(&lease, revision, vec![write("c", "k", "x")])).await.unwrap();
        }
        let at = |revision| DocumentWrite { revision: Some(revision), ..write("c", "k", "x") };
        let elsewhere = DocumentWrite { position: Position(8), ..at(1) };
        let other = DocumentWrite { body: Some("y".into()), ..at(1) };
        for differs in [at(0), elsewhere, other] {
            let answer = store.advance(advance_to(&lease, 3, vec![differs.clone()])).await;
            assert!(is_changed(&answer, "k"), "{differs:?}: {answer:?}");
        }
        store.advance(advance_to(&lease, 3, vec![at(1)])).await.unwrap();
        assert_eq!(document(store, "c", "k").await.unwrap().revision, 2);
        assert_eq!(place_of(store, "p").await, checkpoint(3));
    }

    async fn one_changed_document_leaves_nothing_of_the_advance(store) {
        let lease = lease(store, "p").await;
        let stale = DocumentWrite { revision: Some(4), ..write("c", "b", "x") };
        let writes = vec![write("c", "a", "x"), stale, write("d", "c", "x")];
        assert!(is_changed(&store.advance(advance_to(&lease, 9, writes)).await, "b"));
        assert_eq!((keys(store, "c").await.len(), keys(store, "d").await.len()), (0, 0));
        assert_eq!(place_of(store, "p").await, Checkpoint::default());
    }

    async fn an_advance_with_a_document_twice_is_refused(store) {
        let lease = lease(store, "p").await;
        let delete = DocumentWrite { body: None, ..write("c", "k", "") };
        for second in [write("c", "k", "y"), delete] {
            let writes = vec![write("c", "k", "x"), write("d", "k", "x"), second];
            let answer = store.advance(advance_to(&lease, 1, writes)).await;
            assert!(matches!(&answer, Err(AdvanceError::Repeated { key, .. }) if key == "k"), "{answer:?}");
        }
        assert_eq!((keys(store, "c").await.len(), keys(store, "d").await.len()), (0, 0));
        assert_eq!(place_of(store, "p").await, Checkpoint::default());
    }

    async fn a_document_without_a_body_is_deleted(store) {
        let lease = lease(store, "p").await;
        store.advance(advance_to(&lease, 1, vec![write("c", "k", "x")])).await.unwrap();
        let delete = DocumentWrite { revision: Some(1), body: None, ..write("c", "k", "") };
        let nothing = DocumentWrite { body: None, ..write("c", "never", "") };
        store.advance(advance_to(&lease, 2, vec![delete, nothing])).await.unwrap();
        assert_eq!(keys(store, "c").await.len(), 0);
    }

    async fn documents_are_listed_in_the_order_of_their_bytes(store) {
        let lease = lease(store, "p").await;
        let ordered = ["", "10", "2", "A", "Z", "a", "a\0b", "ab", "\u{e9}", "\u{ffff}", "\u{1f600}"];
        let writes = ordered.iter().rev().map(|key| write("c", key, "x")).collect();
        store.advance(advance_to(&lease, 1, writes)).await.unwrap();
        assert_eq!(keys(store, "c").await, ordered);
        for key in ordered {
            assert!(document(store, "c", key).await.is_some(), "{key:?}");
        }
    }

    async fn a_collection_is_read_page_by_page(store) {
        let lease = lease(store, "p").await;
        let writes = ["a", "b", "c", "d", "e"].map(|key| write("c", key, "x"));
        store.advance(advance_to(&lease, 1, writes.into())).await.unwrap();
        store.advance(advance_to(&lease, 2, vec![write("b", "z", "x"), write("d", "0", "x")])).await.unwrap();
        assert_eq!(listed(store, None, None, 2).await, ["a", "b"]);
        assert_eq!(listed(store, Some("b"), None, 2).await, ["c", "d"]);
        assert_eq!(listed(store, Some("d"), None, 2).await, ["e"]);
        assert_eq!(listed(store, Some("e"), None, 2).await.len(), 0);
        assert_eq!(listed(store, Some("a"), Some("c"), 9).await, ["b", "c"]);
        assert_eq!(listed(store, Some("aa"), Some("cc"), 9).await, ["b", "c"]);
        assert_eq!(listed(store, Some("d"), Some("b"), 9).await.len(), 0);
        assert_eq!(listed(store, None, None, 0).await, ["a"]);
    }

    async fn what_is_forgotten_is_gone_with_its_documents(store) {
        let gone = lease(store, "p/1").await;
        let names = ["p/1", "p/1/state", "p/10", "p/1x", "p", "q"];
        store.advance(advance_to(&gone, 1, names.map(|name| write(name, "k", "x")).into())).await.unwrap();
        lease(store, "p/10").await;
        store.release(&gone).await.unwrap();
        store.forget("p/1").await.unwrap();
        for (name, is_kept) in names.into_iter().zip([false, false, true, true, true, true]) {
            assert_eq!(document(store, name, "k").await.is_some(), is_kept, "{name}");
        }
        let left = store.processors("").await.unwrap();
        assert_eq!(left.iter().map(|left| &*left.name).collect::<Vec<_>>(), ["p/10"]);
        store.forget("p/1").await.unwrap();
    }

    async fn bodies_are_any_bytes_and_none_of_them_is_no_body(store) {
        let lease = lease(store, "p").await;
        let every: Bytes = (0..=u8::MAX).collect();
        for (key, body) in [("every", every), ("none", Bytes::new()), ("large", Bytes::from(vec![b'x'; 512 * 1024]))] {
            let write = DocumentWrite { body: Some(body.clone()), ..write("c", key, "") };
            store.advance(advance_to(&lease, 1, vec![write])).await.unwrap();
            assert_eq!(document(store, "c", key).await.unwrap().body, body, "{key}");
        }
    }

    async fn a_document_has_the_position_that_it_was_given(store) {
        let lease = lease(store, "p").await;
        for position in [9, 3, 0] {
            let write = DocumentWrite { position: Position(position), ..write("c", "k", "x") };
            store.advance(advance_to(&lease, 1, vec![write])).await.unwrap();
            assert_eq!(document(store, "c", "k").await.unwrap().position, Position(position));
        }
    }

    async fn a_document_that_was_deleted_begins_anew(store) {
        let lease = lease(store, "p").await;
        let at = |revision, body: Option<&'static str>| {
            let body = body.map(Bytes::from);
            vec![DocumentWrite { revision: Some(revision), body, ..write("c", "k", "") }]
        };
        store.advance(advance_to(&lease, 1, at(0, Some("one")))).await.unwrap();
        store.advance(advance_to(&lease, 1, at(1, None))).await.unwrap();
        assert!(is_changed(&store.advance(advance_to(&lease, 1, at(1, Some("late")))).await, "k"));
        store.advance(advance_to(&lease, 1, at(0, Some("two")))).await.unwrap();
        assert_eq!(document(store, "c", "k").await.unwrap().body, "two");
    }

    async fn many_documents_are_written_in_one_advance(store) {
        let lease = lease(store, "p").await;
        let keys: Vec<_> = (0..300).map(|n| format!("{n:03}")).collect();
        for revision in 1..=2 {
            let writes = keys.iter().map(|key| write("c", key, "x"));
            store.advance(advance_to(&lease, revision, writes.collect())).await.unwrap();
            let mut found = store.documents("c", &keys).await.unwrap();
            found.sort_by(|a, b| a.key.cmp(&b.key));
            assert_eq!(found.iter().map(|found| &found.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
            assert!(found.iter().all(|found| found.revision == revision));
        }
        let mut paged: Vec<String> = Vec::new();
        loop {
            let page = listed(store, paged.last().map(String::as_str), None, 7).await;
            paged.extend(page.iter().cloned());
            if page.len() < 7 {
                break;
            }
        }
        assert_eq!(paged, keys);
    }

    async fn of_many_that_write_at_the_same_revision_one_does(store, again) {
        let held = lease(&*store, "p").await;
        for revision in 0..5 {
            let rivals = (0..8).map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { again.clone() };
                let body = Bytes::from(format!("{revision} by {n}"));
                let write = DocumentWrite { revision: Some(revision), body: Some(body), ..write("c", "k", "") };
                let advance = advance_to(&held, 1, vec![write]);
                async move { store.advance(advance).await }
            });
            let answers = all(rivals).await;
            let written = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(written, 1, "a revision is written once");
            assert_eq!(answers.iter().filter(|answer| is_changed(answer, "k")).count(), 7);
            assert_eq!(document(&*store, "c", "k").await.unwrap().revision, revision + 1);
        }
    }

    async fn an_advance_whose_caller_is_gone_is_written_whole_or_not_at_all(store) {
        let lease = lease(store, "p").await;
        for round in 1..=20 {
            let key = format!("{round:02}");
            let advance = advance_to(&lease, round, vec![write("c", &key, "x"), write("d", &key, "x")]);
            polled_once(store.advance(advance.clone())).await;
            store.advance(advance).await.unwrap();
            assert_eq!(keys(store, "c").await, keys(store, "d").await);
            assert_eq!(place_of(store, "p").await, checkpoint(round));
        }
    }

    async fn collections_may_be_called_anything(store) {
        let lease = lease(store, "p").await;
        let odd = ["a.b", "a*", "a>", "a b", "a%", "a_", "a\\", "a'\"", "a\0", "a\0\0", "\u{e9}", "e\u{301}", "\u{1f980}", "A", "a", ""];
        let writes = odd.iter().map(|name| write(name, name, "x")).collect();
        store.advance(advance_to(&lease, 1, writes)).await.unwrap();
        for name in odd {
            assert_eq!(keys(store, name).await, [name], "{name:?}");
        }
    }
}
