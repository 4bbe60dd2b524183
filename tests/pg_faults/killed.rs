//! Clients and servers that are killed while they write.

use super::child;
use super::site::{Site, number, run};
use std::sync::Arc;
use tests::history::{History, Load, Verdict, process, under_load};
use tests::server::postgres::{Postgres, Stop};
use tests::server::process::{often, send, until};

/// So many rounds on one log, so that looking at it does not take ever longer.
const ROUNDS: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_killed_client_loses_nothing_that_was_acknowledged() {
    for _ in 0..often(1, 20) {
        let site = Site::new().await;
        let start = |run: u32| child::start(child::WRITE, &site.server.url(), &run.to_string());
        let history = process::killed(ROUNDS, start).await;
        let mut connection = site.server.connect().await;
        let working =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()";
        until("nothing is left of it", async || number(&mut connection, working).await == 0).await;
        let store = site.store().await;
        Verdict::of(&*store, &history).await.holds(&format!("client killed {ROUNDS} times"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let rounds = often(3, 20);
    goes_on("server killed", rounds, async |server| {
        server.kill9().await;
        server.begin().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_crashing_server_loses_nothing_that_was_acknowledged() {
    let rounds = often(2, 20);
    goes_on("server stopped as in a crash", rounds, async |server| {
        server.stop(Stop::Immediate).await;
        server.begin().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_backend_that_is_killed_while_it_holds_the_fence_holds_up_nobody() {
    let rounds = often(3, 20);
    goes_on("holder of the fence killed", rounds, async |server| {
        let mut connection = server.connect().await;
        let holder =
            "SELECT coalesce(max(pid), 0)::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted";
        let mut found = 0;
        until("somebody holds the fence", async || {
            found = number(&mut connection, holder).await;
            found != 0
        })
        .await;
        send("KILL", found.try_into().unwrap());
    })
    .await;
}

/// Writers and subscribers go on while the same thing happens to their server again and again.
async fn goes_on(what: &str, rounds: u32, mut happens: impl AsyncFnMut(&mut Postgres)) {
    let mut site = Site::new().await;
    let stores = site.stores(2).await;
    under_load(what, rounds, &stores, async || happens(&mut site.server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_lock_that_is_held_up_is_waited_for_and_not_passed() {
    let site = Site::new().await;
    let (stores, history) = (site.stores(2).await, Arc::new(History::default()));
    let load = Load::start(&stores, &history, 0, 8);
    load.goes_on(50).await;
    let mut connection = site.server.connect().await;
    let fence = "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1";
    let mut key = None;
    until("somebody asks for the fence", async || {
        key = sqlx::query_scalar::<_, i64>(fence).fetch_optional(&mut connection).await.unwrap();
        key.is_some()
    })
    .await;
    run(&mut connection, "BEGIN").await;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(&mut connection).await.unwrap();
    let holder = number(&mut connection, "SELECT pg_backend_pid()::bigint").await;
    let head = stores[0].head().await.unwrap();
    let mut looking = site.server.connect().await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    until("somebody waits for it", async || number(&mut looking, waiting).await > 0).await;
    assert_eq!(stores[0].head().await.unwrap(), head, "nobody passes it");
    send("KILL", holder.try_into().unwrap());
    let pause = load.goes_on(50).await;
    load.end().await;
    Verdict::of(&*stores[0], &history).await.holds("a foreign holder of the fence killed");
    println!("a foreign holder of the fence killed: 50 commits {pause:?} later");
}
