//! A shop whose orders reserve what they sell while they are placed.

use crate::kit::Place;
use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub customer: String,
    pub sku: String,
    pub quantity: u32,
}
#[event]
pub struct OrderConfirmed {}
#[event]
pub struct Restocked {
    pub quantity: u32,
}
#[event]
pub struct StockReserved {
    pub order: String,
    pub quantity: u32,
}
#[event]
pub struct OrderWished {
    pub order: String,
}

#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: String,
    pub customer: String,
    pub sku: String,
    pub quantity: u32,
}
#[command(Order)]
pub struct ConfirmOrder {
    #[id]
    pub order: String,
}
#[command(Stock)]
pub struct Restock {
    #[id]
    pub sku: String,
    pub quantity: u32,
}
#[command(Stock)]
pub struct Reserve {
    #[id]
    pub sku: String,
    pub order: String,
    pub quantity: u32,
}
#[command(Stock)]
pub struct Count {
    #[id]
    pub sku: String,
}
#[command(Wish)]
pub struct WishOrder {
    #[id]
    pub wish: String,
    pub order: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("nothing is no order")]
    Nothing,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("only {left} are left")]
pub struct Short {
    pub left: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{customer} has {orders} orders, which is enough")]
pub struct TooMany {
    pub customer: String,
    pub orders: u32,
}

#[aggregate(id = String)]
pub struct Order {
    pub confirmed: bool,
}

#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self { confirmed: false }
    }
    fn confirmed(&mut self, _: &OrderConfirmed) {
        self.confirmed = true;
    }
}

#[command_handler(retry(max = 5, backoff = "1ms..2ms"))]
impl Order {
    fn place(command: PlaceOrder) -> Result<OrderPlaced, OrderError> {
        let PlaceOrder { customer, sku, quantity, .. } = command;
        if quantity == 0 { Err(OrderError::Nothing) } else { Ok(OrderPlaced { customer, sku, quantity }) }
    }
    fn confirm(&self, _: ConfirmOrder) -> Option<OrderConfirmed> {
        (!self.confirmed).then_some(OrderConfirmed {})
    }
}

#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Stock {
    pub left: u32,
}

#[applier]
impl Stock {
    fn restocked(&mut self, e: &Restocked) {
        self.left += e.quantity;
    }
    fn reserved(&mut self, e: &StockReserved) {
        self.left = self.left.saturating_sub(e.quantity);
    }
}

#[command_handler]
impl Stock {
    fn restock(&self, command: Restock) -> Restocked {
        Restocked { quantity: command.quantity }
    }
    #[retry(max = 0)]
    fn count(&self, _: Count) -> Restocked {
        Restocked { quantity: 0 }
    }
    fn reserve(&self, command: Reserve) -> Result<StockReserved, Short> {
        if command.quantity > self.left {
            return Err(Short { left: self.left });
        }
        Ok(StockReserved { order: command.order, quantity: command.quantity })
    }
}

/// What is wished for in a letter, and ordered by a reactor that follows.
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Wish {}

#[applier]
impl Wish {
    fn wished(&mut self, _: &OrderWished) {}
}

#[command_handler]
impl Wish {
    fn wish(&self, command: WishOrder) -> OrderWished {
        OrderWished { order: command.order }
    }
}

/// Reserves what an order is for, and confirms the order for which something was reserved.
#[reactor(inline)]
pub struct Reservation;

#[reactor]
impl Reservation {
    fn placed(&self, e: &OrderPlaced, order: &String) -> Reserve {
        Reserve { sku: e.sku.clone(), order: order.clone(), quantity: e.quantity }
    }
    fn reserved(&self, e: &StockReserved) -> ConfirmOrder {
        ConfirmOrder { order: e.order.clone() }
    }
}

/// At most three orders for a customer.
#[reactor(inline, key = String)]
pub struct Quota {
    pub orders: u32,
}

#[reactor]
impl Quota {
    #[key(e.customer.clone())]
    fn placed(&mut self, e: &OrderPlaced) -> Result<(), TooMany> {
        assert!(e.sku != "bomb", "nobody orders a bomb");
        if self.orders == 3 {
            return Err(TooMany { customer: e.customer.clone(), orders: self.orders });
        }
        self.orders += 1;
        Ok(())
    }
}

/// Orders what was wished for, behind the commit.
#[reactor]
pub struct Fulfilment;

#[reactor]
impl Fulfilment {
    fn wished(&self, e: &OrderWished) -> PlaceOrder {
        place(&e.order, 1)
    }
}

/// Without reactors.
pub async fn plain(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Order>().aggregate::<Stock>().build().await.unwrap()
}

/// With both inline reactors.
pub async fn shop(store: impl EventStore) -> App {
    App::builder(store)
        .aggregate::<Order>()
        .aggregate::<Stock>()
        .reactor::<Reservation>()
        .reactor::<Quota>()
        .build()
        .await
        .unwrap()
}

/// The shop, with so many pens.
pub async fn shop_with(place: &Place, pens: u32) -> App {
    let app = shop(place.open().await).await;
    app.execute(restock(pens)).await.unwrap();
    app
}

pub fn place(order: &str, quantity: u32) -> PlaceOrder {
    PlaceOrder { order: order.into(), customer: "ann".into(), sku: "pen".into(), quantity }
}

pub fn restock(quantity: u32) -> Restock {
    Restock { sku: "pen".into(), quantity }
}

/// How many pens are left, read from the log.
pub async fn pens(at: &Place) -> u32 {
    let app = plain(at.open().await).await;
    app.load::<Stock>(&"pen".to_owned()).await.unwrap().map_or(0, |stock| stock.left)
}

/// What the log holds.
pub async fn log(at: &Place) -> Vec<String> {
    let page = at.open().await.read_log(Position(0), &Filter::all(), 500).await.unwrap();
    page.events.iter().map(|event| format!("{} {}", event.stream, event.name)).collect()
}
