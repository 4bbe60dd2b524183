//! Orders that expire unless they are paid: the schedule is part of the commit that places the order.

use crate::kit::{recorded, stored, time};
use es_core::prelude::*;
use es_core::store::DocumentRange;
use es_testing::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(30);

#[event(name = "order.placed")]
pub struct OrderPlaced {}
#[event(name = "order.extended")]
pub struct OrderExtended {}
#[event(name = "order.paid")]
pub struct OrderPaid {}
#[event(name = "order.expired")]
pub struct OrderExpired {
    pub why: String,
}

#[command(Order)]
pub struct Place {
    #[id]
    pub order: String,
}
/// Another half an hour, from now on.
#[command(Order)]
pub struct Extend {
    #[id]
    pub order: String,
}
#[command(Order)]
pub struct Pay {
    #[id]
    pub order: String,
}
#[command(Order, name = "order.expire")]
pub struct Expire {
    #[id]
    pub order: String,
    pub why: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("the order is paid")]
    Paid,
    #[error("the warehouse does not answer")]
    Silence,
}

#[aggregate(id = String)]
pub struct Order {
    paid: bool,
}

#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self { paid: false }
    }
    fn extended(&mut self, _: &OrderExtended) {}
    fn paid(&mut self, _: &OrderPaid) {
        self.paid = true;
    }
    fn expired(self, _: &OrderExpired) {}
}

#[command_handler]
impl Order {
    fn place(_: Place) -> OrderPlaced {
        OrderPlaced {}
    }
    fn extend(&self, _: Extend) -> OrderExtended {
        OrderExtended {}
    }
    fn pay(&self, _: Pay) -> OrderPaid {
        OrderPaid {}
    }
    /// The warehouse takes back what was set aside. It is asked by the timer, not by the commit that set it.
    #[retry(max = 0)]
    fn expire(&self, command: Expire, warehouse: &Warehouse) -> Result<OrderExpired, OrderError> {
        if self.paid {
            Err(OrderError::Paid)
        } else if warehouse.is_silent.load(Ordering::Relaxed) {
            Err(OrderError::Silence)
        } else {
            Ok(OrderExpired { why: command.why })
        }
    }
}

/// Schedules the expiry of each order, and beside it one of another name that stays whatever becomes of the
/// order's.
#[reactor(inline)]
pub struct Expiry;

#[reactor]
impl Expiry {
    fn placed(&self, _: &OrderPlaced, order: &String) -> Timer<Expire> {
        Timer::after(PATIENCE, expire(order, "unpaid")).named("flow")
    }
    fn extended(&self, _: &OrderExtended, order: &String) -> (Timer<Expire>, Timer<Expire>) {
        let later = Timer::after(PATIENCE, expire(order, "unpaid, though extended")).named("flow");
        (later, Timer::after(24 * PATIENCE, expire(order, "forgotten")).named("flowish"))
    }
    fn paid(&self, _: &OrderPaid) -> CancelTimer {
        CancelTimer("flow")
    }
}

#[derive(Default)]
pub struct Warehouse {
    is_silent: AtomicBool,
}

fn expire(order: &str, why: &str) -> Expire {
    Expire { order: order.into(), why: why.into() }
}

fn order() -> String {
    "A1".into()
}

fn start() -> Timestamp {
    time("2024-05-01T10:00:00Z")
}

async fn app(store: impl EventStore, clock: &VirtualClock) -> App {
    app_with(store, clock, Arc::default()).await
}

async fn app_with(store: impl EventStore, clock: &VirtualClock, warehouse: Arc<Warehouse>) -> App {
    App::builder(store)
        .aggregate::<Order>()
        .reactor::<Expiry>()
        .service::<Warehouse>(warehouse)
        .clock(clock.clone())
        .build()
        .await
        .unwrap()
}

async fn names(store: &impl EventStore) -> Vec<String> {
    stored(store, &Order::stream(&order())).await.iter().map(|event| event.name.to_string()).collect()
}

/// What is scheduled, as it is stored.
async fn schedule(store: &impl EventStore) -> String {
    let range = DocumentRange { limit: 10, ..DocumentRange::default() };
    let documents = store.list_documents("expiry.r1/keys", &range).await.unwrap();
    documents.iter().map(|document| String::from_utf8_lossy(&document.body).into_owned()).collect()
}

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    ac_56_the_schedule_is_in_the_commit,
    ac_56_a_unpaid_at_the_deadline_it_expires_once,
    ac_56_b_paid_before_it_stays,
    ac_56_b_paid_late_but_before_anybody_looked_it_stays,
    ac_56_c_the_same_name_takes_the_place,
    ac_56_d_another_name_stays,
    ac_56_e_a_failure_leaves_it_active,
}

async fn ac_56_the_schedule_is_in_the_commit(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app = app(store.clone(), &clock).await;
    app.execute(Place { order: order() }).await.unwrap();
    // Nothing runs behind the app.
    assert!(
        schedule(&store).await.contains("\"due\":\"2024-05-01T10:30:00Z\""),
        "{}",
        schedule(&store).await
    );
    // A second one is refused, and leaves the schedule as it is.
    clock.advance(PATIENCE / 2);
    app.execute(Place { order: order() }).await.unwrap_err();
    assert!(schedule(&store).await.contains("\"due\":\"2024-05-01T10:30:00Z\""));
}

async fn ac_56_a_unpaid_at_the_deadline_it_expires_once(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app_then = app(store.clone(), &clock).await;
    app_then.execute(Place { order: order() }).await.unwrap();
    app_then.drain().await.unwrap();
    clock.advance(PATIENCE.saturating_sub(Duration::from_secs(1)));
    app_then.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed"]);
    clock.advance(Duration::from_secs(1));
    app_then.drain().await.unwrap();
    // Another process finds nothing left to do.
    app(store.clone(), &clock).await.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed", "order.expired"]);
    assert!(!schedule(&store).await.contains("due"), "{}", schedule(&store).await);
}

async fn ac_56_b_paid_before_it_stays(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app = app(store.clone(), &clock).await;
    app.execute(Place { order: order() }).await.unwrap();
    clock.advance(PATIENCE / 2);
    app.execute(Pay { order: order() }).await.unwrap();
    assert!(!schedule(&store).await.contains("due"), "{}", schedule(&store).await);
    clock.advance(PATIENCE);
    app.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed", "order.paid"]);
    assert!(app.parked("expiry").await.unwrap().is_empty());
}

async fn ac_56_b_paid_late_but_before_anybody_looked_it_stays(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app = app(store.clone(), &clock).await;
    app.execute(Place { order: order() }).await.unwrap();
    clock.advance(2 * PATIENCE);
    // It was due before this payment, so it wins over what the payment cancels; the order knows better.
    app.execute(Pay { order: order() }).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed", "order.paid"]);
    let parked = app.parked("expiry").await.unwrap();
    assert_eq!(parked.len(), 1);
}

/// The case has versions of a schedule, and refuses to consume an old one. Here a timer has a name and no version:
/// the same name takes the place of what was there, and that is gone, so that there is no old one to consume.
async fn ac_56_c_the_same_name_takes_the_place(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app = app(store.clone(), &clock).await;
    app.execute(Place { order: order() }).await.unwrap();
    app.drain().await.unwrap();
    clock.advance(PATIENCE / 2);
    app.execute(Extend { order: order() }).await.unwrap();
    clock.advance(PATIENCE.saturating_sub(Duration::from_secs(1)));
    app.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed", "order.extended"]);
    clock.advance(Duration::from_secs(1));
    app.drain().await.unwrap();
    let history = app.history::<Order>(&order()).await.unwrap();
    let expired = OrderExpired { why: "unpaid, though extended".into() };
    assert_eq!(history.last().unwrap().data, OrderEvent::OrderExpired(expired));
}

/// The case cancels all keys with a prefix. Here names are exact: `flow` cancels `flow`, and nothing that begins
/// with it. Whoever has several timers under one key cancels each by its name.
async fn ac_56_d_another_name_stays(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let app = app(store.clone(), &clock).await;
    app.execute(Place { order: order() }).await.unwrap();
    app.execute(Extend { order: order() }).await.unwrap();
    app.execute(Pay { order: order() }).await.unwrap();
    let left = schedule(&store).await;
    assert!(left.contains("\"flowish\"") && !left.contains("\"flow\":"), "{left}");
}

async fn ac_56_e_a_failure_leaves_it_active(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(start());
    let warehouse = Arc::new(Warehouse { is_silent: AtomicBool::new(true) });
    let app = app_with(store.clone(), &clock, warehouse.clone()).await;
    app.execute(Place { order: order() }).await.unwrap();
    clock.advance(PATIENCE);
    app.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed"]);
    let parked = app.parked("expiry").await.unwrap();
    assert_eq!((parked.len(), parked[0].name.as_str()), (1, "flow"));
    warehouse.is_silent.store(false, Ordering::Relaxed);
    parked.retry(&parked[0].id).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(names(&store).await, ["order.placed", "order.expired"]);
    assert!(app.parked("expiry").await.unwrap().is_empty());
}

at_every_place! {
    not on nats: "an app with inline reactors is not built there";
    ac_56_f_a_restart_loses_nothing
}

async fn ac_56_f_a_restart_loses_nothing(at: tests::place::Anywhere) {
    let clock = VirtualClock::at(start());
    let app_then = app(at.open().await, &clock).await;
    app_then.execute(Place { order: order() }).await.unwrap();
    drop(app_then);
    clock.advance(PATIENCE);
    let store = at.open().await;
    app(store.clone(), &clock).await.drain().await.unwrap();
    assert_eq!((names(&store).await.len(), recorded(&store).await), (2, 2));
}
