//! Inline projections: taken along by a commit, in its own transaction.

use super::cases;
use super::tally::{Tally, counted, enter, inline_error, with};
use super::words::*;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, AppendError, Checkpoint, Commit, DocumentWrite, EventStore, Expected, Inline,
};

/// Where the log ends, as a checkpoint.
async fn end(store: &dyn EventStore) -> Checkpoint {
    let last = whole_log(store).await.pop();
    last.map_or(Checkpoint::default(), |last| Checkpoint { position: last.position, event: Some(last.id) })
}

cases! { $ __suite_projections of projections;
    async fn documents_and_checkpoint_are_written_with_the_commit(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let parts = vec![part("a-1", Expected::Any, events(2)), part("b-1", Expected::Any, events(1))];
        store.append(with(Commit::all(parts), &tally)).await.unwrap();
        assert_eq!(counted(store, "tally-1", "a-1").await, "1 2 up to 2");
        assert_eq!(counted(store, "tally-1", "b-1").await, "3 up to 3");
        assert_eq!(place_of(store, "tally-1").await, end(store).await);
    }

    async fn a_build_is_given_events_as_they_are_stored(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        filled(store, "a-1", 2).await;
        let parts = vec![part("a-1", Expected::Any, events(2)), part("b-1", Expected::Any, events(1))];
        store.append(with(Commit::all(parts), &tally)).await.unwrap();
        assert_eq!(tally.seen(), [(Position(0), whole_log(store).await)]);
        store.append(with(commit("b-1", Expected::Exact(1), events(2)), &tally)).await.unwrap();
        assert_eq!(tally.seen(), [(numbers(store).await.at(5), whole_log(store).await[5..].to_vec())]);
    }

    async fn what_lies_between_is_applied_first(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        append(store, "a-1", vec![event("Counted"), event("Other"), event("Counted")]).await;
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(counted(store, "tally-1", "a-1").await, "1 2 4 5 up to 5");
    }

    async fn a_commit_of_events_for_others_takes_it_along(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        store.append(with(commit("a-1", Expected::Any, vec![event("Other")]), &tally)).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, end(store).await);
        assert_eq!(counted(store, "tally-1", "a-1").await, "nothing");
    }

    async fn a_thousand_events_behind_is_near(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        filled(store, "a-1", 1_000).await;
        store.append(with(commit("b-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(counted(store, "tally-1", "b-1").await, "1001 up to 1001");
        assert_eq!(place_of(store, "tally-1").await, end(store).await);
    }

    async fn more_is_left_to_whoever_follows_the_log(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        filled(store, "a-1", 1_000).await;
        filled(store, "a-1", 1).await;
        store.append(with(commit("b-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, Checkpoint::default());
        assert_eq!((tally.seen(), tally.left_behind()), (vec![], 1));
        assert_eq!(head(store, "b-1").await, open_head(1));
    }

    async fn events_for_others_do_not_make_it_far(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        for _ in 0..2 {
            append(store, "a-1", (0..1_000).map(|_| event("Other")).collect()).await;
        }
        store.append(with(commit("b-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(counted(store, "tally-1", "b-1").await, "2001 up to 2001");
        assert_eq!(tally.left_behind(), 0);
    }

    async fn a_place_that_is_out_of_sight_is_far(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        for _ in 0..10 {
            append(store, "a-1", (0..1_000).map(|_| event("Other")).collect()).await;
        }
        append(store, "a-1", vec![event("Other")]).await;
        store.append(with(commit("b-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, Checkpoint::default());
        assert_eq!(tally.left_behind(), 1);
    }

    async fn a_failure_on_the_commits_own_events_stores_nothing(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        let (then, before) = (end(store).await, whole_log(store).await);
        for (name, cause) in
            [("Broken", "out of ink"), ("Unreadable", "it cannot be read"), ("Panicking", "panicked: out of paper")]
        {
            let failing = vec![event("Counted"), event(name)];
            let failing = commit("a-1", Expected::Exact(1), failing);
            let said = inline_error(store.append(with(failing.clone(), &tally)).await);
            assert_eq!(said, ("tally".to_owned(), cause.to_owned()));
            assert_eq!(whole_log(store).await, before);
            assert_eq!(place_of(store, "tally-1").await, then);
            assert_eq!(counted(store, "tally-1", "a-1").await, "1 up to 1");
        }
        // Its ids are free, and so is its stream.
        store.append(with(commit("a-1", Expected::Exact(1), events(1)), &tally)).await.unwrap();
        assert_eq!(counted(store, "tally-1", "a-1").await, "1 2 up to 2");
    }

    async fn a_commit_that_has_failed_can_be_sent_again(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let failing = commit("a-1", Expected::NoStream, vec![event("Counted"), event("Broken")]);
        inline_error(store.append(with(failing.clone(), &tally)).await);
        assert!(!store.append(failing).await.unwrap().duplicate);
        assert_eq!(head(store, "a-1").await, open_head(2));
    }

    async fn what_goes_with_the_commit_fails_as_a_whole(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let document = DocumentWrite { revision: Some(0), ..write("c", "k", "one") };
        let inline = Inline { writes: vec![document], projections: vec![tally.clone(), tally.clone()], ..Inline::default() };
        let failing = commit("a-1", Expected::Any, vec![event("Counted"), event("Broken")]);
        inline_error(store.append(Commit { inline: Some(Box::new(inline)), ..failing }).await);
        assert_eq!(document_count(store).await, (0, 0));
    }

    async fn a_failure_on_an_event_in_between_leaves_the_build_alone(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1", "tally-2"]).await;
        append(store, "a-1", vec![event("Counted"), event("Broken")]).await;
        let second = lease(store, "tally-2").await;
        store.advance(Advance { to: Some(end(store).await), ..Advance::under(&second) }).await.unwrap();
        store.append(with(commit("b-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, Checkpoint::default());
        assert_eq!(counted(store, "tally-1", "a-1").await, "nothing");
        assert_eq!(counted(store, "tally-2", "b-1").await, "3 up to 3");
    }

    async fn what_stores_nothing_takes_nothing_along(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let first = with(commit("a-1", Expected::NoStream, events(1)), &tally);
        store.append(first.clone()).await.unwrap();
        filled(store, "b-1", 1).await;
        tally.seen();
        assert!(store.append(first).await.unwrap().duplicate);
        let late = store.append(with(commit("a-1", Expected::NoStream, events(1)), &tally)).await;
        assert!(is_conflict(&late, 1), "{late:?}");
        let mut taken = event("Counted");
        taken.id = whole_log(store).await[0].id;
        let invalid = with(commit("c-1", Expected::Any, vec![event("Counted"), taken]), &tally);
        assert!(matches!(store.append(invalid).await, Err(AppendError::Invalid { .. })));
        assert_eq!(place_of(store, "tally-1").await.position, numbers(store).await.at(1));
        assert_eq!(tally.seen(), []);
    }

    async fn what_is_not_registered_is_left_alone(store) where inline {
        let tally = Tally::new();
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        enter(store, &["tally-1"]).await;
        store.forget("tally-1").await.unwrap();
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(tally.seen(), []);
        assert_eq!(counted(store, "tally-1", "a-1").await, "nothing");
    }

    async fn a_build_that_knows_of_another_log_is_left_alone(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let held = lease(store, "tally-1").await;
        store.advance(advance_to(&held, 9, Vec::new())).await.unwrap();
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, checkpoint(9));
    }

    async fn who_fails_does_not_disturb_its_neighbours(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let counting = |stream| store.append(with(commit(stream, Expected::Any, events(1)), &tally));
        let broken = with(commit("x-1", Expected::Any, vec![event("Broken")]), &tally);
        let plain = store.append(commit("c-1", Expected::Any, events(1)));
        let mut answers = together(vec![counting("a-1"), store.append(broken), counting("b-1"), plain]).await;
        inline_error(answers.remove(1));
        for stored in answers {
            stored.unwrap();
        }
        assert_eq!(whole_log(store).await.len(), 3);
        assert_eq!(head(store, "x-1").await, open_head(0));
    }

    async fn an_advance_from_a_place_that_was_left_writes_nothing(store) where inline {
        let tally = Tally::new();
        enter(store, &["tally-1"]).await;
        let held = lease(store, "tally-1").await;
        let late = Advance {
            from: Some(held.checkpoint),
            writes: vec![write("tally-1", "k", "late")],
            ..Advance::under(&held)
        };
        store.append(with(commit("a-1", Expected::Any, events(1)), &tally)).await.unwrap();
        for late in [late.clone(), Advance { to: Some(checkpoint(7)), ..late }] {
            let answer = store.advance(late).await;
            assert!(matches!(answer, Err(AdvanceError::Moved { .. })), "{answer:?}");
        }
        assert_eq!(document(store, "tally-1", "k").await, None);
        let now = place_of(store, "tally-1").await;
        assert_eq!(now, end(store).await);
        let next = Advance { from: Some(now), ..advance_to(&held, 9, vec![write("tally-1", "k", "next")]) };
        store.advance(next).await.unwrap();
        assert_eq!(place_of(store, "tally-1").await, checkpoint(9));
    }
}

/// How many documents there are: beside the projection, and in it.
async fn document_count(store: &dyn EventStore) -> (usize, usize) {
    (keys(store, "c").await.len(), keys(store, "tally-1").await.len())
}
