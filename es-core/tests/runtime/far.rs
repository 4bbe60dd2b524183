//! A store that is far away: slow, out of reach for a time, and not to be relied on for its hints.

use crate::kit::*;
use crate::shop::*;
use es_core::prelude::*;
use es_core::store::*;
use es_core::{FollowerState, StopError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A store over a line that is as the case says.
#[derive(Clone)]
struct Far {
    store: MemoryStore,
    line: Line,
    counted: Arc<Counted>,
}

#[derive(Clone, Copy, Default)]
struct Line {
    /// How long it takes until a lease is taken or renewed.
    leases: Duration,
    /// Since when, and for how long, what follows the log hears of errors only.
    away: Option<(Instant, Duration)>,
    /// The same for the renewing of leases alone.
    unrenewed: Option<(Instant, Duration)>,
    hints: Hints,
    /// Whether no page of the log arrives.
    holds_pages: bool,
}

#[derive(Clone, Copy, Default)]
enum Hints {
    #[default]
    Right,
    /// Each comes at once, whether anything has grown or not, up to a number that no follower should come to.
    AtOnce,
    Never,
}

const MANY: usize = 1_000;

#[derive(Default)]
struct Counted {
    acquires: AtomicUsize,
    pages: AtomicUsize,
    hints: AtomicUsize,
}

fn is_in(window: Option<(Instant, Duration)>) -> bool {
    let now = Instant::now();
    window.is_some_and(|(since, long)| now >= since && now - since < long)
}

impl Far {
    fn over(line: Line) -> Self {
        Self { store: MemoryStore::new(), line, counted: Arc::default() }
    }

    async fn app(&self) -> App {
        App::builder(self.clone()).aggregate::<Cart>().reactor::<Offer>().build().await.unwrap()
    }

    fn acquires(&self) -> usize {
        self.counted.acquires.load(Ordering::Relaxed)
    }

    fn pages(&self) -> usize {
        self.counted.pages.load(Ordering::Relaxed)
    }

    async fn answer<T, E>(
        &self,
        call: StoreFuture<'_, Result<T, E>>,
        fails: impl FnOnce(BoxError) -> E,
    ) -> Result<T, E> {
        if is_in(self.line.away) { Err(fails("nobody is there".into())) } else { call.await }
    }
}

impl EventStore for Far {
    es_core::__forward!(store: append, read_stream, find_event, head, close_stream, truncate_stream, redact_event);
    es_core::__forward!(store: load_snapshot, save_snapshot, register, processors, release);
    es_core::__forward!(store: documents, list_documents, forget);

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        self.counted.pages.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if self.line.holds_pages {
                std::future::pending::<()>().await;
            }
            self.answer(self.store.read_log(after, filter, limit), ReadError::Unavailable).await
        })
    }
    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        match self.line.hints {
            Hints::Right => self.store.wait(after, max),
            Hints::AtOnce if self.counted.hints.fetch_add(1, Ordering::Relaxed) < MANY => {
                Box::pin(tokio::task::yield_now())
            }
            Hints::AtOnce | Hints::Never => Box::pin(std::future::pending()),
        }
    }
    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        self.counted.acquires.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            sleep(self.line.leases).await;
            self.answer(self.store.acquire(processor, owner, ttl), ReadError::Unavailable).await
        })
    }
    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move {
            sleep(self.line.leases).await;
            if is_in(self.line.unrenewed) {
                return Err(AdvanceError::Unavailable("nobody is there".into()));
            }
            self.answer(self.store.renew(lease, ttl), AdvanceError::Unavailable).await
        })
    }
    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move { self.answer(self.store.advance(advance), AdvanceError::Unavailable).await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_kept_though_each_call_takes_seconds() {
    let store = Far::over(Line { leases: Duration::from_secs(3), ..Line::default() });
    let app = store.app().await;
    let built = store.acquires();
    let running = app.start().await.unwrap();
    sleep(LEASE * 6).await;
    assert_eq!((store.acquires() - built, running.status()[0].state.clone()), (1, FollowerState::Following));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_while_the_lease_is_certain() {
    let unrenewed = Some((Instant::now() + Duration::from_secs(3), Duration::from_millis(4_500)));
    let store = Far::over(Line { leases: Duration::from_millis(10), unrenewed, ..Line::default() });
    let app = store.app().await;
    let built = store.acquires();
    let running = app.start().await.unwrap();
    sleep(LEASE * 3).await;
    assert_eq!((store.acquires() - built, running.status()[0].state.clone()), (1, FollowerState::Following));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_minutes_is_waited_out_with_few_calls() {
    let outage = (Instant::now() + Duration::from_secs(5), Duration::from_mins(10));
    let store = Far::over(Line { away: Some(outage), ..Line::default() });
    let app = store.app().await;
    let running = app.start().await.unwrap();
    app.execute(add("1", "book")).await.unwrap();
    sleep(LEASE).await;
    let begun = (store.pages(), store.acquires());
    assert!(matches!(running.status()[0].state, FollowerState::Unavailable(_)), "{running:?}");

    let done = app.execute(add("1", "lamp")).await.unwrap();
    app.wait_for("offer", done.position).await.unwrap();
    let end = outage.0 + outage.1;
    assert!((end..end + LEASE * 2).contains(&Instant::now()), "it goes on soon after the outage, by itself");
    let calls = (store.pages() - begun.0) + (store.acquires() - begun.1);
    assert!(calls < 400, "{calls} calls in ten minutes");
    assert_eq!(count(&store, "cart-1", "PromotionOffered").await, 1);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hints_that_are_wrong_are_heeded_ever_less() {
    let store = Far::over(Line { hints: Hints::AtOnce, ..Line::default() });
    let app = store.app().await;
    let running = app.start().await.unwrap();
    sleep(LEASE).await;
    let pages = store.pages();
    assert!(pages < MANY / 10, "{pages} looks in ten seconds");
    let done = app.execute(add("1", "book")).await.unwrap();
    app.wait_for("offer", done.position).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_never_comes_is_not_waited_for() {
    let store = Far::over(Line { hints: Hints::Never, ..Line::default() });
    let app = store.app().await;
    let running = app.start().await.unwrap();
    app.drain().await.unwrap();
    let done = app.execute(add("1", "book")).await.unwrap();
    let followed = timeout(Duration::from_mins(1), app.wait_for("offer", done.position)).await;
    followed.expect("it looks by itself").unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_does_not_hold_a_stop() {
    let store = Far::over(Line { holds_pages: true, ..Line::default() });
    let running = store.app().await.start().await.unwrap();
    while store.pages() == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = timeout(Duration::from_mins(1), running.stop()).await.expect("it is not held");
    let late = stopped.unwrap_err();
    assert!(matches!(&late, StopError::Late { names } if *names == ["offer"]), "{late}");
}
