//! Leaders that are killed, or stopped for a while, while others write and read.

use super::site::{LOG, Site};
use es_core::store::Filter;
use std::sync::Arc;
use std::time::Duration;
use tests::history::{History, Load, Subscriber, Verdict, log_of};
use tests::server::nats::Nats;
use tests::server::process::{often, until};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_killed_leader_takes_nothing_along() {
    under_load("leader killed", often(2, 20), async |servers, leader| {
        servers.kill9(leader).await;
        follower_leads(servers, leader).await;
        servers.begin(leader).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_leader_that_sleeps_decides_nothing_when_it_wakes_up() {
    under_load("leader stopped for a while", often(2, 20), async |servers, leader| {
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

async fn under_load(what: &str, rounds: u32, mut happens: impl AsyncFnMut(&mut Nats, usize)) {
    let mut site = Site::cluster().await;
    let mut stores = Vec::new();
    for _ in 0..3 {
        let store: Arc<dyn es_core::store::EventStore> = site.store().await;
        stores.push(store);
    }
    let history = Arc::new(History::default());
    let filters = [Filter::all(), Filter::category("one")];
    let subscribers =
        filters.each_ref().map(|filter| Subscriber::start(stores[1].clone(), filter.clone(), 7));
    let load = Load::start(&stores, &history, 0, 6);
    let mut pauses = Vec::new();
    for _ in 0..rounds {
        load.goes_on(50).await;
        let mut leader = None;
        until("somebody leads", async || {
            leader = site.servers.leader(LOG, 0).await;
            leader.is_some()
        })
        .await;
        happens(&mut site.servers, leader.unwrap()).await;
        pauses.push(load.goes_on(1).await);
    }
    load.goes_on(30).await;
    load.end().await;
    let mut verdict = Verdict::of(&*stores[0], &history).await;
    let log = log_of(&*stores[0]).await;
    for (subscriber, filter) in subscribers.into_iter().zip(&filters) {
        verdict.delivered(&log, filter, &subscriber.end().await);
    }
    verdict.holds(&format!("{what} {rounds} times"));
    println!("{what}: it went on {:?} after they were all there, at most", pauses.iter().max());
}
