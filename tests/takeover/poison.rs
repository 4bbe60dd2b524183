//! A letter that nobody takes, and one that the post never comes back from, under load.

use super::child;
use super::ground::Ground;
use super::on_every_ground;
use super::site::{Site, first_letters};
use std::collections::BTreeMap;
use tests::server::process::until;

on_every_ground! {
    a_poison_event_holds_up_its_own_key_only,
    an_effect_that_never_ends_holds_up_its_own_reactor_only,
}

const POISONED: &str = "3";

async fn a_poison_event_holds_up_its_own_key_only<G: Ground>() {
    let site = Site::<G>::new().await;
    let (node, _) = site.holder("old", &[(child::POISON, "3 5")]).await;
    let customers = site.customers();
    let parked = async || site.app.parked("mail").await.unwrap();
    until("it is parked, and others wait behind it", async || {
        let parked = parked().await;
        parked.first().is_some_and(|entry| !entry.retrying && entry.waiting > G::MANY as u64 / 5)
    })
    .await;
    site.sends(site.letters().len() + 2 * G::MANY).await;
    customers.leave().await;
    site.settles().await;

    let [entry] = &*parked().await else { panic!("one key is parked") };
    let ordered = site.ordered().await;
    let letters = site.letters();
    let waiting = ordered[POISONED] - 5;
    assert_eq!((entry.key.as_str(), entry.waiting), ("parcel-3", waiting.into()));
    assert_eq!((entry.attempts, entry.error.as_str()), (4, "nobody takes it"));
    let mut lags: BTreeMap<&str, u64> = BTreeMap::new();
    for letter in &letters {
        let lag = lags.entry(&letter.order).or_default();
        *lag = letter.lag.max(*lag);
    }
    println!("the largest lag of each key, in ms, while key {POISONED} is parked: {lags:?}");
    for (order, items) in &ordered {
        let sent = if order == POISONED { 4 } else { *items };
        assert!(first_letters(&letters, order).into_iter().eq(1..=sent), "order {order}");
    }

    // Other code takes the letter.
    node.stop().await;
    let (_node, _) = site.holder("new", &[]).await;
    let before = parked().await;
    before.retry(&before[0].id).await.unwrap();
    until("nothing is parked", async || parked().await.is_empty()).await;
    site.is_as_if_nothing_had_happened().await;
    assert_eq!(site.letters().len(), ordered.values().sum::<u32>() as usize, "none was sent twice");
}

async fn an_effect_that_never_ends_holds_up_its_own_reactor_only<G: Ground>() {
    let site = Site::<G>::new().await;
    let (mut node, owners) = site.holder("old", &[(child::LOST, "3 5")]).await;
    let customers = site.customers();
    node.says("waits for the post").await;
    site.grows(2 * G::MANY).await;
    customers.leave().await;
    site.settles_without("mail").await;
    assert_eq!(site.owners().await, owners, "it waits, and holds its lease");
    assert!(site.app.parked("mail").await.unwrap().is_empty(), "what has not failed is not set aside");
    let sent = site.letters().into_iter().filter(|letter| letter.order == POISONED);
    assert_eq!(sent.count(), 4, "what stands behind it in its key waits");

    // Somebody else begins it again.
    drop(node);
    let _node = site.start("new", &[]);
    site.taken_over_from(&owners).await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
}
