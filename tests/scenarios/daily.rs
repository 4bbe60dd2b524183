//! Read models that nobody thought of when the events were recorded.

use crate::cart;
use crate::kit::time;
use es_core::prelude::*;
use es_testing::VirtualClock;

#[event]
pub struct PurchasePlaced {
    pub amount: u64,
}
#[event]
pub struct PurchaseCancelled;

#[command(Purchase)]
pub struct PlacePurchase {
    #[id]
    pub purchase: u32,
    pub amount: u64,
}
#[command(Purchase)]
pub struct CancelPurchase {
    #[id]
    pub purchase: u32,
}

#[aggregate(id = u32)]
pub struct Purchase {
    amount: u64,
}

#[applier]
impl Purchase {
    fn placed(e: &PurchasePlaced) -> Self {
        Self { amount: e.amount }
    }
    fn cancelled(self, _: &PurchaseCancelled) {}
}

#[command_handler]
impl Purchase {
    fn place(command: PlacePurchase) -> PurchasePlaced {
        PurchasePlaced { amount: command.amount }
    }
    fn cancel(&self, _: CancelPurchase) -> PurchaseCancelled {
        PurchaseCancelled
    }
}

/// How much was ever placed: there from the beginning.
#[projection(key = ())]
pub struct Turnover {
    placed: u64,
}

#[projection]
impl Turnover {
    fn placed(&mut self, e: &PurchasePlaced) {
        self.placed += e.amount;
    }
}

/// Asked for later.
#[projection(key = Date)]
pub struct DailyPurchases {
    placed: u32,
    cancelled: u32,
}

#[projection]
impl DailyPurchases {
    #[key(env.recorded_at.date())]
    fn placed(&mut self, _: &PurchasePlaced, env: &Envelope) {
        self.placed += 1;
    }
    #[key(env.recorded_at.date())]
    fn cancelled(&mut self, _: &PurchaseCancelled, env: &Envelope) {
        self.cancelled += 1;
    }
}

/// How many computers are in carts.
#[projection(key = ())]
pub struct ComputersSold(u32);

#[projection]
impl ComputersSold {
    fn added(&mut self, e: &cart::ItemAdded) {
        self.0 += u32::from(e.item == "computer");
    }
    fn removed(&mut self, e: &cart::ItemRemoved) {
        self.0 -= u32::from(e.item == "computer");
    }
}

on_every_store! {
    ac_22_a_later_read_model_is_filled_from_the_beginning,
    ac_24_computers_are_counted_event_by_event,
}

async fn day(app: &App, day: &str) -> Option<DailyPurchases> {
    app.document::<DailyPurchases>(&day.parse().unwrap()).await.unwrap()
}

async fn ac_22_a_later_read_model_is_filled_from_the_beginning(store: impl EventStore + Clone) {
    let clock = VirtualClock::at(time("2026-03-01T10:00:00Z"));
    let before = App::builder(store.clone())
        .aggregate::<Purchase>()
        .projection::<Turnover>()
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    for purchase in [1, 2] {
        before.execute(PlacePurchase { purchase, amount: 10 }).await.unwrap();
    }
    clock.set(time("2026-03-02T10:00:00Z"));
    before.execute(PlacePurchase { purchase: 3, amount: 10 }).await.unwrap();
    before.execute(CancelPurchase { purchase: 1 }).await.unwrap();
    before.drain().await.unwrap();

    let app = App::builder(store)
        .aggregate::<Purchase>()
        .projection::<Turnover>()
        .projection::<DailyPurchases>()
        .clock(clock)
        .build()
        .await
        .unwrap();
    assert_eq!(day(&app, "2026-03-01").await, None);
    app.drain().await.unwrap();
    assert_eq!(day(&app, "2026-03-01").await, Some(DailyPurchases { placed: 2, cancelled: 0 }));
    assert_eq!(day(&app, "2026-03-02").await, Some(DailyPurchases { placed: 1, cancelled: 1 }));
    // From here on it follows; and what was there was not counted again.
    app.execute(PlacePurchase { purchase: 4, amount: 5 }).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(day(&app, "2026-03-02").await, Some(DailyPurchases { placed: 2, cancelled: 1 }));
    assert_eq!(app.document::<Turnover>(&()).await.unwrap(), Some(Turnover { placed: 35 }));
}

async fn ac_24_computers_are_counted_event_by_event(store: impl EventStore) {
    let app =
        App::builder(store).aggregate::<cart::Cart>().projection::<ComputersSold>().build().await.unwrap();
    let sold = async || {
        app.drain().await.unwrap();
        app.document::<ComputersSold>(&()).await.unwrap().map_or(0, |sold| sold.0)
    };
    let add = |item: &str| cart::AddItem { cart: 1, item: item.into() };
    assert_eq!(sold().await, 0);
    app.execute(add("computer")).await.unwrap();
    assert_eq!(sold().await, 1);
    app.execute(add("computer")).await.unwrap();
    assert_eq!(sold().await, 2);
    app.execute(add("phone")).await.unwrap();
    assert_eq!(sold().await, 2);
    app.execute(cart::RemoveItem { cart: 1, item: "computer".into() }).await.unwrap();
    assert_eq!(sold().await, 1);
    app.execute(cart::CheckOut { cart: 1 }).await.unwrap();
    assert_eq!(sold().await, 1);
}
