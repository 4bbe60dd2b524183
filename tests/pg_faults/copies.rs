//! Backups that are restored, logs that are set back, and replicas.

use super::counter::{Add, CounterId, app};
use super::site::Site;
use es_core::prelude::*;
use es_core::store::{Advance, Checkpoint, Expected, LEASE, StreamRead};
use std::sync::Arc;
use tests::history::{History, Load, Subscriber, Verdict, log_of};
use tests::server::postgres::Postgres;
use tests::server::process::{often, until};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_backup_is_read_and_written_on_like_the_log_itself() {
    let site = Site::new().await;
    let (stores, history) = (site.stores(2).await, Arc::new(History::default()));
    let load = Load::start(&stores, &history, 0, 4);
    load.goes_on(200).await;
    load.end().await;
    stores[0].close_stream(&StreamId::named("two-0.0"), Expected::Any, "done").await.unwrap();
    let restored = Postgres::start(&[]).await;
    site.server.dump_into(&restored);
    let copy = Site { server: restored };
    let store = copy.store().await;
    let log = log_of(&*store).await;
    assert_eq!(log, log_of(&*stores[0]).await);
    let page = store.read_stream(&StreamId::named("two-0.0"), StreamRead::after(0)).await.unwrap();
    assert!(page.head.closed);
    let load = Load::start(&copy.stores(1).await, &history, 1, 4);
    load.goes_on(50).await;
    load.end().await;
    Verdict::of(&*store, &history).await.holds("restored from a dump, and written on");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn whoever_followed_a_log_that_is_set_back_stops() {
    let mut site = Site::new().await;
    let store = site.store().await;
    let app = app(&store).await;
    let add = |of| app.execute(Add { counter: CounterId::named("one"), of });
    for of in 0..10 {
        add(of).await.unwrap();
    }
    let saved = site.server.save().await;
    for of in 0..5 {
        add(of).await.unwrap();
    }
    let running = app.start().await.unwrap();
    let head = store.head().await.unwrap();
    app.wait_for("sums", head).await.unwrap();
    running.stop().await.unwrap();
    let processors = store.processors("").await.unwrap();
    let sums =
        processors.iter().find(|known| known.name.contains("sums") && !known.name.contains('/')).unwrap();
    site.server.go_back_to(&saved).await;

    // The log is another one, and the checkpoint is from the one before, as after a failover that lost the end.
    let store = site.store().await;
    let app = super::counter::app(&store).await;
    let add = |of| app.execute(Add { counter: CounterId::named("one"), of });
    store.register(&sums.name, Checkpoint::default()).await.unwrap();
    let lease = store.acquire(&sums.name, Uuid::now_v7(), LEASE).await.unwrap().unwrap();
    let known = Advance { to: Some(sums.checkpoint), ..Advance::under(&lease) };
    store.advance(known).await.unwrap();
    store.release(&lease).await.unwrap();
    // As many again: position and version are as they were, the events are others.
    for of in 20..30 {
        add(of).await.unwrap();
    }
    let running = app.start().await.unwrap();
    until("the projection stops", async || {
        running
            .status()
            .iter()
            .any(|status| format!("{:?}", status.state).contains("not the one that was followed"))
    })
    .await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn readers_of_a_replica_see_the_log_from_its_beginning_without_a_hole() {
    let commits = often(600, 20_000);
    let site = Site::new().await;
    let (stores, history) = (site.stores(2).await, Arc::new(History::default()));
    let replica = Site { server: site.server.replica().await };
    let filters = [Filter::all(), Filter::category("one")];
    let mut subscribers = Vec::new();
    for (filter, seed) in filters.iter().zip(0..) {
        subscribers.push((filter, Subscriber::start(replica.store().await, filter.clone(), seed)));
    }
    let load = Load::start(&stores, &history, 0, 16);
    load.goes_on(commits as usize).await;
    load.end().await;
    let head = stores[0].head().await.unwrap();
    let reader = replica.store().await;
    until("the replica has it all", async || reader.head().await.unwrap() == head).await;
    let mut verdict = Verdict::of(&*reader, &history).await;
    let log = log_of(&*stores[0]).await;
    for (filter, subscriber) in subscribers {
        verdict.delivered(&log, filter, &subscriber.end().await);
    }
    verdict.holds("read on a replica");
}
