//! Orders for more than there is: they wait, and the oldest gets what comes in.

use es_core::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

#[event]
pub struct OrderReceived {
    pub sku: String,
    pub quantity: u32,
}
#[event]
pub struct ItemOutOfStock {
    pub sku: String,
}
#[event]
pub struct BackOrderCreated {
    pub sku: String,
    pub quantity: u32,
}
#[event]
pub struct BackOrderFulfilled;
#[event]
pub struct PickingStarted;
#[event]
pub struct StockReceived {
    pub quantity: u32,
}
#[event]
pub struct StockAllocated {
    pub order: u32,
    pub quantity: u32,
}

#[command(CustomerOrder)]
pub struct ReceiveOrder {
    #[id]
    pub order: u32,
    pub sku: String,
    pub quantity: u32,
}
#[command(CustomerOrder)]
pub struct BackOrder {
    #[id]
    pub order: u32,
    pub sku: String,
    pub quantity: u32,
}
#[command(CustomerOrder)]
pub struct StartPicking {
    #[id]
    pub order: u32,
}
#[command(Shelf)]
pub struct ReceiveStock {
    #[id]
    pub sku: String,
    pub quantity: u32,
}
#[command(Shelf)]
pub struct AllocateStock {
    #[id]
    pub sku: String,
    pub order: u32,
    pub quantity: u32,
}

#[value]
#[derive(Copy)]
pub enum Status {
    Received,
    BackOrdered,
    Picking,
}

#[aggregate(id = u32)]
pub struct CustomerOrder {
    status: Status,
}

#[applier]
impl CustomerOrder {
    fn received(_: &OrderReceived) -> Self {
        Self { status: Status::Received }
    }
    fn out_of_stock(&mut self, _: &ItemOutOfStock) {}
    fn back_ordered(&mut self, _: &BackOrderCreated) {
        self.status = Status::BackOrdered;
    }
    fn fulfilled(&mut self, _: &BackOrderFulfilled) {
        self.status = Status::Received;
    }
    fn picking(&mut self, _: &PickingStarted) {
        self.status = Status::Picking;
    }
}

#[command_handler]
impl CustomerOrder {
    fn receive(command: ReceiveOrder) -> OrderReceived {
        OrderReceived { sku: command.sku, quantity: command.quantity }
    }
    fn back_order(&self, command: BackOrder) -> (ItemOutOfStock, BackOrderCreated) {
        let BackOrder { sku, quantity, .. } = command;
        (ItemOutOfStock { sku: sku.clone() }, BackOrderCreated { sku, quantity })
    }
    fn start_picking(&self, _: StartPicking) -> (Option<BackOrderFulfilled>, PickingStarted) {
        ((self.status == Status::BackOrdered).then_some(BackOrderFulfilled), PickingStarted)
    }
}

#[derive(thiserror::Error)]
#[error("{available} are left")]
#[value]
pub struct OutOfStock {
    available: u32,
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Shelf {
    available: u32,
}

#[applier]
impl Shelf {
    fn received(&mut self, e: &StockReceived) {
        self.available += e.quantity;
    }
    fn allocated(&mut self, e: &StockAllocated) {
        self.available -= e.quantity;
    }
}

#[command_handler]
impl Shelf {
    fn receive(&self, command: ReceiveStock) -> StockReceived {
        StockReceived { quantity: command.quantity }
    }
    fn allocate(&self, command: AllocateStock) -> Result<StockAllocated, OutOfStock> {
        let AllocateStock { order, quantity, .. } = command;
        let available = self.available;
        if quantity > available {
            Err(OutOfStock { available })
        } else {
            Ok(StockAllocated { order, quantity })
        }
    }
}

#[value]
pub struct Waiting {
    order: u32,
    quantity: u32,
}

/// Gives each product to orders in their order. Its key is fed by the orders' streams and the shelf's.
#[reactor(key = String)]
pub struct Allocation {
    waiting: VecDeque<Waiting>,
}

#[reactor]
impl Allocation {
    #[key(&e.sku)]
    fn ordered(
        &mut self,
        e: &OrderReceived,
        order: &u32,
        sku: &String,
    ) -> (Option<BackOrder>, Option<AllocateStock>) {
        let waiting = Waiting { order: *order, quantity: e.quantity };
        if self.waiting.is_empty() {
            (None, Some(waiting.allocate(sku)))
        } else {
            (Some(self.wait(waiting, sku)), None)
        }
    }
    fn refused(&mut self, refused: &Refused<AllocateStock>) -> Option<BackOrder> {
        let AllocateStock { sku, order, quantity } = refused.command.clone();
        // Whoever waits already goes on waiting.
        let is_new = self.waiting.iter().all(|waiting| waiting.order != order);
        is_new.then(|| self.wait(Waiting { order, quantity }, &sku))
    }
    fn stocked(&mut self, _: &StockReceived, sku: &String) -> Option<AllocateStock> {
        self.waiting.front().map(|first| first.allocate(sku))
    }
    fn allocated(&mut self, e: &StockAllocated, sku: &String) -> (StartPicking, Option<AllocateStock>) {
        let was_first = self.waiting.pop_front_if(|first| first.order == e.order).is_some();
        let next = self.waiting.front().filter(|_| was_first);
        (StartPicking { order: e.order }, next.map(|next| next.allocate(sku)))
    }
}

impl Allocation {
    fn wait(&mut self, waiting: Waiting, sku: &str) -> BackOrder {
        let Waiting { order, quantity } = waiting;
        self.waiting.push_back(waiting);
        BackOrder { order, sku: sku.to_owned(), quantity }
    }
}

impl Waiting {
    fn allocate(&self, sku: &str) -> AllocateStock {
        AllocateStock { sku: sku.to_owned(), order: self.order, quantity: self.quantity }
    }
}

/// What the shop is told of its customers' orders.
#[derive(Default)]
pub struct ShopFront(Mutex<Vec<String>>);

impl ShopFront {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[reactor]
pub struct TellTheShop;

#[reactor]
impl TellTheShop {
    fn back_ordered(&self, e: &BackOrderCreated, order: &u32, shop: &ShopFront) {
        shop.tell(format!("order {order} waits for {} {}", e.quantity, e.sku));
    }
    fn fulfilled(&self, _: &BackOrderFulfilled, order: &u32, shop: &ShopFront) {
        shop.tell(format!("order {order} goes on"));
    }
}

struct Warehouse {
    app: App,
    shop: Arc<ShopFront>,
}

/// Order management: nobody else knows what is on the shelves.
async fn warehouse(store: impl EventStore) -> Warehouse {
    let shop = Arc::new(ShopFront::default());
    let app = App::builder(store)
        .aggregate::<CustomerOrder>()
        .aggregate::<Shelf>()
        .reactor::<Allocation>()
        .reactor::<TellTheShop>()
        .service::<ShopFront>(shop.clone())
        .build()
        .await
        .unwrap();
    Warehouse { app, shop }
}

const MUG: &str = "mug";

impl Warehouse {
    async fn order(&self, order: u32, quantity: u32) {
        self.app.execute(ReceiveOrder { order, sku: MUG.into(), quantity }).await.unwrap();
    }
    async fn stock(&self, quantity: u32) {
        self.app.execute(ReceiveStock { sku: MUG.into(), quantity }).await.unwrap();
    }
    async fn settle(&self) {
        self.app.drain().await.unwrap();
    }
    async fn status(&self, order: u32) -> Status {
        self.app.load::<CustomerOrder>(&order).await.unwrap().unwrap().status
    }
    async fn history(&self, order: u32) -> Vec<CustomerOrderEvent> {
        let history = self.app.history::<CustomerOrder>(&order).await.unwrap();
        history.into_iter().map(|event| event.data).collect()
    }
    /// Which orders were given something, in this order.
    async fn allocated(&self) -> Vec<u32> {
        let history = self.app.history::<Shelf>(&MUG.into()).await.unwrap();
        let allocated = history.iter().filter_map(|event| match &event.data {
            ShelfEvent::StockAllocated(e) => Some(e.order),
            _ => None,
        });
        allocated.collect()
    }
}

on_every_store! {
    ac_74_an_order_without_stock_waits_and_the_shop_is_told,
    ac_74_stock_that_comes_in_lets_the_order_go_on,
    ac_74_the_older_of_two_orders_gets_the_only_one,
    two_streams_that_feed_one_key_are_handled_in_log_order,
}

fn ordered() -> CustomerOrderEvent {
    CustomerOrderEvent::OrderReceived(OrderReceived { sku: MUG.into(), quantity: 1 })
}
fn out_of_stock() -> [CustomerOrderEvent; 2] {
    let sku = || MUG.to_owned();
    [
        CustomerOrderEvent::ItemOutOfStock(ItemOutOfStock { sku: sku() }),
        CustomerOrderEvent::BackOrderCreated(BackOrderCreated { sku: sku(), quantity: 1 }),
    ]
}

async fn ac_74_an_order_without_stock_waits_and_the_shop_is_told(store: impl EventStore) {
    let warehouse = warehouse(store).await;
    warehouse.order(1, 1).await;
    warehouse.settle().await;
    assert_eq!(warehouse.history(1).await, [&[ordered()][..], &out_of_stock()].concat());
    assert_eq!(warehouse.status(1).await, Status::BackOrdered);
    assert_eq!(warehouse.shop.told(), ["order 1 waits for 1 mug"]);
}

async fn ac_74_stock_that_comes_in_lets_the_order_go_on(store: impl EventStore + Clone) {
    let before = warehouse(store.clone()).await;
    before.order(1, 1).await;
    before.settle().await;
    // The order waits in the log, not in a process.
    let warehouse = warehouse(store).await;
    warehouse.stock(1).await;
    warehouse.settle().await;
    let history = warehouse.history(1).await;
    let fulfilled = CustomerOrderEvent::BackOrderFulfilled(BackOrderFulfilled);
    assert_eq!(history[3..], [fulfilled, CustomerOrderEvent::PickingStarted(PickingStarted)]);
    assert_eq!(warehouse.status(1).await, Status::Picking);
    assert_eq!(warehouse.shop.told(), ["order 1 goes on"]);
}

async fn ac_74_the_older_of_two_orders_gets_the_only_one(store: impl EventStore) {
    let warehouse = warehouse(store).await;
    for order in [2, 1] {
        warehouse.order(order, 1).await;
    }
    warehouse.settle().await;
    warehouse.stock(1).await;
    warehouse.settle().await;
    let statuses = (warehouse.status(2).await, warehouse.status(1).await);
    assert_eq!(statuses, (Status::Picking, Status::BackOrdered));
    warehouse.stock(1).await;
    warehouse.settle().await;
    assert_eq!(warehouse.allocated().await, [2, 1]);
}

/// Says which orders were short when they came in: what was there before in the log, and not taken, decides.
#[reactor(key = String)]
pub struct Shortages {
    available: u32,
}

#[reactor]
impl Shortages {
    fn stocked(&mut self, e: &StockReceived) {
        self.available += e.quantity;
    }
    #[key(&e.sku)]
    fn ordered(&mut self, e: &OrderReceived, order: &u32, sku: &String) -> Option<BackOrder> {
        let left = self.available.checked_sub(e.quantity);
        self.available = left.unwrap_or(self.available);
        left.is_none().then(|| BackOrder { order: *order, sku: sku.clone(), quantity: e.quantity })
    }
}

async fn two_streams_that_feed_one_key_are_handled_in_log_order(store: impl EventStore) {
    let builder = App::builder(store).aggregate::<CustomerOrder>().aggregate::<Shelf>();
    let app = builder.reactor::<Shortages>().build().await.unwrap();
    let warehouse = Warehouse { app, shop: Arc::default() };
    // All of it is recorded before anybody looks at it.
    warehouse.order(40, 2).await;
    warehouse.stock(1).await;
    warehouse.order(10, 1).await;
    warehouse.stock(2).await;
    warehouse.order(30, 1).await;
    warehouse.order(20, 1).await;
    warehouse.order(50, 1).await;
    warehouse.stock(1).await;
    warehouse.settle().await;

    let mut short = Vec::new();
    for order in [10, 20, 30, 40, 50] {
        if warehouse.status(order).await == Status::BackOrdered {
            short.push(order);
        }
    }
    // With the orders first all of them would be short, with the shelf first only the last.
    assert_eq!(short, [40, 50]);
}
