//! Processes that come and go all the time.

use super::ground::Ground;
use super::node::Node;
use super::on_every_ground;
use super::site::Site;
use std::collections::BTreeMap;
use tests::history::process::seeded;
use tests::server::process::{often, until};

on_every_ground! { who_comes_and_goes_at_random_changes_nothing }

/// How many processes there are at most.
const NODES: usize = 4;

async fn who_comes_and_goes_at_random_changes_nothing<G: Ground>() {
    let site = Site::<G>::new().await;
    let mut crew = Crew { site: &site, random: seeded(), members: Vec::new(), turns: BTreeMap::new() };
    for _ in 0..NODES {
        crew.comes();
    }
    let customers = site.customers();
    let turns = often(10, 60);
    for _ in 0..turns {
        crew.turn().await;
        site.grows(G::MANY / 2 * often(1, 8) as usize).await;
    }
    crew.works().await;
    customers.leave().await;
    site.settles().await;
    let (taken, turns) = (site.book().taken().len(), &crew.turns);
    println!("{NODES} processes that come and go: {turns:?}, leases taken {taken} times");
    site.is_as_if_nothing_had_happened().await;
    for member in crew.members {
        member.node.stop().await;
    }
}

/// Those who work, or sleep.
struct Crew<'a, G: Ground> {
    site: &'a Site<G>,
    random: fastrand::Rng,
    members: Vec<Member>,
    /// What has happened to how many of them.
    turns: BTreeMap<&'static str, u32>,
}

struct Member {
    name: String,
    node: Node,
    sleeps: bool,
}

impl Member {
    /// Waits until it is there, and behind what it was about to do.
    async fn is_there(&mut self) {
        self.node.tell("add 0");
        self.node.says("added").await;
    }
}

impl<G: Ground> Crew<'_, G> {
    fn comes(&mut self) {
        let started = self.turns.entry("started").or_default();
        *started += 1;
        let name = started.to_string();
        let node = self.site.start(&name, &[]);
        self.members.push(Member { name, node, sleeps: false });
    }

    /// Something happens to one of them, or somebody comes in the place of who is gone.
    async fn turn(&mut self) {
        let place = self.random.usize(..NODES);
        let Some(member) = self.members.get_mut(place) else { return self.comes() };
        let turn = match (member.sleeps, self.random.u8(..3)) {
            (_, 0) => {
                self.members.remove(place);
                "killed"
            }
            (true, _) => {
                member.node.signal("CONT");
                member.sleeps = false;
                "woken"
            }
            (false, 1) => {
                self.site.freeze(&member.node).await;
                member.sleeps = true;
                "suspended"
            }
            (false, _) => {
                let mut member = self.members.remove(place);
                // Nobody can be told anything who is not there yet.
                member.is_there().await;
                member.node.stop().await;
                "told to end"
            }
        };
        *self.turns.entry(turn).or_default() += 1;
    }

    /// Wakes whoever sleeps, and waits until nobody holds a lease who is gone.
    async fn works(&mut self) {
        if self.members.is_empty() {
            self.comes();
        }
        for member in &mut self.members {
            member.node.signal("CONT");
            member.is_there().await;
        }
        until("they hold all leases", async || {
            let holders = self.site.book().holders();
            let owners = self.site.owners().await;
            let is_held = |lease| self.members.iter().any(|member| holders.get(lease) == Some(&member.name));
            owners.len() == G::FOLLOWERS.len() && owners.keys().all(|lease| is_held(&**lease))
        })
        .await;
    }
}
