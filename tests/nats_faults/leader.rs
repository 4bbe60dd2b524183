//! Leaders that are killed, or stopped for a while, while others write and read.

use super::site::{LOG, Site};
use es_core::store::EventStore;
use std::sync::Arc;
use std::time::Duration;
use tests::history::under_load;
use tests::server::nats::Nats;
use tests::server::process::{often, until};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_killed_leader_takes_nothing_along() {
    goes_on("leader killed", often(2, 20), async |servers, leader| {
        servers.kill9(leader).await;
        follower_leads(servers, leader).await;
        servers.begin(leader).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_leader_that_sleeps_decides_nothing_when_it_wakes_up() {
    goes_on("leader stopped for a while", often(2, 20), async |servers, leader| {
        servers.signal(leader, "STOP");
        follower_leads(servers, leader).await;
        // It believes that it leads when it wakes up.
        sleep(Duration::from_millis(500)).await;
        servers.signal(leader, "CONT");
        servers.ready().await;
    })
    .await;
}

async fn follower_leads(servers: &Nats, before: usize) {
    let asked = (before + 1) % servers.size();
    until("another one leads", async || {
        servers.leader(LOG, asked).await.is_some_and(|leader| leader != before)
    })
    .await;
}

/// Writers and subscribers go on while the same thing happens to the server that leads, again and again.
async fn goes_on(what: &str, rounds: u32, mut happens: impl AsyncFnMut(&mut Nats, usize)) {
    let mut site = Site::cluster().await;
    let mut stores: Vec<Arc<dyn EventStore>> = Vec::new();
    for _ in 0..3 {
        stores.push(site.store().await);
    }
    let leader_falls = async || {
        let mut leader = None;
        until("somebody leads", async || {
            leader = site.servers.leader(LOG, 0).await;
            leader.is_some()
        })
        .await;
        happens(&mut site.servers, leader.unwrap()).await;
    };
    under_load(what, rounds, &stores, leader_falls).await;
}
