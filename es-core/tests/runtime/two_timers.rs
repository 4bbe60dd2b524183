//! Timers of one key that fail one after the other.

use crate::kit::*;
use es_core::prelude::*;
use es_core::store::{EventStore, MemoryStore};
use std::time::Duration;

#[event]
pub struct Opened;
#[event]
pub struct Reported;

#[command(Till)]
pub struct Open {
    #[id]
    pub till: String,
}
#[command(Till)]
pub struct Report {
    #[id]
    pub till: String,
}
#[command(Till)]
pub struct Refund {
    #[id]
    pub till: String,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Till;

#[derive(thiserror::Error)]
#[error("it is empty")]
#[value]
pub struct Empty;

#[applier]
impl Till {
    fn opened(&mut self, _: &Opened) {}
    fn reported(&mut self, _: &Reported) {}
}

#[command_handler]
impl Till {
    fn open(&self, _: Open) -> Opened {
        Opened
    }
    fn report(&self, _: Report) -> Reported {
        Reported
    }
    fn refund(&self, _: Refund) -> Result<Reported, Empty> {
        Err(Empty)
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn refund(till: &str, name: &'static str) -> Timer<Refund> {
    Timer::after(HOUR, Refund { till: till.to_owned() }).named(name)
}

/// Two timers at one time, the first of them refused.
#[reactor(key = String, from = start)]
pub struct Evening {
    opened: u32,
}

#[reactor]
impl Evening {
    fn opened(&mut self, _: &Opened, till: &String) -> (Timer<Refund>, Timer<Report>) {
        self.opened += 1;
        (refund(till, "a"), Timer::after(HOUR, Report { till: till.clone() }).named("b"))
    }
}

/// Two timers at one time, both of them refused.
#[reactor(from = start)]
pub struct Refunds;

#[reactor]
impl Refunds {
    fn opened(&self, _: &Opened, till: &String) -> (Timer<Refund>, Timer<Refund>) {
        (refund(till, "a"), refund(till, "b"))
    }
}

macro_rules! later {
    ($ty:ident, $version:literal) => {
        #[reactor(name = "later", from = start, version = $version)]
        pub struct $ty;

        #[reactor]
        impl $ty {
            fn opened(&self, _: &Opened, till: &String) -> Timer<Refund> {
                refund(till, "a")
            }
        }
    };
}
later!(Later, 1);
later!(LaterNext, 2);

macro_rules! app {
    ($store:expr, $clock:expr, $reactor:ty) => {
        App::builder($store.clone())
            .clock($clock.clone())
            .aggregate::<Till>()
            .reactor::<$reactor>()
            .build()
            .await
    };
}

/// What is parked two hours after a till was opened.
pub async fn evening(app: &App, clock: &HandClock) {
    app.execute(Open { till: "1".into() }).await.unwrap();
    app.drain().await.unwrap();
    clock.advance(2 * HOUR);
    app.drain().await.unwrap();
}

on_fresh_stores! {
    wherever_a_process_dies_skipping_one_timer_leaves_the_other,
}

async fn wherever_a_process_dies_skipping_one_timer_leaves_the_other<S: EventStore + Clone>(
    fresh: impl AsyncFn(u64) -> S,
) {
    for done in [false, true] {
        for last in 1.. {
            let (store, clock) = (fresh(2 * last + u64::from(done)).await, HandClock::new());
            let app = app!(store, clock, Evening).unwrap();
            evening(&app, &clock).await;
            let parked = app.parked("evening").await.unwrap();
            assert_eq!(parked.len(), 1);
            parked.skip(&parked[0].id).await.unwrap();
            let dying = Dying::at(store.clone(), last, done);
            if let Ok(app) = app!(dying, clock, Evening) {
                // Whether it ends is what the next one is asked.
                let _ = app.drain().await;
            }
            app.drain().await.unwrap();
            assert_eq!(count(&store, "till-1", "Reported").await, 1, "after call {last}, done: {done}");
            assert_eq!(app.parked("evening").await.unwrap().len(), 0, "after call {last}, done: {done}");
            if !dying.died() {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_about_what_was_listed() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let app = app!(store, clock, Refunds).unwrap();
    evening(&app, &clock).await;
    let (one, another) = (app.parked("refunds").await.unwrap(), app.parked("refunds").await.unwrap());
    assert_eq!((one.len(), &*one[0].name, one[0].attempts), (1, "a", 1));
    one.skip(&one[0].id).await.unwrap();
    app.drain().await.unwrap();
    another.skip(&another[0].id).await.unwrap();
    app.drain().await.unwrap();
    let left = app.parked("refunds").await.unwrap();
    assert_eq!((left.len(), &*left[0].name, left[0].attempts), (1, "b", 1));
    left.skip(&left[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(app.parked("refunds").await.unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_the_version_before_that_was_parked_is_tried_again() {
    let (store, clock) = (MemoryStore::new(), HandClock::new());
    let app = app!(store, clock, Later).unwrap();
    app.execute(Open { till: "1".into() }).await.unwrap();
    app.drain().await.unwrap();
    let app = app!(store, clock, LaterNext).unwrap();
    clock.advance(2 * HOUR);
    app.drain().await.unwrap();
    let parked = app.parked("later").await.unwrap();
    assert_eq!((parked.len(), parked[0].position), (1, Position(0)));
    parked.retry(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    let again = app.parked("later").await.unwrap();
    assert_eq!((again.len(), again[0].retrying), (1, false));
    again.skip(&again[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(app.parked("later").await.unwrap().len(), 0);
}
