//! Parked work of an inline reactor that is passed over while commits go on.

use crate::kit::*;
use crate::two_timers::*;
use es_core::prelude::*;
use es_core::store::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts openings, and sets a timer that is refused; inline.
#[reactor(key = String, inline)]
pub struct Nightly {
    opened: u32,
}

#[reactor]
impl Nightly {
    fn opened(&mut self, _: &Opened, till: &String) -> Timer<Refund> {
        self.opened += 1;
        Timer::after(Duration::from_hours(1), Refund { till: till.clone() }).named("a")
    }
}

/// A store in which an app opens the till just before the next write of what a reactor keeps.
#[derive(Clone)]
struct Between {
    store: MemoryStore,
    app: Arc<Mutex<Option<App>>>,
}

impl EventStore for Between {
    es_core::__forward!(store: append, read_stream, read_log, find_event, head, wait, close_stream,
        truncate_stream, redact_event, load_snapshot, save_snapshot, register, processors, acquire, renew,
        release, documents, list_documents, forget);

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let is_kept = |write: &DocumentWrite| write.collection.ends_with("/keys");
        let app = advance.writes.iter().any(is_kept).then(|| self.app.lock().unwrap().take()).flatten();
        Box::pin(async move {
            if let Some(app) = app {
                app.execute(Open { till: "1".into() }).await.expect("it is opened");
            }
            self.store.advance(advance).await
        })
    }
}

async fn app(store: impl EventStore, clock: &HandClock) -> App {
    let builder = App::builder(store).clock(clock.clone()).aggregate::<Till>();
    builder.reactor::<Nightly>().build().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_commit_while_a_timer_is_skipped_is_no_outage() {
    let (memory, clock) = (MemoryStore::new(), HandClock::new());
    let store = Between { store: memory.clone(), app: Arc::default() };
    let (follows, commits) = (app(store.clone(), &clock).await, app(memory, &clock).await);
    evening(&follows, &clock).await;
    let parked = follows.parked("nightly").await.unwrap();
    parked.skip(&parked[0].id).await.unwrap();
    *store.app.lock().unwrap() = Some(commits);
    follows.drain().await.unwrap();
    assert!(store.app.lock().unwrap().is_none());
    assert_eq!(follows.parked("nightly").await.unwrap().len(), 0);
}
