//! A coordinator: an order is paid, its goods are fetched, they are shipped, by three that know nothing of each
//! other. Each is asked under a reference of its own, and only the answer to that counts.

use crate::kit::recorded;
use es_core::prelude::*;

#[event]
pub struct OrderPlaced {
    pub amount: u64,
    pub name: String,
    pub address: String,
}
#[event]
pub struct OrderCompleted;
#[event]
pub struct PaymentRequested {
    pub order: u32,
    pub amount: u64,
}
#[event]
pub struct PaymentReceived {
    pub order: u32,
}
#[event]
pub struct GoodsRequested {
    pub order: u32,
}
#[event]
pub struct GoodsFetched {
    pub order: u32,
    pub pick: String,
}
#[event]
pub struct ShipmentRequested {
    pub order: u32,
    pub pick: String,
    pub name: String,
    pub address: String,
}
#[event]
pub struct GoodsShipped {
    pub order: u32,
}

#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: u32,
    pub amount: u64,
    pub name: String,
    pub address: String,
}
#[command(Order)]
pub struct CompleteOrder {
    #[id]
    pub order: u32,
}
#[command(Payment)]
pub struct RetrievePayment {
    #[id]
    pub reference: Uuid,
    pub order: u32,
    pub amount: u64,
}
#[command(Payment)]
pub struct ReceivePayment {
    #[id]
    pub reference: Uuid,
    pub order: u32,
}
#[command(Picking)]
pub struct FetchGoods {
    #[id]
    pub reference: Uuid,
    pub order: u32,
}
#[command(Picking)]
pub struct ReportGoods {
    #[id]
    pub reference: Uuid,
    pub order: u32,
    pub pick: String,
}
#[command(Shipment)]
pub struct ShipGoods {
    #[id]
    pub reference: Uuid,
    pub order: u32,
    pub pick: String,
    pub name: String,
    pub address: String,
}
#[command(Shipment)]
pub struct ReportShipment {
    #[id]
    pub reference: Uuid,
    pub order: u32,
}

#[aggregate(id = u32)]
pub struct Order;
#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self
    }
    fn completed(&mut self, _: &OrderCompleted) {}
}
#[command_handler]
impl Order {
    fn place(command: PlaceOrder) -> OrderPlaced {
        let PlaceOrder { amount, name, address, .. } = command;
        OrderPlaced { amount, name, address }
    }
    fn complete(&self, _: CompleteOrder) -> OrderCompleted {
        OrderCompleted
    }
}

// Those who are asked record what they are told, as often as they are told, and about whatever order.

#[aggregate(id = Uuid, default)]
#[derive(Default)]
pub struct Payment;
#[applier]
impl Payment {
    fn requested(&mut self, _: &PaymentRequested) {}
    fn received(&mut self, _: &PaymentReceived) {}
}
#[command_handler]
impl Payment {
    fn retrieve(&self, command: RetrievePayment) -> PaymentRequested {
        PaymentRequested { order: command.order, amount: command.amount }
    }
    fn receive(&self, command: ReceivePayment) -> PaymentReceived {
        PaymentReceived { order: command.order }
    }
}

#[aggregate(id = Uuid, default)]
#[derive(Default)]
pub struct Picking;
#[applier]
impl Picking {
    fn requested(&mut self, _: &GoodsRequested) {}
    fn fetched(&mut self, _: &GoodsFetched) {}
}
#[command_handler]
impl Picking {
    fn fetch(&self, command: FetchGoods) -> GoodsRequested {
        GoodsRequested { order: command.order }
    }
    fn report(&self, command: ReportGoods) -> GoodsFetched {
        GoodsFetched { order: command.order, pick: command.pick }
    }
}

#[aggregate(id = Uuid, default)]
#[derive(Default)]
pub struct Shipment;
#[applier]
impl Shipment {
    fn requested(&mut self, _: &ShipmentRequested) {}
    fn shipped(&mut self, _: &GoodsShipped) {}
}
#[command_handler]
impl Shipment {
    fn ship(&self, command: ShipGoods) -> ShipmentRequested {
        let ShipGoods { order, pick, name, address, .. } = command;
        ShipmentRequested { order, pick, name, address }
    }
    fn report(&self, command: ReportShipment) -> GoodsShipped {
        GoodsShipped { order: command.order }
    }
}

/// The coordinator of one version: what is asked for carries the id of the event that it answers, which is
/// new each time and the same whenever the event is delivered again.
macro_rules! order_flow {
    ($version:literal) => {
        use super::*;

        #[reactor(key = u32, version = $version)]
        pub struct OrderFlow {
            name: String,
            address: String,
            // The references under which an answer is waited for.
            payment: Option<Uuid>,
            goods: Option<Uuid>,
            shipment: Option<Uuid>,
        }

        #[reactor]
        impl OrderFlow {
            fn placed(&mut self, e: &OrderPlaced, order: &u32, env: &Envelope) -> RetrievePayment {
                (self.name, self.address) = (e.name.clone(), e.address.clone());
                self.payment = Some(env.id);
                RetrievePayment { reference: env.id, order: *order, amount: e.amount }
            }
            #[key(e.order)]
            fn paid(&mut self, e: &PaymentReceived, from: &Uuid, env: &Envelope) -> Option<FetchGoods> {
                self.payment.take_if(|payment| payment == from)?;
                self.goods = Some(env.id);
                Some(FetchGoods { reference: env.id, order: e.order })
            }
            #[key(e.order)]
            fn fetched(&mut self, e: &GoodsFetched, from: &Uuid, env: &Envelope) -> Option<ShipGoods> {
                self.goods.take_if(|goods| goods == from)?;
                self.shipment = Some(env.id);
                let (name, address) = (self.name.clone(), self.address.clone());
                Some(ShipGoods { reference: env.id, order: e.order, pick: e.pick.clone(), name, address })
            }
            #[key(e.order)]
            fn shipped(&mut self, e: &GoodsShipped, from: &Uuid) -> Option<CompleteOrder> {
                self.shipment.take_if(|shipment| shipment == from)?;
                Some(CompleteOrder { order: e.order })
            }
        }
    };
}
mod first {
    order_flow!(1);
}
/// The same, whose state is made anew from the events.
mod rebuilt {
    order_flow!(2);
}

macro_rules! app {
    ($store:expr, $flow:ty) => {
        App::builder($store)
            .aggregate::<Order>()
            .aggregate::<Payment>()
            .aggregate::<Picking>()
            .aggregate::<Shipment>()
            .reactor::<$flow>()
            .build()
            .await
            .unwrap()
    };
}

const ORDER: u32 = 7;

/// An order that was placed, and the reference under which its payment was asked for.
async fn placed(app: &App) -> Uuid {
    let (name, address) = ("Ann".into(), "Main Street 1".into());
    app.execute(PlaceOrder { order: ORDER, amount: 100, name, address }).await.unwrap();
    app.drain().await.unwrap();
    app.history::<Order>(&ORDER).await.unwrap()[0].envelope.id
}
/// The payment comes in; the answer is the reference of what follows.
async fn pay(app: &App, reference: Uuid) -> Uuid {
    app.execute(ReceivePayment { reference, order: ORDER }).await.unwrap();
    app.drain().await.unwrap();
    app.history::<Payment>(&reference).await.unwrap().last().unwrap().envelope.id
}
async fn fetch(app: &App, reference: Uuid) -> Uuid {
    app.execute(ReportGoods { reference, order: ORDER, pick: "P-1".into() }).await.unwrap();
    app.drain().await.unwrap();
    app.history::<Picking>(&reference).await.unwrap().last().unwrap().envelope.id
}
async fn ship(app: &App, reference: Uuid) {
    app.execute(ReportShipment { reference, order: ORDER }).await.unwrap();
    app.drain().await.unwrap();
}
/// What an aggregate was told and has said.
async fn said<A: Applier>(app: &App, id: &A::Id) -> Vec<A::Event> {
    app.history::<A>(id).await.unwrap().into_iter().map(|event| event.data).collect()
}
async fn is_completed(app: &App) -> bool {
    said::<Order>(app, &ORDER).await.contains(&OrderEvent::OrderCompleted(OrderCompleted))
}

on_every_store! {
    ac_76_an_order_goes_its_way_step_by_step,
    ac_76_a_foreign_answer_changes_nothing,
    ac_76_a_repeated_answer_changes_nothing,
    ac_76_a_process_that_is_rebuilt_issues_nothing_and_goes_on,
}

async fn ac_76_an_order_goes_its_way_step_by_step(store: impl EventStore + Clone) {
    let app = app!(store.clone(), first::OrderFlow);
    let payment = placed(&app).await;
    let requested = PaymentEvent::PaymentRequested(PaymentRequested { order: ORDER, amount: 100 });
    assert_eq!(said::<Payment>(&app, &payment).await, [requested]);
    assert_eq!(recorded(&store).await, 2, "exactly one command");

    let picking = pay(&app, payment).await;
    let requested = PickingEvent::GoodsRequested(GoodsRequested { order: ORDER });
    assert_eq!(said::<Picking>(&app, &picking).await, [requested]);

    let shipment = fetch(&app, picking).await;
    let (name, address) = ("Ann".into(), "Main Street 1".into());
    let requested = ShipmentRequested { order: ORDER, pick: "P-1".into(), name, address };
    assert_eq!(said::<Shipment>(&app, &shipment).await, [ShipmentEvent::ShipmentRequested(requested)]);
    assert!(!is_completed(&app).await);

    ship(&app, shipment).await;
    assert!(is_completed(&app).await);
    assert_eq!(recorded(&store).await, 8, "four requests or results, three answers, and the order");
}

async fn ac_76_a_foreign_answer_changes_nothing(store: impl EventStore + Clone) {
    let app = app!(store.clone(), first::OrderFlow);
    let payment = placed(&app).await;
    let before = recorded(&store).await;
    pay(&app, Uuid::new_v4()).await;
    // The reference is the right one, but it is not the payment that answers.
    fetch(&app, payment).await;
    ship(&app, payment).await;
    assert_eq!(recorded(&store).await, before + 3, "the answers, and nothing that follows from them");

    // It waits for the right one as before.
    let picking = pay(&app, payment).await;
    assert_eq!(said::<Picking>(&app, &picking).await.len(), 1);
}

async fn ac_76_a_repeated_answer_changes_nothing(store: impl EventStore + Clone) {
    let app = app!(store.clone(), first::OrderFlow);
    let payment = placed(&app).await;
    let picking = pay(&app, payment).await;
    let before = recorded(&store).await;
    let again = pay(&app, payment).await;
    assert_eq!(recorded(&store).await, before + 1, "the answer, and nothing that follows from it");
    assert_eq!(said::<Picking>(&app, &again).await, []);

    let shipment = fetch(&app, picking).await;
    ship(&app, shipment).await;
    let before = recorded(&store).await;
    ship(&app, shipment).await;
    assert_eq!(recorded(&store).await, before + 1);
}

async fn ac_76_a_process_that_is_rebuilt_issues_nothing_and_goes_on(store: impl EventStore + Clone) {
    let app = app!(store.clone(), first::OrderFlow);
    let payment = placed(&app).await;
    let picking = pay(&app, payment).await;
    let before = recorded(&store).await;

    let app = app!(store.clone(), rebuilt::OrderFlow);
    app.drain().await.unwrap();
    assert_eq!(recorded(&store).await, before);
    // What was answered before is still answered, and what is waited for is still waited for.
    pay(&app, payment).await;
    assert_eq!(recorded(&store).await, before + 1);
    let shipment = fetch(&app, picking).await;
    ship(&app, shipment).await;
    assert!(is_completed(&app).await);
}
