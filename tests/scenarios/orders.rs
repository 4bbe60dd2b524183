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

#[value]
#[derive(Copy, Default)]
pub enum Status {
    #[default]
    Placed,
    Paid,
    Shipped,
}

#[aggregate(id = u32)]
pub struct Order {
    pub email: String,
    pub status: Status,
}

#[applier]
impl Order {
    fn placed(e: &OrderPlaced) -> Self {
        Self { email: e.email.clone(), status: Status::Placed }
    }
    fn paid(&mut self, _: &OrderPaid) {
        self.status = Status::Paid;
    }
    fn shipped(&mut self, _: &OrderShipped) {
        self.status = Status::Shipped;
    }
}

#[command_handler]
impl Order {
    fn place(command: PlaceOrder) -> OrderPlaced {
        OrderPlaced { email: command.email }
    }
    fn pay(&self, _: PayOrder) -> Option<OrderPaid> {
        (self.status == Status::Placed).then_some(OrderPaid)
    }
    fn ship(&self, command: ShipOrder) -> Result<OrderShipped, OrderError> {
        match self.status {
            Status::Placed => Err(OrderError::NotPaid),
            Status::Paid => Ok(OrderShipped { tracking: command.tracking }),
            Status::Shipped => Err(OrderError::AlreadyShipped),
        }
    }
}

/// Where each order stands.
#[projection(key = u32)]
pub struct OrderBoard {
    status: Status,
}

#[projection]
impl OrderBoard {
    fn placed(&mut self, _: &OrderPlaced) {
        self.status = Status::Placed;
    }
    fn paid(&mut self, _: &OrderPaid) {
        self.status = Status::Paid;
    }
    fn shipped(&mut self, _: &OrderShipped) {
        self.status = Status::Shipped;
    }
}

async fn app(store: impl EventStore, clock: &VirtualClock) -> App {
    let builder = App::builder(store).aggregate::<Order>().projection::<OrderBoard>();
    builder.clock(clock.clone()).build().await.unwrap()
}

pub fn place(order: u32) -> PlaceOrder {
    PlaceOrder { order, email: "a@b.c".into() }
}
pub fn ship(order: u32) -> ShipOrder {
    ShipOrder { order, tracking: "T1".into() }
}

/// Order 1: placed on the 30th, paid in the last second of Halloween, shipped at midnight.
async fn shipped_after_halloween(store: impl EventStore) -> App {
    let clock = VirtualClock::at(time("2017-10-30T10:00:00Z"));
    let app = app(store, &clock).await;
    app.execute(place(1)).await.unwrap();
    clock.set(time("2017-10-31T23:59:59Z"));
    app.execute(PayOrder { order: 1 }).await.unwrap();
    clock.set(time("2017-11-01T00:00:00Z"));
    app.execute(ship(1)).await.unwrap();
    app
}

async fn seen_at(app: &App, moment: &str) -> Option<(Status, u64)> {
    let order = app.load_as_of::<Order>(&1, AsOf::Time(time(moment))).await.unwrap()?;
    Some((order.status, order.version()))
}

on_every_store! {
    ac_13_on_halloween_the_order_was_paid,
    ac_13_the_moment_itself_counts,
    ac_13_before_the_first_event_there_is_no_order,
    ac_13_the_board_can_be_seen_as_it_was,
    ac_16_an_order_is_shipped_once,
}

async fn ac_13_on_halloween_the_order_was_paid(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-10-31T23:59:59.999Z").await, Some((Status::Paid, 2)));
}

async fn ac_13_the_moment_itself_counts(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-11-01T00:00:00Z").await, Some((Status::Shipped, 3)));
}

async fn ac_13_before_the_first_event_there_is_no_order(store: impl EventStore) {
    let app = shipped_after_halloween(store).await;
    assert_eq!(seen_at(&app, "2017-10-30T09:59:59.999999Z").await, None);
}

async fn ac_13_the_board_can_be_seen_as_it_was(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(time("2017-10-31T12:00:00Z"));
    shipped_after_halloween(store.clone()).await;
    let app = app(store, &clock).await;
    app.execute(place(2)).await.unwrap();
    clock.set(time("2017-11-01T00:00:00Z"));
    app.execute(place(3)).await.unwrap();
    clock.set(time("2017-11-02T00:00:00Z"));
    app.execute(PayOrder { order: 2 }).await.unwrap();
    app.drain().await.unwrap();
    let live = app.documents::<OrderBoard>().await.unwrap();

    let (placed, paid, shipped) = (Status::Placed, Status::Paid, Status::Shipped);
    assert_eq!(board_at(&app, "2017-10-31T23:59:59.999Z").await, [(1, paid), (2, placed)]);
    assert_eq!(board_at(&app, "2017-11-01T00:00:00Z").await, [(1, shipped), (2, placed), (3, placed)]);
    assert_eq!(board_at(&app, "2017-10-30T09:59:59.999999Z").await, []);
    let now = |status| OrderBoard { status };
    assert_eq!(app.documents::<OrderBoard>().await.unwrap(), live);
    assert_eq!(live, [(1, now(shipped)), (2, now(paid)), (3, now(placed))]);
}

async fn board_at(app: &App, moment: &str) -> Vec<(u32, Status)> {
    let copy = app.rebuild_until("order_board", time(moment)).await.unwrap();
    let board = copy.documents::<OrderBoard>().await.unwrap();
    copy.discard().await.unwrap();
    board.into_iter().map(|(order, seen)| (order, seen.status)).collect()
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
