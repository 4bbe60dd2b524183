//! Two contexts, each with a log of its own: a shop, and order management. What one says in public is all that
//! the other knows of it.

use ecommerce::{AddItem, Cart, CartEvent, CheckOut, PurchaseShipped};
use es_core::prelude::*;
use es_core::store::MemoryStore;
use order_management::{Order, OrderEvent, OrderReceived, ShipOrder};
use serde_json::json;
use std::sync::Arc;
use wire::{Inbox, Message, Wire};

/// What lies between the contexts, and belongs to neither: texts, in their order.
mod wire {
    use es_core::prelude::*;
    use std::sync::Mutex;

    /// What a context says in public.
    #[value]
    pub struct Message {
        pub id: Uuid,
        pub kind: String,
        pub version: u32,
        pub body: serde_json::Value,
    }

    #[derive(Default)]
    pub struct Wire(Mutex<Vec<String>>);

    impl Wire {
        pub fn send(&self, message: &Message) {
            self.0.lock().unwrap().push(serde_json::to_string(message).unwrap());
        }
        pub fn messages(&self) -> Vec<Message> {
            let sent = self.0.lock().unwrap();
            sent.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
        }
    }

    /// How far a context has read what the other one says.
    #[derive(Debug, Default, PartialEq)]
    pub struct Inbox {
        pub read: usize,
        pub skipped: usize,
    }

    impl Inbox {
        /// Reads on. Whoever takes a message says whether it was of use.
        pub async fn read_on(&mut self, wire: &Wire, take: impl AsyncFn(Message) -> bool) {
            for message in wire.messages().split_off(self.read) {
                self.skipped += usize::from(!take(message).await);
                self.read += 1;
            }
        }
    }
}

mod ecommerce {
    use super::wire::{Message, Wire};
    use es_core::prelude::*;
    use serde_json::json;

    #[event]
    pub struct ItemAdded {
        pub sku: String,
    }
    #[event]
    pub struct CheckedOut {
        pub sku: String,
        pub quantity: u32,
        pub coupon: String,
    }
    #[event]
    pub struct PurchaseShipped {
        pub tracking: String,
    }

    #[command(Cart)]
    pub struct AddItem {
        #[id]
        pub cart: String,
        pub sku: String,
    }
    #[command(Cart)]
    pub struct CheckOut {
        #[id]
        pub cart: String,
    }
    #[command(Cart)]
    pub struct RecordShipment {
        #[id]
        pub cart: String,
        pub tracking: String,
    }

    #[aggregate(id = String, default)]
    #[derive(Default)]
    pub struct Cart {
        items: Vec<String>,
    }

    #[applier]
    impl Cart {
        fn added(&mut self, e: &ItemAdded) {
            self.items.push(e.sku.clone());
        }
        fn checked_out(&mut self, _: &CheckedOut) {}
        fn shipped(&mut self, _: &PurchaseShipped) {}
    }

    #[command_handler]
    impl Cart {
        fn add(&self, command: AddItem) -> ItemAdded {
            ItemAdded { sku: command.sku }
        }
        fn check_out(&self, _: CheckOut) -> Option<CheckedOut> {
            let quantity = u32::try_from(self.items.len()).unwrap();
            self.items.first().map(|sku| CheckedOut { sku: sku.clone(), quantity, coupon: "SAVE10".into() })
        }
        fn record_shipment(&self, command: RecordShipment) -> PurchaseShipped {
            PurchaseShipped { tracking: command.tracking }
        }
    }

    /// Says in public what others may know. Coupons are nobody's business.
    #[reactor]
    pub struct TellOthers;

    #[reactor]
    impl TellOthers {
        fn added(&self, e: &ItemAdded, cart: &String, cx: &Context<Self>, wire: &Wire) {
            let body = json!({ "cart": cart, "sku": e.sku });
            wire.send(&Message { id: cx.new_id(), kind: "item_added".into(), version: 1, body });
        }
        fn checked_out(&self, e: &CheckedOut, cart: &String, cx: &Context<Self>, wire: &Wire) {
            let body = json!({ "cart": cart, "sku": e.sku, "quantity": e.quantity, "gift": false });
            wire.send(&Message { id: cx.new_id(), kind: "checked_out".into(), version: 1, body });
        }
    }

    /// What is of use here.
    #[value]
    struct OrderShipped {
        cart: String,
        tracking: String,
    }

    pub async fn take(app: &App, message: Message) -> bool {
        if (message.kind.as_str(), message.version) != ("order_shipped", 1) {
            return false;
        }
        let OrderShipped { cart, tracking } = serde_json::from_value(message.body).unwrap();
        let command = RecordShipment { cart, tracking };
        app.execute(command).id(CommandId::from(message.id)).await.unwrap();
        true
    }
}

mod order_management {
    use super::wire::{Message, Wire};
    use es_core::prelude::*;
    use serde_json::json;

    #[event]
    pub struct OrderReceived {
        pub cart: String,
        pub sku: String,
        pub quantity: u32,
    }
    #[event]
    pub struct OrderShipped {
        pub cart: String,
        pub tracking: String,
    }

    #[command(Order)]
    pub struct ReceiveOrder {
        #[id]
        pub order: String,
        pub cart: String,
        pub sku: String,
        pub quantity: u32,
    }
    #[command(Order)]
    pub struct ShipOrder {
        #[id]
        pub order: String,
        pub tracking: String,
    }

    #[aggregate(id = String)]
    pub struct Order {
        cart: String,
    }

    #[applier]
    impl Order {
        fn received(e: &OrderReceived) -> Self {
            Self { cart: e.cart.clone() }
        }
        fn shipped(&mut self, _: &OrderShipped) {}
    }

    #[command_handler]
    impl Order {
        fn receive(command: ReceiveOrder) -> OrderReceived {
            let ReceiveOrder { cart, sku, quantity, .. } = command;
            OrderReceived { cart, sku, quantity }
        }
        fn ship(&self, command: ShipOrder) -> OrderShipped {
            OrderShipped { cart: self.cart.clone(), tracking: command.tracking }
        }
    }

    #[reactor]
    pub struct TellOthers;

    #[reactor]
    impl TellOthers {
        fn shipped(&self, e: &OrderShipped, order: &String, cx: &Context<Self>, wire: &Wire) {
            let body = json!({ "order": order, "cart": e.cart, "tracking": e.tracking });
            wire.send(&Message { id: cx.new_id(), kind: "order_shipped".into(), version: 1, body });
        }
    }

    /// What is of use here.
    #[value]
    struct CheckedOut {
        cart: String,
        sku: String,
        quantity: u32,
    }

    pub async fn take(app: &App, message: Message) -> bool {
        if (message.kind.as_str(), message.version) != ("checked_out", 1) {
            return false;
        }
        let CheckedOut { cart, sku, quantity } = serde_json::from_value(message.body).unwrap();
        // There is one order for each message, however often that comes.
        let order = message.id.to_string();
        let command = ReceiveOrder { order, cart, sku, quantity };
        app.execute(command).id(CommandId::from(message.id)).await.unwrap();
        true
    }
}

/// The shop, which speaks on one wire.
async fn shop(store: impl EventStore, says: &Arc<Wire>) -> App {
    let builder = App::builder(store).aggregate::<Cart>().reactor::<ecommerce::TellOthers>();
    builder.service::<Wire>(says.clone()).build().await.unwrap()
}
/// Order management, in a log of its own, which speaks on the other one.
async fn orders(says: &Arc<Wire>) -> App {
    let builder = App::builder(MemoryStore::new()).aggregate::<Order>();
    let builder = builder.reactor::<order_management::TellOthers>();
    builder.service::<Wire>(says.clone()).build().await.unwrap()
}

async fn add(shop: &App, cart: &str, sku: &str) -> Position {
    shop.execute(AddItem { cart: cart.into(), sku: sku.into() }).await.unwrap().position
}
async fn check_out(shop: &App, cart: &str) -> Position {
    shop.execute(CheckOut { cart: cart.into() }).await.unwrap().position
}

/// Every order that there is, with the id of its stream.
async fn received(orders: &App, said: &Wire) -> Vec<(String, OrderReceived)> {
    let mut received = Vec::new();
    for message in said.messages() {
        let order = message.id.to_string();
        for event in orders.history::<Order>(&order).await.unwrap() {
            if let OrderEvent::OrderReceived(event) = event.data {
                received.push((order.clone(), event));
            }
        }
    }
    received
}

/// A message as the shop sends it.
fn checked_out(cart: &str) -> Message {
    let body = json!({ "cart": cart, "sku": "mug", "quantity": 1, "gift": false });
    Message { id: Uuid::new_v4(), kind: "checked_out".into(), version: 1, body }
}

on_every_store! {
    ac_72_a_checkout_becomes_an_order_and_its_shipment_comes_back,
    ac_73_a_carts_messages_stay_in_order_though_two_processes_run,
}

async fn ac_72_a_checkout_becomes_an_order_and_its_shipment_comes_back(store: impl EventStore) {
    let (shop_says, orders_say) = (Arc::new(Wire::default()), Arc::new(Wire::default()));
    let (shop, orders) = (shop(store, &shop_says).await, orders(&orders_say).await);
    add(&shop, "1", "mug").await;
    check_out(&shop, "1").await;
    shop.drain().await.unwrap();
    Inbox::default()
        .read_on(&shop_says, async |message| order_management::take(&orders, message).await)
        .await;
    let there = received(&orders, &shop_says).await;
    let [(order, event)] = &*there else { panic!("{there:?}") };
    assert_eq!(*event, OrderReceived { cart: "1".into(), sku: "mug".into(), quantity: 1 });
    let public = serde_json::to_string(&shop_says.messages()).unwrap();
    assert!(!public.contains("SAVE10"), "only the public form crosses over: {public}");

    orders.execute(ShipOrder { order: order.clone(), tracking: "T1".into() }).await.unwrap();
    orders.drain().await.unwrap();
    Inbox::default().read_on(&orders_say, async |message| ecommerce::take(&shop, message).await).await;
    let purchase = shop.history::<Cart>(&"1".into()).await.unwrap();
    let shipped = CartEvent::PurchaseShipped(PurchaseShipped { tracking: "T1".into() });
    assert_eq!(purchase.last().unwrap().data, shipped);
}

#[tokio::test]
async fn ac_72_a_field_that_nobody_reads_may_go() {
    let (said, says) = (Wire::default(), Arc::new(Wire::default()));
    let orders = orders(&says).await;
    let mut message = checked_out("1");
    message.body.as_object_mut().unwrap().remove("gift").unwrap();
    said.send(&message);
    let mut inbox = Inbox::default();
    inbox.read_on(&said, async |message| order_management::take(&orders, message).await).await;
    assert_eq!((received(&orders, &said).await.len(), inbox.skipped), (1, 0));
}

#[tokio::test]
async fn ac_73_a_message_that_comes_three_times_is_one_order() {
    let (said, says) = (Wire::default(), Arc::new(Wire::default()));
    let orders = orders(&says).await;
    let message = checked_out("1");
    let mut inbox = Inbox::default();
    for _ in 0..3 {
        said.send(&message);
        inbox.read_on(&said, async |message| order_management::take(&orders, message).await).await;
    }
    assert_eq!(inbox, Inbox { read: 3, skipped: 0 });
    let history = orders.history::<Order>(&message.id.to_string()).await.unwrap();
    assert_eq!(history.len(), 1);
}

#[tokio::test]
async fn ac_73_what_is_unknown_or_newer_is_skipped_and_counted() {
    let (said, says) = (Wire::default(), Arc::new(Wire::default()));
    let orders = orders(&says).await;
    said.send(&Message { kind: "cart_abandoned".into(), ..checked_out("1") });
    said.send(&Message { version: 2, body: json!({ "lines": [] }), ..checked_out("2") });
    said.send(&checked_out("3"));
    let mut inbox = Inbox::default();
    inbox.read_on(&said, async |message| order_management::take(&orders, message).await).await;
    assert_eq!(inbox, Inbox { read: 3, skipped: 2 });
    let carts: Vec<_> = received(&orders, &said).await.into_iter().map(|(_, event)| event.cart).collect();
    assert_eq!(carts, ["3"]);
}

async fn ac_73_a_carts_messages_stay_in_order_though_two_processes_run(store: impl EventStore + Clone) {
    let says = Arc::new(Wire::default());
    let (one, other) = (shop(store.clone(), &says).await, shop(store, &says).await);
    let (one_runs, other_runs) = (one.start().await.unwrap(), other.start().await.unwrap());
    let skus = ["a", "b", "c", "d", "e", "f"];
    for sku in &skus[..3] {
        add(&one, "1", sku).await;
        add(&other, "2", sku).await;
    }
    // One of them ends in the middle of it, and the other one takes over.
    one_runs.stop().await.unwrap();
    for sku in &skus[3..] {
        add(&one, "1", sku).await;
        add(&other, "2", sku).await;
    }
    check_out(&one, "1").await;
    let last = check_out(&other, "2").await;
    other.wait_for("tell_others", last).await.unwrap();
    other_runs.stop().await.unwrap();

    for cart in ["1", "2"] {
        let about = says.messages().into_iter().filter(|message| message.body["cart"] == cart);
        let (kinds, heard): (Vec<_>, Vec<_>) =
            about.map(|message| (message.kind, message.body["sku"].as_str().unwrap().to_owned())).unzip();
        assert_eq!(heard, ["a", "b", "c", "d", "e", "f", "a"], "cart {cart}");
        assert_eq!(kinds.last().unwrap(), "checked_out");
    }
}
