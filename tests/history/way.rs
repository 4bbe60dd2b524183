//! Writers whose way to their server is cut, dammed up, or long.

use super::{Answer, History, Load, Verdict, Writer, commit_of, settled};
use crate::server::process::{BOUND, until};
use crate::server::proxy::{Cut, Proxy};
use es_core::store::{AppendError, EventStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// By how much a busy machine may be late.
const SLACK: Duration = Duration::from_secs(30);

/// Cuts the way of those who write so many times, in each manner. What was sent is stored once.
pub async fn cut(proxy: &Proxy, far: &[Arc<dyn EventStore>], near: &dyn EventStore, cuts: u32) {
    let history = Arc::new(History::default());
    let load = Load::start(far, &history, 0, 6);
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
    Verdict::of(near, &history).await.holds(&format!("connections cut {cuts} times"));
    let repeated = history
        .attempts()
        .into_iter()
        .filter(|attempt| matches!(attempt.answered, Some((_, Answer::Stored { duplicate: true, .. }))));
    println!("connections cut: {} of what was sent again was stored already", repeated.count());
}

/// Dams up the way of some. They are told so when the store has tried for as long as it does, `deadline`; until
/// then they hold up nobody else, and what they sent can be settled when the way is open.
pub async fn dammed_up(proxy: &Proxy, far: &Arc<dyn EventStore>, near: &dyn EventStore, deadline: Duration) {
    let history = Arc::new(History::default());
    let one = |number, n| commit_of(Writer { run: 0, number }, n);
    let others = 0..4;
    history.append(&**far, 0, one(9, 0)).await.unwrap();
    proxy.dam(true);
    let began = Instant::now();
    let mut sending = JoinSet::new();
    for number in others.clone() {
        let (far, history) = (far.clone(), history.clone());
        sending.spawn(async move { history.append(&*far, 0, one(number, 0)).await });
    }
    for n in 0..20 {
        history.append(near, 0, one(8, n)).await.unwrap();
    }
    let stored = began.elapsed();
    let answers = timeout(deadline + SLACK, sending.join_all()).await.expect("they are told in time");
    let told = began.elapsed();
    for answer in answers {
        let is_told = matches!(answer, Err(AppendError::Ambiguous { .. } | AppendError::Unavailable { .. }));
        assert!(is_told, "{answer:?}");
    }
    proxy.dam(false);
    for number in others {
        settled(&**far, &history, 0, one(number, 0), BOUND).await.unwrap();
    }
    let settled = began.elapsed();
    Verdict::of(near, &history).await.holds("a connection dammed up");
    println!(
        "dammed up: 20 commits of others took {stored:?}; told after {told:?}; settled after {settled:?}"
    );
}

/// Makes the way of those who write 200 ms long, there and back, and loses a part of what is sent. That is no
/// fault: they wait, and nothing is sent twice.
pub async fn long(proxy: &Proxy, far: &[Arc<dyn EventStore>], near: &dyn EventStore, commits: usize) {
    let history = Arc::new(History::default());
    proxy.delay(Duration::from_millis(100));
    proxy.lose(50, Duration::from_millis(300));
    let load = Load::start(far, &history, 0, 8);
    let took = load.goes_on(commits).await;
    load.end().await;
    let figures = Verdict::of(near, &history).await.holds("a long way");
    assert_eq!((figures.unknown, figures.attempts), (0, figures.acknowledged));
    println!("100 ms each way, some of it lost: {commits} commits of 8 writers in {took:?}");
}
