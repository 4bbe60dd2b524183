//! Two processes: one works, the other waits, and then the first one is gone, or goes, or sleeps.

use super::ground::Ground;
use super::on_every_ground;
use super::site::Site;
use super::warehouse::{AddItem, HELD, OrderId, Parcel};
use es_core::store::LEASE;
use tests::server::process::{often, until};

on_every_ground! {
    who_is_killed_is_followed_by_another,
    who_is_told_to_end_hands_over_and_repeats_nothing,
    who_wakes_up_behind_its_lease_changes_nothing,
}

async fn who_is_killed_is_followed_by_another<G: Ground>() {
    let site = Site::<G>::new().await;
    let (first, owners) = site.holder("first", &[]).await;
    let _second = site.waiting("second", &[]).await;
    let customers = site.customers();
    site.sends(G::MANY).await;
    let rush = site.rush();
    site.sends(G::MANY + G::MANY / 2).await;
    drop(first);
    let took = site.taken_over_from(&owners).await;
    println!("taken over: {took:?} after the kill, with leases of {LEASE:?}");
    site.sends(site.letters().len() + G::MANY).await;
    rush.join_all().await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
}

async fn who_is_told_to_end_hands_over_and_repeats_nothing<G: Ground>() {
    let site = Site::<G>::new().await;
    let (mut working, mut owners) = site.holder("0", &[]).await;
    let customers = site.customers();
    for round in 1..=often(2, 50) {
        let waiting = site.waiting(&round.to_string(), &[]).await;
        site.sends(site.letters().len() + G::MANY / 2).await;
        working.stop().await;
        // Its leases would have lasted for a while.
        let now = site.owners().await;
        assert!(owners.iter().all(|(name, owner)| now.get(name) != Some(owner)), "{owners:?} {now:?}");
        let took = site.taken_over_from(&owners).await;
        println!("taken over: {took:?} after it was told to end, with leases of {LEASE:?}");
        (working, owners) = (waiting, site.owners().await);
    }
    site.sends(site.letters().len() + G::MANY / 2).await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
    let ordered: u32 = site.ordered().await.values().sum();
    assert_eq!(site.letters().len(), ordered as usize, "who ends what it has begun sends no letter twice");
    working.stop().await;
}

async fn who_wakes_up_behind_its_lease_changes_nothing<G: Ground>() {
    let site = Site::<G>::new().await;
    let (mut first, owners) = site.holder("first", &[]).await;
    let mut second = site.waiting("second", &[]).await;
    let customers = site.customers();
    site.sends(G::MANY / 2).await;
    // It stops in the middle of a command.
    let held = OrderId::named(HELD);
    site.app.execute(AddItem { order: held.clone() }).await.unwrap();
    first.says("at the hatch").await;
    site.freeze(&first).await;
    let took = site.taken_over_from(&owners).await;
    println!("taken over: {took:?} after it was frozen, with leases of {LEASE:?}");
    let new_owners = site.owners().await;
    // The second one is about to carry out the same command, when the first one does.
    second.says("at the hatch").await;
    site.open_hatch("first");
    first.signal("CONT");
    // Whichever of its threads is first.
    first.says_all(&["through the hatch", "packing Waiting"]).await;
    // The first one writes in turn: what was late stands before this.
    first.tell("add 0");
    first.says("added").await;
    assert!(site.app.history::<Parcel>(&held).await.unwrap().is_empty(), "a late command was carried out");
    assert_eq!(site.owners().await, new_owners);
    site.open_hatch("second");
    second.says("through the hatch").await;
    until("it is packed", async || site.app.history::<Parcel>(&held).await.unwrap().len() == 1).await;

    // It waits like any other, and goes on when the second one is gone.
    second.stop().await;
    site.taken_over_from(&new_owners).await;
    site.sends(site.letters().len() + G::MANY).await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
    first.stop().await;
}
