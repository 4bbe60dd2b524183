//! Those who wait for the log to grow, when nobody tells them.

use super::site::{Site, number};
use es_core::store::{EventStore, Filter, PgOptions, PgStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{History, Load, Subscriber, Verdict, log_of};
use tests::server::pgbouncer::Pgbouncer;
use tests::server::process::often;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_listens_on_a_connection_that_is_killed_again_and_again_misses_nothing() {
    let kills = often(10, 200);
    let site = Site::new().await;
    let (stores, history) = (site.stores(1).await, Arc::new(History::default()));
    let listener = site.store().await;
    let subscriber = Subscriber::start(listener.clone(), Filter::all(), 3);
    let load = Load::start(&stores, &history, 0, 2);
    let mut connection = site.server.connect().await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'";
    let mut killed = 0;
    for _ in 0..kills {
        load.goes_on(20).await;
        killed += number(&mut connection, kill).await;
        sleep(Duration::from_millis(50)).await;
    }
    load.end().await;
    assert!(killed > 0, "somebody has listened");
    let mut verdict = Verdict::of(&*listener, &history).await;
    verdict.delivered(&log_of(&*listener).await, &Filter::all(), &subscriber.end().await);
    verdict.holds(&format!("{killed} listening connections killed"));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_pooler_of_transactions_is_a_way_to_the_log() {
    let commits = often(300, 10_000) as usize;
    let site = Site::new().await;
    let pooler = Pgbouncer::start(&site.server).await;
    let history = Arc::new(History::default());
    let connect = async |options| Arc::new(PgStore::connect_with(&pooler.url(), options).await.unwrap());
    let by_looking = connect(PgOptions::new().pooled()).await;
    let by_listening = connect(PgOptions::new().pooled().listen(site.server.url())).await;
    let stores: [Arc<dyn EventStore>; 2] = [by_looking.clone(), by_listening];
    let subscribers = stores.each_ref().map(|store| Subscriber::start(store.clone(), Filter::all(), 5));
    let load = Load::start(&stores, &history, 0, 8);
    let took = load.goes_on(commits).await;
    load.end().await;
    let log = log_of(&*site.store().await).await;
    let mut verdict = Verdict::of(&*by_looking, &history).await;
    for subscriber in subscribers {
        verdict.delivered(&log, &Filter::all(), &subscriber.end().await);
    }
    let figures = verdict.holds("through a pooler of transactions");
    assert_eq!(figures.unknown, 0);
    println!("through a pooler of transactions: {commits} commits in {took:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn statements_of_others_have_no_names_in_each_others_way_behind_a_pooler() {
    let site = Site::new().await;
    let pooler = Pgbouncer::start(&site.server).await;
    for _ in 0..4 {
        let store = PgStore::connect_with(&pooler.url(), PgOptions::new().pooled()).await.unwrap();
        for sql in ["SELECT 1::bigint", "SELECT 2::bigint"] {
            store.read(async |rows| sqlx::query(sql).execute(rows).await.map(drop)).await.unwrap();
        }
        store.close().await;
    }
}
