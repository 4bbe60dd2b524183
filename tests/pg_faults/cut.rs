//! Connections that are cut, dammed up, or long.

use super::site::Site;
use es_core::store::EventStore;
use std::sync::Arc;
use std::time::Duration;
use tests::history::way;
use tests::server::process::often;
use tests::server::proxy::Proxy;

/// How long a store goes on trying.
const DEADLINE: Duration = Duration::from_secs(10);

/// A server, a way to it, and two stores at the end of that.
async fn far_away() -> (Site, Proxy, [Arc<dyn EventStore>; 2]) {
    let site = Site::new().await;
    let proxy = Proxy::start(site.server.port()).await;
    let far: [Arc<dyn EventStore>; 2] =
        [site.store_at(proxy.port()).await, site.store_at(proxy.port()).await];
    (site, proxy, far)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_whose_connection_is_cut_is_stored_once() {
    let (site, proxy, far) = far_away().await;
    way::cut(&proxy, &far, &*site.store().await, often(60, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_dammed_up_connection_is_told_of_and_holds_up_nobody_else() {
    let (site, proxy, [far, _]) = far_away().await;
    way::dammed_up(&proxy, &far, &*site.store().await, DEADLINE).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_long_way_is_no_fault() {
    let (site, proxy, far) = far_away().await;
    way::long(&proxy, &far, &*site.store().await, 80).await;
}
