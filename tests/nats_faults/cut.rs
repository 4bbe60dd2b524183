//! Connections that are cut or dammed up.

use super::site::Site;
use es_core::store::{AppendError, Commit, EventStore, NatsOptions, NatsStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{Answer, History, Load, Verdict, Writer, commit_of, settled};
use tests::server::process::{BOUND, often, until};
use tests::server::proxy::{Cut, Proxy};
use tokio::time::{Instant, timeout};

/// How long a store goes on trying.
const DEADLINE: Duration = Duration::from_secs(5);

/// By how much a busy machine may be late.
const SLACK: Duration = Duration::from_secs(2);

async fn behind(proxy: &Proxy) -> Arc<NatsStore> {
    let options = NatsOptions::new().deadline(DEADLINE);
    Arc::new(NatsStore::connect_with(&format!("nats://127.0.0.1:{}", proxy.port()), options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_whose_connection_is_cut_is_stored_once() {
    let cuts = often(24, 1_000);
    let site = Site::single().await;
    let proxy = Proxy::start(site.servers.port(0)).await;
    let history = Arc::new(History::default());
    let stores: Vec<Arc<dyn EventStore>> = vec![behind(&proxy).await, behind(&proxy).await];
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
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_dammed_up_connection_is_told_of_and_holds_up_nobody_else() {
    let site = Site::single().await;
    let proxy = Proxy::start(site.servers.port(0)).await;
    let (near, far) = (site.store().await, behind(&proxy).await);
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
    let answer = timeout(BOUND, sending).await.expect("it is answered").unwrap();
    let told = began.elapsed();
    let is_told = matches!(answer, Err(AppendError::Ambiguous { .. } | AppendError::Unavailable { .. }));
    assert!(is_told, "{answer:?}");
    assert!(told < DEADLINE + SLACK, "it was told after {told:?}");
    proxy.dam(false);
    settled(&*far, &history, 0, one(0, 1), BOUND).await.unwrap();
    Verdict::of(&*near, &history).await.holds("a connection dammed up");
    println!("dammed up: told after {told:?}; settled after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_commit_that_was_sent_once_is_no_duplicate_though_its_answer_is_lost() {
    let site = Site::single().await;
    let proxy = Proxy::start(site.servers.port(0)).await;
    let far = behind(&proxy).await;
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
