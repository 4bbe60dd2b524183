//! Two processes on one file: one works, the other waits, and then the first one is gone.

use super::node::Node;
use super::site::{Site, is_writable, until};
use super::warehouse::{AddItem, HELD, OrderId, Parcel};
use es_core::store::LEASE;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_is_followed_by_another() {
    let site = Site::new().await;
    let (first, owners) = site.holder("first", &[]).await;
    let _second = site.waiting("second").await;
    let customers = site.customers();
    site.sends(100).await;
    let rush = site.rush();
    site.sends(160).await;
    drop(first);
    let took = site.taken_over_from(&owners).await;
    println!("taken over {took:?} after the kill, with leases of {LEASE:?}");
    site.sends(site.letters().len() + 100).await;
    rush.join_all().await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_gives_its_leases_back() {
    let site = Site::new().await;
    let (first, owners) = site.holder("first", &[]).await;
    let _second = site.waiting("second").await;
    let customers = site.customers();
    site.sends(100).await;
    first.stop().await;
    // Its leases would have lasted for a while.
    let now = site.owners().await;
    assert!(owners.iter().all(|(name, owner)| now.get(name) != Some(owner)), "{owners:?} {now:?}");
    let took = site.taken_over_from(&owners).await;
    println!("taken over {took:?} after the stop, with leases of {LEASE:?}");
    site.sends(site.letters().len() + 100).await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
    let letters = site.letters();
    let ordered: u32 = site.ordered().await.values().sum();
    assert_eq!(letters.len(), ordered as usize, "who ends what it has begun sends no letter twice");
}

/// Stops a process where it does not keep others from writing.
async fn freeze(site: &Site, node: &Node) {
    until("it is stopped between two writes", async || {
        node.signal("STOP");
        let between = is_writable(&site.file());
        if !between {
            node.signal("CONT");
        }
        between
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_up_behind_its_lease_changes_nothing() {
    let site = Site::new().await;
    let (mut first, owners) = site.holder("first", &[]).await;
    let mut second = site.waiting("second").await;
    let customers = site.customers();
    site.sends(50).await;
    // It stops in the middle of a command.
    let held = OrderId::named(HELD);
    site.app.execute(AddItem { order: held.clone() }).await.unwrap();
    first.says("at the hatch").await;
    freeze(&site, &first).await;
    let took = site.taken_over_from(&owners).await;
    println!("taken over {took:?} after it was frozen, with leases of {LEASE:?}");
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
    site.sends(site.letters().len() + 100).await;
    customers.leave().await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
    first.stop().await;
}
