//! Orders that are placed, paid and shipped, and what they looked like on Halloween.

use crate::kit::{recorded, time};
use es_core::prelude::*;
use es_testing::prelude::*;

#[event]
pub struct OrderPlaced {
    pub email: String,
}
#[event]
pub struct OrderPaid;
#[event]
pub struct OrderShipped {
    pub tracking: String,
}

#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: u32,
    pub email: String,
}
#[command(Order)]
pub struct PayOrder {
    #[id]
    pub order: u32,
}
#[command(Order)]
pub struct ShipOrder {
    #[id]
    pub order: u32,
    pub tracking: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("the order is not paid yet")]
    NotPaid,
    #[error("the order was shipped already")]
    AlreadyShipped,
}

#[aggregate(id = u32)]
pub enum Order {
    Placed,
    Paid,
    Shipped,
}

#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self::Placed
    }
    fn paid(&mut self, _: &OrderPaid) {
        *self = Self::Paid;
    }
    fn shipped(&mut self, _: &OrderShipped) {
        *self = Self::Shipped;
    }
}

#[command_handler]
impl Order {
    fn place(command: PlaceOrder) -> OrderPlaced {
        OrderPlaced { email: command.email }
    }
    fn pay(&self, _: PayOrder) -> Option<OrderPaid> {
        (*self == Self::Placed).then_some(OrderPaid)
    }
    fn ship(&self, command: ShipOrder) -> Result<OrderShipped, OrderError> {
        match self {
            Self::Placed => Err(OrderError::NotPaid),
            Self::Paid => Ok(OrderShipped { tracking: command.tracking }),
            Self::Shipped => Err(OrderError::AlreadyShipped),
        }
    }
}

async fn app(store: impl EventStore, clock: &VirtualClock) -> App {
    App::builder(store).aggregate::<Order>().clock(clock.clone()).build().await.unwrap()
}

/// Order 1: placed on the 30th, paid in the last second of Halloween, shipped at midnight.
async fn shipped_after_halloween(store: impl EventStore) -> App {
    let clock = VirtualClock::at(time("2017-10-30T10:00:00Z"));
    let app = app(store, &clock).await;
    app.execute(PlaceOrder { order: 1, email: "a@b.c".into() }).await.unwrap();
    clock.set(time("2017-10-31T23:59:59Z"));
    app.execute(PayOrder { order: 1 }).await.unwrap();
    clock.set(time("2017-11-01T00:00:00Z"));
    app.execute(ship(1)).await.unwrap();
    app
}

fn ship(order: u32) -> ShipOrder {
    ShipOrder { order, tracking: "T1".into() }
}

async fn seen_at(app: &App, moment: &str) -> Option<(Order, u64)> {
    let order = app.load_as_of::<Order>(&1, AsOf::Time(time(moment))).await.unwrap()?;
    Some((Order::clone(&order), order.version()))
}

on_every_store! {
    ac_13_on_halloween_the_order_was_paid,
    ac_13_the_moment_itself_counts,
    ac_13_before_the_first_event_there_is_no_order,
    ac_16_an_order_is_shipped_once,
}

async fn ac_13_on_halloween_the_order_was_paid(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-10-31T23:59:59.999Z").await, Some((Order::Paid, 2)));
}

async fn ac_13_the_moment_itself_counts(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-11-01T00:00:00Z").await, Some((Order::Shipped, 3)));
}

async fn ac_13_before_the_first_event_there_is_no_order(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-10-30T09:59:59.999999Z").await, None);
}

async fn ac_16_an_order_is_shipped_once(store: impl EventStore + Clone) {
    let app = shipped_after_halloween(store.clone()).await;
    let again = app.execute(ship(1)).await.unwrap_err();
    assert!(matches!(again, CommandError::Rejected(OrderError::AlreadyShipped)), "{again}");
    assert_eq!(recorded(&store).await, 3);
}

#[test]
fn what_is_not_paid_is_not_shipped() {
    given(OrderPlaced { email: "a@b.c".into() }).when(ship(9)).then_error(OrderError::NotPaid);
}
