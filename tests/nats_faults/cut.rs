//! Connections that are cut, dammed up, or long.

use super::site::Site;
use es_core::store::{Commit, EventStore, NatsOptions, NatsStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{Writer, commit_of, way};
use tests::server::process::often;
use tests::server::proxy::{Cut, Proxy};

/// How long a store goes on trying.
const DEADLINE: Duration = Duration::from_secs(5);

/// A server, a way to it, and two stores at the end of that.
async fn far_away() -> (Site, Proxy, [Arc<dyn EventStore>; 2]) {
    let site = Site::single().await;
    let proxy = Proxy::start(site.servers.port(0)).await;
    let far: [Arc<dyn EventStore>; 2] = [behind(&proxy).await, behind(&proxy).await];
    (site, proxy, far)
}

async fn behind(proxy: &Proxy) -> Arc<NatsStore> {
    let options = NatsOptions::new().deadline(DEADLINE);
    Arc::new(NatsStore::connect_with(&format!("nats://127.0.0.1:{}", proxy.port()), options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_whose_connection_is_cut_is_stored_once() {
    let (site, proxy, far) = far_away().await;
    way::cut(&proxy, &far, &*site.store().await, often(24, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_dammed_up_connection_is_told_of_and_holds_up_nobody_else() {
    let (site, proxy, [far, _]) = far_away().await;
    way::dammed_up(&proxy, &far, &*site.store().await, DEADLINE).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_long_way_is_no_fault() {
    let (site, proxy, far) = far_away().await;
    way::long(&proxy, &far, &*site.store().await, 24).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_that_was_sent_once_is_no_duplicate_though_its_answer_is_lost() {
    let (_site, proxy, [far, _]) = far_away().await;
    let whole = commit_of(Writer { run: 0, number: 0 }, 0);
    let alone = commit_of(Writer { run: 0, number: 1 }, 0).parts.remove(1);
    for commit in [whole, Commit::all(vec![alone])] {
        let before = far.head().await.unwrap().0;
        let count: u64 = commit.parts.iter().map(|part| part.events.len() as u64).sum();
        proxy.cut_next(Cut::BeforeResponse);
        let appended = far.append(commit.clone()).await.unwrap();
        assert!(!proxy.is_armed(), "an answer was lost");
        assert_eq!((appended.duplicate, appended.position.0), (false, before + count));
        let again = far.append(commit).await.unwrap();
        assert_eq!((again.duplicate, again.heads), (true, appended.heads));
    }
}
