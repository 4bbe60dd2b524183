//! Connections that are cut, dammed up, or long.

use super::site::Site;
use es_core::store::{AppendError, EventStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{Answer, History, Load, Verdict, Writer, commit_of, settled};
use tests::server::process::{BOUND, often, until};
use tests::server::proxy::{Cut, Proxy};
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_whose_connection_is_cut_is_stored_once() {
    let cuts = often(60, 1_000);
    let site = Site::new().await;
    let proxy = Proxy::start(site.server.port()).await;
    let history = Arc::new(History::default());
    let stores: Vec<Arc<dyn EventStore>> =
        vec![site.store_at(proxy.port()).await, site.store_at(proxy.port()).await];
    let load = Load::start(&stores, &history, 0, 6);
    for n in 0..cuts {
        load.goes_on(5).await;
        match n % 4 {
            0 => proxy.cut_next(Cut::AfterRequest(fastrand::usize(1..2_000))),
            1 => proxy.cut_next(Cut::BeforeResponse),
            2 => proxy.cut_next(Cut::HalfOpen),
            _ => proxy.cut_all(),
        }
        until("it is cut", async || !proxy.is_armed()).await;
    }
    load.goes_on(20).await;
    load.end().await;
    let store = site.store().await;
    Verdict::of(&*store, &history).await.holds(&format!("connections cut {cuts} times"));
    let repeated = history
        .attempts()
        .into_iter()
        .filter(|attempt| matches!(attempt.answered, Some((_, Answer::Stored { duplicate: true, .. }))));
    println!("connections cut: {} of what was sent again was stored already", repeated.count());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_dammed_up_connection_is_told_of_and_holds_up_nobody_else() {
    let site = Site::new().await;
    let proxy = Proxy::start(site.server.port()).await;
    let (near, far) = (site.store().await, site.store_at(proxy.port()).await);
    let history = Arc::new(History::default());
    let one = |number, n| commit_of(Writer { run: 0, number }, n);
    history.append(&*far, 0, one(0, 0)).await.unwrap();
    proxy.dam(true);
    let began = Instant::now();
    let sending = {
        let (far, history) = (far.clone(), history.clone());
        tokio::spawn(async move { history.append(&*far, 0, one(0, 1)).await })
    };
    for n in 0..20 {
        history.append(&*near, 0, one(1, n)).await.unwrap();
    }
    let others = began.elapsed();
    let answer = tokio::time::timeout(BOUND, sending).await.expect("it is answered").unwrap();
    let told = began.elapsed();
    let is_told = matches!(answer, Err(AppendError::Ambiguous { .. } | AppendError::Unavailable { .. }));
    assert!(is_told, "{answer:?}");
    proxy.dam(false);
    settled(&*far, &history, 0, one(0, 1), BOUND).await.unwrap();
    let settled = began.elapsed();
    Verdict::of(&*near, &history).await.holds("a connection dammed up");
    println!(
        "dammed up: 20 commits of others took {others:?}; told after {told:?}; settled after {settled:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_long_way_is_no_fault() {
    let site = Site::new().await;
    let proxy = Proxy::start(site.server.port()).await;
    let history = Arc::new(History::default());
    let stores: Vec<Arc<dyn EventStore>> = vec![site.store_at(proxy.port()).await];
    proxy.delay(Duration::from_millis(100));
    let load = Load::start(&stores, &history, 0, 8);
    let took = load.goes_on(80).await;
    load.end().await;
    let figures = Verdict::of(&*site.store().await, &history).await.holds("100 ms each way");
    assert_eq!((figures.unknown, figures.attempts), (0, figures.acknowledged));
    println!("100 ms each way: 80 commits of 8 writers in {took:?}");
}
