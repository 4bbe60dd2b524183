//! Snapshots save time and decide nothing.

use crate::kit::Place;
use crate::probe::{Probe, Snapshots};
use bytes::Bytes;
use es_core::prelude::*;
use es_core::store::StoredSnapshot;

on_every_store! {
    three_deposits_over_a_snapshot_of_two_are_all_there
    a_commit_that_passes_several_marks_is_one_snapshot
    a_fresh_state_is_a_snapshot_and_its_tail
    a_store_that_cannot_keep_snapshots_costs_time_only
    a_garbled_snapshot_costs_time_only
    a_snapshot_of_another_version_of_the_logic_is_passed_over
    an_older_snapshot_does_not_replace_a_newer_one
    a_snapshot_ahead_of_its_stream_is_not_believed
    the_end_is_seen_behind_a_snapshot
    an_aggregate_without_snapshots_asks_for_none
}

#[event]
pub struct Saved {
    pub amount: u64,
}
#[event]
pub struct Smashed;

#[command(Pot)]
pub struct Save {
    #[id]
    pub pot: String,
    pub amounts: Vec<u64>,
}
#[command(Pot)]
pub struct Smash {
    #[id]
    pub pot: String,
}

#[aggregate(id = String, default, snapshot(every = 2, version = 1))]
#[derive(Default)]
pub struct Pot {
    total: u64,
}

#[applier]
impl Pot {
    fn saved(&mut self, e: &Saved) {
        self.total += e.amount;
    }
    fn smashed(self, _: &Smashed) {}
}

#[command_handler]
impl Pot {
    fn save(&self, command: Save) -> Vec<Saved> {
        command.amounts.into_iter().map(|amount| Saved { amount }).collect()
    }
    fn smash(&self, _: Smash) -> Smashed {
        Smashed
    }
}

/// The same pot with a snapshot every four, and another logic.
pub mod large {
    use super::Saved;
    use es_core::prelude::*;

    #[command(Pot, name = "FillPot")]
    pub struct Fill {
        #[id]
        pub pot: String,
        pub amounts: Vec<u64>,
    }

    #[aggregate(id = String, name = "large_pot", default, snapshot(every = 4, version = 2))]
    #[derive(Default)]
    pub struct Pot {
        pub total: u64,
    }

    #[applier]
    impl Pot {
        fn saved(&mut self, e: &Saved) {
            self.total += e.amount;
        }
    }

    #[command_handler]
    impl Pot {
        fn fill(&self, command: Fill) -> Vec<Saved> {
            command.amounts.into_iter().map(|amount| Saved { amount }).collect()
        }
    }
}

/// The same streams as `Pot`'s, by code of another version.
pub mod newer {
    use super::{Saved, Smashed};
    use es_core::prelude::*;

    #[aggregate(id = String, name = "pot", default, snapshot(every = 2, version = 2))]
    #[derive(Default)]
    pub struct Pot {
        pub total: u64,
    }

    #[applier]
    impl Pot {
        fn saved(&mut self, e: &Saved) {
            // Since version 2, a saving counts double.
            self.total += 2 * e.amount;
        }
        fn smashed(self, _: &Smashed) {}
    }
}

async fn pots(store: Probe) -> App {
    App::builder(store).aggregate::<Pot>().aggregate::<large::Pot>().cache(0).build().await.unwrap()
}

fn pot() -> String {
    "p".to_owned()
}

fn save(amounts: &[u64]) -> Save {
    Save { pot: pot(), amounts: amounts.to_vec() }
}

async fn total(app: &App) -> Option<u64> {
    app.load::<Pot>(&pot()).await.unwrap().map(|pot| pot.total)
}

async fn three_deposits_over_a_snapshot_of_two_are_all_there(place: Place) {
    let app = pots(place.open().await).await;
    for _ in 0..3 {
        app.execute(save(&[10])).await.unwrap();
    }
    assert_eq!(total(&pots(place.open().await).await).await, Some(30));
}

async fn a_commit_that_passes_several_marks_is_one_snapshot(place: Place) {
    let store = place.open().await;
    let app = pots(store.clone()).await;
    let fill = |amounts: &[u64]| large::Fill { pot: pot(), amounts: amounts.to_vec() };
    app.execute(fill(&[1; 5])).await.unwrap();
    store.counted();
    // From version 5 to 13, over 8 and 12.
    app.execute(fill(&[1, 2, 3, 4, 5, 6, 7, 8])).await.unwrap();
    assert_eq!(store.counted().snapshot_saves, 1);
    let stepwise = place.open().await;
    let app = pots(stepwise.clone()).await;
    assert_eq!(app.load::<large::Pot>(&pot()).await.unwrap().unwrap().total, 41);
    assert_eq!(stepwise.counted().reads, [13]);
    stepwise.snapshots(Snapshots::Failing);
    let replayed = app.load::<large::Pot>(&pot()).await.unwrap().unwrap();
    assert_eq!((replayed.total, stepwise.counted().reads), (41, vec![0]));
}

async fn a_fresh_state_is_a_snapshot_and_its_tail(place: Place) {
    pots(place.open().await).await.execute(save(&[1, 2])).await.unwrap();
    pots(place.open().await).await.execute(save(&[3])).await.unwrap();
    let store = place.open().await;
    let app = pots(store.clone()).await;
    let done = app.execute(save(&[4])).await.unwrap();
    assert_eq!(done.state.unwrap().total, 10);
    let counted = store.counted();
    assert_eq!((counted.snapshot_loads, counted.reads, counted.snapshot_saves), (1, vec![2], 1));
}

async fn a_store_that_cannot_keep_snapshots_costs_time_only(place: Place) {
    let store = place.open().await;
    store.snapshots(Snapshots::Failing);
    let app = pots(store.clone()).await;
    for n in 1..=5 {
        assert_eq!(app.execute(save(&[10])).await.unwrap().state.unwrap().total, 10 * n);
    }
    assert_eq!(total(&app).await, Some(50));
    assert!(store.counted().snapshot_saves > 0);
}

async fn a_garbled_snapshot_costs_time_only(place: Place) {
    pots(place.open().await).await.execute(save(&[1, 2])).await.unwrap();
    let store = place.open().await;
    store.snapshots(Snapshots::Garbled);
    let app = pots(store.clone()).await;
    assert_eq!(total(&app).await, Some(3));
    assert_eq!(store.counted().reads, [0]);
}

async fn a_snapshot_of_another_version_of_the_logic_is_passed_over(place: Place) {
    pots(place.open().await).await.execute(save(&[1, 2])).await.unwrap();
    let app = App::builder(place.open().await).aggregate::<newer::Pot>().build().await.unwrap();
    assert_eq!(app.load::<newer::Pot>(&pot()).await.unwrap().unwrap().total, 6);
    // Its own snapshot took the place of the other one, which the older code passes over in turn.
    assert_eq!(total(&pots(place.open().await).await).await, Some(3));
}

async fn an_older_snapshot_does_not_replace_a_newer_one(place: Place) {
    let store = place.open().await;
    let app = pots(store.clone()).await;
    app.execute(save(&[1, 2])).await.unwrap();
    app.execute(save(&[3, 4])).await.unwrap();
    let old = store.saved().remove(0);
    store.save_snapshot(old).await.unwrap();
    store.counted();
    assert_eq!(total(&app).await, Some(10));
    assert_eq!(store.counted().reads, [4]);
}

async fn a_snapshot_ahead_of_its_stream_is_not_believed(place: Place) {
    let store = place.open().await;
    pots(store.clone()).await.execute(save(&[1, 2])).await.unwrap();
    let kept = store.saved().remove(0);
    let ahead = StoredSnapshot { version: 9, payload: Bytes::from_static(b"{\"total\":900}"), ..kept };
    store.save_snapshot(ahead).await.unwrap();
    assert_eq!(total(&pots(place.open().await).await).await, Some(3));
}

async fn the_end_is_seen_behind_a_snapshot(place: Place) {
    let app = pots(place.open().await).await;
    app.execute(save(&[1, 2])).await.unwrap();
    app.execute(Smash { pot: pot() }).await.unwrap();
    let app = pots(place.open().await).await;
    assert_eq!(total(&app).await, None);
    let refused = app.execute(save(&[1])).await.unwrap_err();
    assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
}

async fn an_aggregate_without_snapshots_asks_for_none(place: Place) {
    let store = place.open().await;
    let app = crate::bank::bank(store.clone()).await;
    crate::bank::opened(&app, crate::bank::ann(), 1).await;
    let counted = store.counted();
    assert_eq!((counted.snapshot_loads, counted.snapshot_saves), (0, 0));
}
