//! Processors: their places, their leases, what is written under them.

use crate::kit::*;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, DocumentRange, DocumentWrite, EventStore, Expected,
    LEASE, StoredDocument,
};
use std::time::Duration;
use uuid::Uuid;

fn is_changed(answer: &Result<(), AdvanceError>, of: &str) -> bool {
    matches!(answer, Err(AdvanceError::Changed { key, .. }) if key == of)
}

async fn owner(store: &dyn EventStore, processor: &str) -> Option<Uuid> {
    store.processors(processor).await.unwrap().pop().expect("it is registered").owner
}

/// Keys of a page that begins behind `after`.
async fn listed(store: &dyn EventStore, after: Option<&str>, until: Option<&str>, limit: u32) -> Vec<String> {
    let range = DocumentRange { after: after.map(Into::into), until: until.map(Into::into), limit };
    let page = store.list_documents("c", &range).await.unwrap();
    page.into_iter().map(|document| document.key).collect()
}

on_every_store! {
    async fn a_processor_begins_where_it_was_registered_first(store) {
        assert_eq!(store.register("p", checkpoint(5)).await.unwrap(), checkpoint(5));
        assert_eq!(store.register("p", Checkpoint::default()).await.unwrap(), checkpoint(5));
        let lease = store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().unwrap();
        assert_eq!((&*lease.processor, lease.checkpoint), ("p", checkpoint(5)));
    }

    async fn processors_are_listed_by_the_beginning_of_their_names(store) {
        for name in ["b/2", "a", "b/10", "b", "c", "b\u{e9}"] {
            store.register(name, checkpoint(1)).await.unwrap();
        }
        let lease = lease(store, "b/2").await;
        let known = store.processors("b").await.unwrap();
        let names: Vec<_> = known.iter().map(|known| (&*known.name, known.owner)).collect();
        assert_eq!(names, [("b", None), ("b/10", None), ("b/2", Some(lease.owner)), ("b\u{e9}", None)]);
        assert_eq!(store.processors("").await.unwrap().len(), 6);
        assert_eq!(store.processors("d").await.unwrap(), []);
    }

    async fn nobody_takes_the_lease_of_one_that_is_not_registered(store) {
        assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
        assert_eq!(store.processors("").await.unwrap(), []);
    }

    async fn a_lease_that_is_held_is_nobody_elses(store) {
        let held = lease(store, "p").await;
        assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
        assert_eq!(owner(store, "p").await, Some(held.owner));
        store.advance(advance_to(&held, 1, Vec::new())).await.unwrap();
    }

    async fn its_holder_takes_a_lease_again_under_a_new_epoch(store) {
        let first = lease(store, "p").await;
        let second = store.acquire("p", first.owner, LEASE).await.unwrap().unwrap();
        assert!(second.epoch > first.epoch);
        assert!(is_fenced(&store.advance(Advance::under(&first)).await));
        store.advance(Advance::under(&second)).await.unwrap();
    }

    async fn a_lease_that_has_run_out_is_taken_by_the_next(store) {
        let late = run_out(store, "p").await;
        assert_eq!(owner(store, "p").await, None);
        let next = lease(store, "p").await;
        assert!(next.epoch > late.epoch);
        assert!(is_fenced(&store.renew(&late, LEASE).await));
        let writes = vec![write("c", "k", "late")];
        assert!(is_fenced(&store.advance(advance_to(&late, 9, writes)).await));
        assert_eq!((place(store, "p").await, document(store, "c", "k").await), (Checkpoint::default(), None));
    }

    async fn a_lease_that_has_run_out_is_good_until_somebody_takes_it(store) {
        let late = run_out(store, "p").await;
        store.advance(advance_to(&late, 3, Vec::new())).await.unwrap();
        store.renew(&late, LEASE).await.unwrap();
        assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
        assert_eq!(place(store, "p").await, checkpoint(3));
    }

    async fn renewing_for_no_time_lets_the_next_in(store) {
        let held = lease(store, "p").await;
        store.renew(&held, Duration::ZERO).await.unwrap();
        assert!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().is_some());
    }

    async fn a_lease_may_be_taken_for_as_long_as_can_be_said(store) {
        store.register("p", Checkpoint::default()).await.unwrap();
        let held = store.acquire("p", Uuid::now_v7(), Duration::MAX).await.unwrap().unwrap();
        store.renew(&held, Duration::MAX).await.unwrap();
        assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    }

    async fn a_lease_that_is_given_back_is_free_and_writes_nothing(store) {
        let given = lease(store, "p").await;
        store.release(&given).await.unwrap();
        assert_eq!(owner(store, "p").await, None);
        assert!(is_fenced(&store.advance(Advance::under(&given)).await));
        assert!(is_fenced(&store.renew(&given, LEASE).await));
        let next = lease(store, "p").await;
        store.release(&given).await.unwrap();
        store.advance(advance_to(&next, 1, Vec::new())).await.unwrap();
    }

    async fn the_next_holder_begins_where_the_last_one_was(store) {
        let first = lease(store, "p").await;
        store.advance(advance_to(&first, 4, Vec::new())).await.unwrap();
        store.release(&first).await.unwrap();
        assert_eq!(lease(store, "p").await.checkpoint, checkpoint(4));
    }

    async fn leases_of_two_processors_do_not_touch(store) {
        let (one, other) = (lease(store, "p").await, lease(store, "q").await);
        let stolen = Advance { processor: "q".into(), ..advance_to(&one, 5, Vec::new()) };
        assert!(is_fenced(&store.advance(stolen).await));
        store.advance(advance_to(&other, 2, Vec::new())).await.unwrap();
        assert_eq!((place(store, "p").await, place(store, "q").await), (Checkpoint::default(), checkpoint(2)));
    }

    async fn a_checkpoint_never_goes_back(store) {
        let lease = lease(store, "p").await;
        for (to, stands_at) in [(5, 5), (3, 5), (0, 5), (6, 6)] {
            store.advance(advance_to(&lease, to, vec![write("c", &to.to_string(), "{}")])).await.unwrap();
            assert_eq!(place(store, "p").await, checkpoint(stands_at), "{to}");
        }
        assert_eq!(keys(store, "c").await, ["0", "3", "5", "6"]);
    }

    async fn an_advance_without_a_place_leaves_it(store) {
        store.register("p", checkpoint(5)).await.unwrap();
        let lease = lease(store, "p").await;
        let writes = vec![write("c", "k", "{}")];
        store.advance(Advance { writes, ..Advance::under(&lease) }).await.unwrap();
        assert_eq!(place(store, "p").await, checkpoint(5));
        assert!(document(store, "c", "k").await.is_some());
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
        assert_eq!(place(store, "p").await, checkpoint(2));
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

    async fn one_changed_document_leaves_nothing_of_the_advance(store) {
        let lease = lease(store, "p").await;
        let stale = DocumentWrite { revision: Some(4), ..write("c", "b", "x") };
        let writes = vec![write("c", "a", "x"), stale, write("d", "c", "x")];
        assert!(is_changed(&store.advance(advance_to(&lease, 9, writes)).await, "b"));
        assert_eq!((keys(store, "c").await.len(), keys(store, "d").await.len()), (0, 0));
        assert_eq!(place(store, "p").await, Checkpoint::default());
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

    async fn one_whose_lease_is_held_is_not_forgotten(store) {
        let held = lease(store, "p").await;
        store.advance(advance_to(&held, 1, vec![write("p", "k", "x")])).await.unwrap();
        assert!(is_fenced(&store.forget("p").await));
        assert!(document(store, "p", "k").await.is_some());
        store.renew(&held, Duration::ZERO).await.unwrap();
        store.forget("p").await.unwrap();
        assert_eq!(document(store, "p", "k").await, None);
    }

    async fn a_holder_from_before_it_was_forgotten_writes_nothing(store) {
        let late = run_out(store, "p").await;
        store.forget("p").await.unwrap();
        assert!(is_fenced(&store.advance(Advance::under(&late)).await));
        let next = lease(store, "p").await;
        assert!(is_fenced(&store.advance(Advance::under(&late)).await));
        store.advance(Advance::under(&next)).await.unwrap();
    }

    async fn a_commit_under_a_lease_is_stored_while_it_is_held(store) {
        let held = lease(store, "p").await;
        let of = |count| commit("a-1", Expected::Any, events(count)).under(&held);
        let stored = of(2);
        store.append(stored.clone()).await.unwrap();
        store.release(&held).await.unwrap();
        let next = lease(store, "p").await;
        let answer = store.append(of(1)).await;
        assert!(matches!(&answer, Err(AppendError::Fenced { processor }) if &**processor == "p"), "{answer:?}");
        assert_eq!(head(store, "a-1").await, open_head(2));
        assert!(store.append(stored).await.unwrap().duplicate, "what is stored is stored");
        store.append(commit("a-1", Expected::Exact(2), events(1)).under(&next)).await.unwrap();
    }

    async fn a_fence_is_looked_at_before_the_version(store) {
        filled(store, "a-1", 1).await;
        let late = run_out(store, "p").await;
        store.append(commit("a-1", Expected::Exact(1), events(1)).under(&late)).await.unwrap();
        lease(store, "p").await;
        let answer = store.append(commit("a-1", Expected::NoStream, events(1)).under(&late)).await;
        assert!(matches!(answer, Err(AppendError::Fenced { .. })), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_in_memory_ends_by_the_time_of_the_runtime() {
    let store = es_core::store::MemoryStore::new();
    let held = lease(&store, "p").await;
    tokio::time::advance(LEASE / 2).await;
    store.renew(&held, LEASE).await.unwrap();
    tokio::time::advance(LEASE / 2).await;
    assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
    tokio::time::advance(LEASE / 2).await;
    assert!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().is_some());
}
