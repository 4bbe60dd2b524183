//! Orders that take products from the stock: two aggregates, one commit.

use crate::kit::recorded;
use es_core::prelude::*;
use std::collections::BTreeSet;
use std::fmt;

#[event]
pub struct StockReceived {
    pub quantity: u32,
}
#[event]
pub struct StockReserved {
    pub quantity: u32,
}
#[event]
pub struct StockShipped {
    pub quantity: u32,
}
#[event]
pub struct OrderPlaced {
    pub customer: String,
    pub product: String,
    pub quantity: u32,
}
#[event]
pub struct OrderConfirmed;
#[event]
pub struct OrderShipped {
    pub tracking: String,
}

#[command(Product)]
pub struct ReceiveStock {
    #[id]
    pub product: String,
    pub quantity: u32,
}
#[command(Product)]
pub struct ReserveStock {
    #[id]
    pub product: String,
    pub quantity: u32,
}
#[command(Product)]
pub struct ShipStock {
    #[id]
    pub product: String,
    pub quantity: u32,
}
#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: String,
    pub customer: String,
    pub product: String,
    pub quantity: u32,
}
#[command(Order)]
pub struct ConfirmOrder {
    #[id]
    pub order: String,
}
#[command(Order)]
pub struct ShipOrder {
    #[id]
    pub order: String,
    pub tracking: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{available} of {wanted} are available")]
pub struct InsufficientStock {
    available: u32,
    wanted: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("cannot {step} order in \"{status}\" state")]
pub struct WrongStatus {
    step: &'static str,
    status: Status,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Product {
    available: u32,
    reserved: u32,
    shipped: u32,
}

#[applier]
impl Product {
    fn received(&mut self, e: &StockReceived) {
        self.available += e.quantity;
    }
    fn reserved(&mut self, e: &StockReserved) {
        self.available -= e.quantity;
        self.reserved += e.quantity;
    }
    fn shipped(&mut self, e: &StockShipped) {
        self.reserved -= e.quantity;
        self.shipped += e.quantity;
    }
}

#[command_handler]
impl Product {
    fn receive(&self, command: ReceiveStock) -> StockReceived {
        StockReceived { quantity: command.quantity }
    }
    fn reserve(&self, command: ReserveStock) -> Result<StockReserved, InsufficientStock> {
        let (available, wanted) = (self.available, command.quantity);
        if wanted > available {
            return Err(InsufficientStock { available, wanted });
        }
        Ok(StockReserved { quantity: wanted })
    }
    fn ship(&self, command: ShipStock) -> Result<StockShipped, InsufficientStock> {
        let (available, wanted) = (self.reserved, command.quantity);
        if wanted > available {
            return Err(InsufficientStock { available, wanted });
        }
        Ok(StockShipped { quantity: wanted })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Placed,
    Confirmed,
    Shipped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placed => "placed",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
        })
    }
}

#[aggregate(id = String)]
pub struct Order {
    status: Status,
    quantity: u32,
    tracking: Option<String>,
}

#[applier]
impl Order {
    fn placed(e: &OrderPlaced) -> Self {
        Self { status: Status::Placed, quantity: e.quantity, tracking: None }
    }
    fn confirmed(&mut self, _: &OrderConfirmed) {
        self.status = Status::Confirmed;
    }
    fn shipped(&mut self, e: &OrderShipped) {
        self.status = Status::Shipped;
        self.tracking = Some(e.tracking.clone());
    }
}

#[command_handler]
impl Order {
    fn place(command: PlaceOrder) -> OrderPlaced {
        let PlaceOrder { customer, product, quantity, .. } = command;
        OrderPlaced { customer, product, quantity }
    }
    fn confirm(&self, _: ConfirmOrder) -> Result<OrderConfirmed, WrongStatus> {
        self.expect(Status::Placed, "confirm")?;
        Ok(OrderConfirmed)
    }
    fn ship(&self, command: ShipOrder) -> Result<OrderShipped, WrongStatus> {
        self.expect(Status::Confirmed, "ship")?;
        Ok(OrderShipped { tracking: command.tracking })
    }
}

impl Order {
    fn expect(&self, status: Status, step: &'static str) -> Result<(), WrongStatus> {
        if self.status == status { Ok(()) } else { Err(WrongStatus { step, status: self.status }) }
    }
}

/// A status, as what orders are found by.
#[aggregate_id]
pub struct InStatus(String);

impl InStatus {
    fn of(status: Status) -> Self {
        Self(status.to_string())
    }
    /// The one that is left and the one that is entered.
    fn step(from: Status, to: Status) -> Vec<Self> {
        vec![Self::of(from), Self::of(to)]
    }
}

/// The orders in each status. An order that goes on is taken out of one and put into another.
#[projection(key = InStatus)]
pub struct OrdersByStatus {
    orders: BTreeSet<String>,
}

#[projection]
impl OrdersByStatus {
    #[key(InStatus::of(Status::Placed))]
    fn placed(&mut self, _: &OrderPlaced, order: &String) {
        self.toggle(order);
    }
    #[key(InStatus::step(Status::Placed, Status::Confirmed))]
    fn confirmed(&mut self, _: &OrderConfirmed, order: &String) {
        self.toggle(order);
    }
    #[key(InStatus::step(Status::Confirmed, Status::Shipped))]
    fn shipped(&mut self, _: &OrderShipped, order: &String) {
        self.toggle(order);
    }
}

impl OrdersByStatus {
    fn toggle(&mut self, order: &String) {
        if !self.orders.remove(order) {
            self.orders.insert(order.clone());
        }
    }
}

/// How many orders carry a tag, as in `customer:CUS-42`.
#[projection(key = String)]
pub struct OrdersByTag {
    orders: u32,
}

#[projection]
impl OrdersByTag {
    #[key(format!("customer:{}", e.customer))]
    fn placed(&mut self, e: &OrderPlaced) {
        self.orders += 1;
    }
}

const MUG: &str = "SKU-RED-MUG";

async fn till(store: impl EventStore) -> App {
    App::builder(store)
        .aggregate::<Product>()
        .aggregate::<Order>()
        .projection::<OrdersByStatus>()
        .projection::<OrdersByTag>()
        .build()
        .await
        .unwrap()
}

/// A shop with ten red mugs and one till.
async fn shop(store: impl EventStore) -> App {
    let app = till(store).await;
    app.execute(ReceiveStock { product: MUG.into(), quantity: 10 }).await.unwrap();
    app
}

fn place(order: &str, quantity: u32) -> (ReserveStock, PlaceOrder) {
    let reserve = ReserveStock { product: MUG.into(), quantity };
    (reserve, PlaceOrder { order: order.into(), customer: "CUS-42".into(), product: MUG.into(), quantity })
}
fn confirm() -> ConfirmOrder {
    ConfirmOrder { order: "ORD-1001".into() }
}
fn ship() -> (ShipStock, ShipOrder) {
    let stock = ShipStock { product: MUG.into(), quantity: 3 };
    (stock, ShipOrder { order: "ORD-1001".into(), tracking: "TRACK-9000".into() })
}
async fn stock(app: &App) -> Product {
    Product::clone(&*app.load(&MUG.into()).await.unwrap().unwrap())
}

fn insufficient(refused: &CommandError<DomainError>) -> Option<&InsufficientStock> {
    let CommandError::Rejected(error) = refused else { return None };
    error.downcast_ref()
}

on_every_store! {
    ac_54_an_order_and_its_stock_change_together,
    ac_54_without_stock_there_is_no_order,
    ac_54_two_tills_do_not_sell_the_same_mug,
    ac_54_an_order_that_exists_reserves_nothing,
    ac_54_an_order_is_confirmed_once,
    ac_54_orders_are_found_by_status_and_by_tag,
}

async fn ac_54_an_order_and_its_stock_change_together(store: impl EventStore) {
    let app = shop(store).await;
    app.execute_all(place("ORD-1001", 3)).await.unwrap();
    app.execute(confirm()).await.unwrap();
    let (_, shipped) = app.execute_all(ship()).await.unwrap();

    let order = Order { status: Status::Shipped, quantity: 3, tracking: Some("TRACK-9000".into()) };
    assert_eq!((shipped.version, &*shipped.state.unwrap()), (3, &order));
    assert_eq!(stock(&app).await, Product { available: 7, reserved: 0, shipped: 3 });
}

async fn ac_54_without_stock_there_is_no_order(store: impl EventStore + Clone) {
    let app = shop(store.clone()).await;
    let refused = app.execute_all(place("ORD-1001", 11)).await.unwrap_err();
    assert_eq!(insufficient(&refused), Some(&InsufficientStock { available: 10, wanted: 11 }));
    assert_eq!(recorded(&store).await, 1);
}

async fn ac_54_two_tills_do_not_sell_the_same_mug(store: impl EventStore + Clone) {
    let one = shop(store.clone()).await;
    let other = till(store.clone()).await;
    assert_eq!(stock(&other).await.available, 10); // and that it remembers
    one.execute_all(place("ORD-1001", 8)).await.unwrap();
    let refused = other.execute_all(place("ORD-1002", 3)).await.unwrap_err();
    assert_eq!(insufficient(&refused), Some(&InsufficientStock { available: 2, wanted: 3 }));
    let (reserved, _) = other.execute_all(place("ORD-1002", 2)).await.unwrap();
    assert_eq!(reserved.state.unwrap().available, 0);
}

async fn ac_54_an_order_that_exists_reserves_nothing(store: impl EventStore) {
    let app = shop(store).await;
    app.execute_all(place("ORD-1001", 3)).await.unwrap();
    let again = app.execute_all(place("ORD-1001", 3)).await.unwrap_err();
    assert!(
        matches!(&again, CommandError::AlreadyExists { stream } if stream.as_str() == "order-ORD-1001"),
        "{again}"
    );
    assert_eq!(stock(&app).await, Product { available: 7, reserved: 3, shipped: 0 });
}

async fn ac_54_an_order_is_confirmed_once(store: impl EventStore) {
    let app = shop(store).await;
    app.execute_all(place("ORD-1001", 3)).await.unwrap();
    app.execute(confirm()).await.unwrap();
    let again = app.execute(confirm()).await.unwrap_err();
    assert_eq!(again.to_string(), "cannot confirm order in \"confirmed\" state");
}

async fn ac_54_orders_are_found_by_status_and_by_tag(store: impl EventStore) {
    let app = shop(store).await;
    app.execute_all(place("ORD-1001", 3)).await.unwrap();
    assert_eq!(orders_in_each_status(&app).await, [1, 0, 0]);
    app.execute_all(place("ORD-1002", 1)).await.unwrap();
    app.execute(confirm()).await.unwrap();
    assert_eq!(orders_in_each_status(&app).await, [1, 1, 0]);
    app.execute_all(ship()).await.unwrap();
    assert_eq!(orders_in_each_status(&app).await, [1, 0, 1]);
    let shipped = app.document::<OrdersByStatus>(&InStatus::of(Status::Shipped)).await.unwrap().unwrap();
    assert_eq!(shipped.orders, BTreeSet::from(["ORD-1001".to_owned()]));

    // What was refused has left nothing.
    app.execute_all(place("ORD-1003", 11)).await.unwrap_err();
    assert_eq!(orders_in_each_status(&app).await, [1, 0, 1]);
    let tagged = app.documents::<OrdersByTag>().await.unwrap();
    assert_eq!(tagged, [("customer:CUS-42".to_owned(), OrdersByTag { orders: 2 })]);
}

/// How many orders are placed, confirmed, and shipped.
async fn orders_in_each_status(app: &App) -> [usize; 3] {
    app.drain().await.unwrap();
    let mut found = [0; 3];
    for (found, status) in found.iter_mut().zip([Status::Placed, Status::Confirmed, Status::Shipped]) {
        let orders = app.document::<OrdersByStatus>(&InStatus::of(status)).await.unwrap();
        *found = orders.map_or(0, |found| found.orders.len());
    }
    found
}
