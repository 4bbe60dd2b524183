//! Processors: their places, their leases, what may be written under them.

use super::cases;
use super::words::*;
use es_core::store::{Advance, AdvanceError, AppendError, Checkpoint, EventStore, Expected, LEASE};
use std::time::Duration;
use uuid::Uuid;

async fn owner(store: &dyn EventStore, processor: &str) -> Option<Uuid> {
    store.processors(processor).await.unwrap().pop().expect("it is registered").owner
}

cases! { $ __suite_processors of processors;
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
        assert_eq!((place_of(store, "p").await, document(store, "c", "k").await), (Checkpoint::default(), None));
    }

    async fn a_lease_that_has_run_out_is_good_until_somebody_takes_it(store) {
        let late = run_out(store, "p").await;
        store.advance(advance_to(&late, 3, Vec::new())).await.unwrap();
        store.renew(&late, LEASE).await.unwrap();
        assert_eq!(store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
        assert_eq!(place_of(store, "p").await, checkpoint(3));
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
        assert_eq!((place_of(store, "p").await, place_of(store, "q").await), (Checkpoint::default(), checkpoint(2)));
    }

    async fn a_checkpoint_never_goes_back(store) {
        let lease = lease(store, "p").await;
        for (to, stands_at) in [(5, 5), (3, 5), (0, 5), (6, 6)] {
            store.advance(advance_to(&lease, to, vec![write("c", &to.to_string(), "{}")])).await.unwrap();
            assert_eq!(place_of(store, "p").await, checkpoint(stands_at), "{to}");
        }
        assert_eq!(keys(store, "c").await, ["0", "3", "5", "6"]);
    }

    async fn an_advance_without_a_place_leaves_it(store) {
        store.register("p", checkpoint(5)).await.unwrap();
        let lease = lease(store, "p").await;
        let writes = vec![write("c", "k", "{}")];
        store.advance(Advance { writes, ..Advance::under(&lease) }).await.unwrap();
        assert_eq!(place_of(store, "p").await, checkpoint(5));
        assert!(document(store, "c", "k").await.is_some());
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

    async fn an_advance_from_elsewhere_writes_nothing(store) {
        let lease = lease(store, "p").await;
        store.advance(advance_to(&lease, 3, Vec::new())).await.unwrap();
        for elsewhere in [Checkpoint::default(), checkpoint(2), Checkpoint { event: None, ..checkpoint(3) }] {
            let advance = Advance { from: Some(elsewhere), ..advance_to(&lease, 5, vec![write("c", "k", "x")]) };
            let answer = store.advance(advance).await;
            assert!(matches!(answer, Err(AdvanceError::Moved { .. })), "{elsewhere:?}: {answer:?}");
        }
        assert_eq!((place_of(store, "p").await, document(store, "c", "k").await), (checkpoint(3), None));
        let advance = Advance { from: Some(checkpoint(3)), ..advance_to(&lease, 5, vec![write("c", "k", "x")]) };
        store.advance(advance).await.unwrap();
        assert_eq!(place_of(store, "p").await, checkpoint(5));
    }

    async fn a_lease_runs_out_by_itself(store) {
        store.register("p", Checkpoint::default()).await.unwrap();
        let short = Duration::from_millis(40);
        let first = store.acquire("p", Uuid::now_v7(), short).await.unwrap().unwrap();
        let next = until("a lease runs out", async || store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap()).await;
        assert!(next.epoch > first.epoch);
        assert_eq!(owner(store, "p").await, Some(next.owner));
    }

    async fn epochs_rise_with_each_holder(store) {
        let mut last = 0;
        for _ in 0..5 {
            let held = lease(store, "p").await;
            assert!(held.epoch > last, "an epoch is given once");
            last = held.epoch;
            store.release(&held).await.unwrap();
        }
    }

    async fn of_many_that_want_a_lease_one_has_it(store, again) {
        store.register("p", Checkpoint::default()).await.unwrap();
        for _ in 0..5 {
            let rivals = (0..8).map(|n| {
                let store = if n % 2 == 0 { store.clone() } else { again.clone() };
                async move { store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap() }
            });
            let held: Vec<_> = all(rivals).await.into_iter().flatten().collect();
            assert_eq!(held.len(), 1, "a lease is one's alone");
            store.advance(Advance::under(&held[0])).await.unwrap();
            store.release(&held[0]).await.unwrap();
        }
    }

    async fn processors_may_be_called_anything(store) {
        let mut odd = ["a.b", "a*", "a>", "a b", "a%", "a_", "a\\", "a'\"", "a\0", "a\0\0", "é", "e\u{301}", "\u{1f980}", "A", "a"];
        for (index, name) in odd.into_iter().enumerate() {
            store.register(name, checkpoint(index as u64)).await.unwrap();
        }
        for (index, name) in odd.into_iter().enumerate() {
            assert_eq!(place_of(store, name).await, checkpoint(index as u64), "{name:?}");
            lease(store, name).await;
        }
        odd.sort_unstable();
        let known = store.processors("").await.unwrap();
        assert_eq!(known.iter().map(|known| &*known.name).collect::<Vec<_>>(), odd);
    }
}
