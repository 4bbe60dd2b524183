//! Processes whose clocks are wrong, and are set while they work.

use super::ground::Ground;
use super::node::Node;
use super::on_every_ground;
use super::site::Site;
use super::warehouse::{Order, OrderId};
use es_core::prelude::*;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tests::server::process::{often, until};
use tests::server::shim;

on_every_ground! { clocks_that_are_set_move_neither_leases_nor_order }

/// The clock of a process.
struct Clock {
    shim: PathBuf,
    ahead: PathBuf,
    _folder: TempDir,
}

impl Clock {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shim = shim::built("takeover/clock.c", folder.path());
        let clock = Self { shim, ahead: folder.path().join("ahead"), _folder: folder };
        clock.set(0);
        clock
    }

    /// What a process is told that has this clock.
    fn environment(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", self.shim.to_str().unwrap()), ("ES_SHIM_CLOCK", self.ahead.to_str().unwrap())]
    }

    /// Sets it ahead of the system's, or back.
    fn set(&self, hours: i64) {
        let beside = self.ahead.with_extension("new");
        std::fs::write(&beside, (hours * 3_600).to_string()).unwrap();
        std::fs::rename(beside, &self.ahead).unwrap();
    }
}

/// The hours that the first and the second one's clocks are ahead, in turn: a holder's is set back and ahead, and so
/// is that of one that waits.
const SET: [[i64; 2]; 2] = [[-1, 1], [1, -1]];

async fn clocks_that_are_set_move_neither_leases_nor_order<G: Ground>() {
    let site = Site::<G>::new().await;
    let clocks = [Clock::new(), Clock::new()];
    let (first, owners) = site.holder("first", &clocks[0].environment()).await;
    let second = site.waiting("second", &clocks[1].environment()).await;
    let mut nodes = [first, second];
    let customers = site.customers();
    let begun = site.book().taken().len();
    let rounds = often(1, 15);
    for round in 0..rounds {
        for set in SET {
            for n in 0..2 {
                clocks[n].set(set[n]);
                shows(&site, &mut nodes[n], set[n], &format!("{round}of{n}at{}", set[n] + 1)).await;
            }
            stands(&site, &owners).await;
            if G::KEEPS_TIME {
                assert_eq!(site.book().taken()[begun..], [], "a clock has moved a lease");
                assert_eq!(site.owners().await, owners);
            }
        }
    }
    let moved = site.book().taken().len() - begun;
    println!("clocks set: {} times by up to two hours, {moved} leases taken by that", 4 * rounds);

    // Who takes over goes on two hours before what it finds.
    let [first, second] = nodes;
    first.stop().await;
    until("the second one has taken all leases", async || {
        let holders = site.book().holders();
        owners.keys().all(|lease| holders[&**lease] == "second")
    })
    .await;
    site.sends(site.letters().len() + G::MANY / 2).await;
    customers.leave().await;
    clocks[1].set(0);
    until("the customers see who holds the leases", async || site.owners().await.len() == owners.len()).await;
    site.settles().await;
    site.is_as_if_nothing_had_happened().await;
    no_time_goes_back(&site).await;
    second.stop().await;
}

/// Lets a process order, by itself and beside the customers, and looks what time that was for it.
async fn shows<G: Ground>(site: &Site<G>, node: &mut Node, hours: i64, order: &str) {
    for order in ["0", order] {
        node.tell(&format!("add {order}"));
        node.says("added").await;
    }
    let own = site.app.history::<Order>(&OrderId::named(order)).await.unwrap();
    let ahead = own[0].envelope.recorded_at.duration_since(Timestamp::now());
    let off = ahead - SignedDuration::from_hours(hours);
    assert!(off.abs() < SignedDuration::from_mins(30), "its clock is {ahead:?} ahead, and not {hours} hours");
}

/// Waits until each lease was renewed by who holds it, and asked for in vain.
async fn stands<G: Ground>(site: &Site<G>, leases: &HashMap<Arc<str>, Uuid>) {
    let book = site.book();
    let (renewed, refused) = (book.renewed().len(), book.refused().len());
    let all = |seen: &[String]| leases.keys().all(|lease| seen.iter().any(|seen| **seen == **lease));
    until("each lease is renewed, and asked for in vain", async || {
        all(&book.renewed()[renewed..]) && all(&book.refused()[refused..])
    })
    .await;
}

/// The time of a stream's events does not go back, whoever has recorded them, nor does the store's.
async fn no_time_goes_back<G: Ground>(site: &Site<G>) {
    let log = site.log(&Filter::all()).await;
    assert!(log.is_sorted_by_key(|event| event.stored_at), "the store's time has gone back");
    let mut last = HashMap::new();
    for event in &log {
        let before = last.insert(&event.stream, event.recorded_at);
        assert!(before <= Some(event.recorded_at), "recorded before {before:?}: {event:?}");
    }
}
