//! A payment that may take a week: the card is refused, the customer is asked for another one, and the order is
//! cancelled if none comes.

use crate::kit::{recorded, time};
use es_core::prelude::*;
use es_testing::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[event]
pub struct OrderPlaced {
    pub amount: u64,
    pub card: String,
}
#[event]
pub struct OrderCancelled;
#[event]
pub struct PaymentRequested {
    pub amount: u64,
    pub card: String,
}
#[event]
pub struct CustomerAskedToUpdateCard;
#[event]
pub struct CreditCardUpdated {
    pub card: String,
}
#[event]
pub struct PaymentReceived;
#[event]
pub struct PaymentFailed;

#[command(Order)]
pub struct PlaceOrder {
    #[id]
    pub order: u32,
    pub amount: u64,
    pub card: String,
}
#[command(Order)]
pub struct CancelOrder {
    #[id]
    pub order: u32,
}
#[command(Payment)]
pub struct RetrievePayment {
    #[id]
    pub order: u32,
    pub amount: u64,
    pub card: String,
}
#[command(Payment)]
pub struct UpdateCard {
    #[id]
    pub order: u32,
    pub card: String,
}
#[command(Payment)]
pub struct ChargeAgain {
    #[id]
    pub order: u32,
}
#[command(Payment)]
pub struct GiveUp {
    #[id]
    pub order: u32,
}

#[aggregate(id = u32)]
pub struct Order;

#[applier]
impl Order {
    fn placed(_: &OrderPlaced) -> Self {
        Self
    }
    fn cancelled(self, _: &OrderCancelled) {}
}

#[command_handler]
impl Order {
    fn place(command: PlaceOrder) -> OrderPlaced {
        OrderPlaced { amount: command.amount, card: command.card }
    }
    fn cancel(&self, _: CancelOrder) -> OrderCancelled {
        OrderCancelled
    }
}

/// What charges cards. Each has its credit, and a charge under the same key is one charge.
#[derive(Default)]
pub struct Bank {
    charges: Mutex<Vec<(Uuid, String)>>,
}

impl Bank {
    fn charge(&self, key: Uuid, card: &str) -> bool {
        let covered = card == "gold";
        let mut charges = self.charges.lock().unwrap();
        if covered && charges.iter().all(|(known, _)| *known != key) {
            charges.push((key, card.to_owned()));
        }
        covered
    }
    fn charged(&self) -> Vec<String> {
        self.charges.lock().unwrap().iter().map(|(_, card)| card.clone()).collect()
    }
}

#[value]
#[derive(Copy)]
pub enum Status {
    Requested,
    CardAsked,
    Received,
    Failed,
}

#[aggregate(id = u32)]
pub struct Payment {
    status: Status,
    card: String,
}

#[applier]
impl Payment {
    fn requested(e: &PaymentRequested) -> Self {
        Self { status: Status::Requested, card: e.card.clone() }
    }
    fn asked(&mut self, _: &CustomerAskedToUpdateCard) {
        self.status = Status::CardAsked;
    }
    fn updated(&mut self, e: &CreditCardUpdated) {
        self.card.clone_from(&e.card);
    }
    fn received(&mut self, _: &PaymentReceived) {
        self.status = Status::Received;
    }
    fn failed(&mut self, _: &PaymentFailed) {
        self.status = Status::Failed;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nobody waits for a card")]
pub struct NotWaiting;

// The charge carries a key that is the same whenever the command is decided again.
#[command_handler(retry(max = 10))]
impl Payment {
    fn retrieve(
        command: RetrievePayment,
        cx: &Context<Self>,
        bank: &Bank,
    ) -> (PaymentRequested, Vec<PaymentEvent>) {
        let RetrievePayment { amount, card, .. } = command;
        let result = if bank.charge(cx.new_id(), &card) {
            PaymentEvent::PaymentReceived(PaymentReceived)
        } else {
            PaymentEvent::CustomerAskedToUpdateCard(CustomerAskedToUpdateCard)
        };
        (PaymentRequested { amount, card }, vec![result])
    }
    fn update_card(&self, command: UpdateCard) -> Option<CreditCardUpdated> {
        let awaited = self.status == Status::CardAsked;
        awaited.then_some(CreditCardUpdated { card: command.card })
    }
    fn charge_again(&self, _: ChargeAgain, cx: &Context<Self>, bank: &Bank) -> Option<PaymentReceived> {
        let charged = self.status == Status::CardAsked && bank.charge(cx.new_id(), &self.card);
        charged.then_some(PaymentReceived)
    }
    fn give_up(&self, _: GiveUp) -> Result<PaymentFailed, NotWaiting> {
        if self.status == Status::CardAsked { Ok(PaymentFailed) } else { Err(NotWaiting) }
    }
}

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Waits a week for another card.
#[reactor(key = u32)]
pub struct CardUpdate;

#[reactor]
impl CardUpdate {
    fn asked(&mut self, _: &CustomerAskedToUpdateCard, order: &u32) -> Timer<GiveUp> {
        Timer::after(WEEK, GiveUp { order: *order }).named("card")
    }
    fn updated(&mut self, _: &CreditCardUpdated, order: &u32) -> (CancelTimer, ChargeAgain) {
        (CancelTimer("card"), ChargeAgain { order: *order })
    }
    fn failed(self, _: &PaymentFailed) {}
}

/// Coordinates orders with their payments.
#[reactor(key = u32)]
pub struct Coordinator;

#[reactor]
impl Coordinator {
    fn placed(&mut self, e: &OrderPlaced, order: &u32) -> RetrievePayment {
        RetrievePayment { order: *order, amount: e.amount, card: e.card.clone() }
    }
    fn paid(self, _: &PaymentReceived) {}
    fn failed(self, _: &PaymentFailed, order: &u32) -> CancelOrder {
        CancelOrder { order: *order }
    }
}

const ORDER: u32 = 1;

/// The store that outlives processes, the time, and the bank.
struct World<S> {
    store: S,
    clock: VirtualClock,
    bank: Arc<Bank>,
}

impl<S: EventStore + Clone> World<S> {
    fn new(store: S) -> Self {
        Self { store, clock: VirtualClock::at(time("2026-03-01T10:00:00Z")), bank: Arc::default() }
    }
    /// The day of the process, from 0; the clock stands at the hour at which the order was placed.
    fn day(&self, day: u64) {
        self.clock.set(time("2026-03-01T10:00:00Z") + Duration::from_hours(day * 24));
    }
    /// A process over the store, which knows nothing of the ones before.
    async fn process(&self) -> App {
        App::builder(self.store.clone())
            .aggregate::<Order>()
            .aggregate::<Payment>()
            .reactor::<CardUpdate>()
            .reactor::<Coordinator>()
            .service::<Bank>(self.bank.clone())
            .clock(self.clock.clone())
            .build()
            .await
            .unwrap()
    }
    /// What customers reach while no process runs.
    async fn website(&self) -> App {
        let builder = App::builder(self.store.clone()).aggregate::<Payment>();
        builder.service::<Bank>(self.bank.clone()).clock(self.clock.clone()).build().await.unwrap()
    }
    async fn update_card(&self) {
        let command = UpdateCard { order: ORDER, card: "gold".into() };
        self.website().await.execute(command).await.unwrap();
    }
    /// Day 0: the order is placed, and its card is refused.
    async fn refused(&self) -> App {
        let app = self.process().await;
        app.execute(PlaceOrder { order: ORDER, amount: 100, card: "empty".into() }).await.unwrap();
        app.drain().await.unwrap();
        assert_eq!(said(&app).await, ["PaymentRequested", "CustomerAskedToUpdateCard"]);
        app
    }
}

/// The names of the payment's events.
async fn said(app: &App) -> Vec<&'static str> {
    let history = app.history::<Payment>(&ORDER).await.unwrap();
    history.iter().map(|event| event.data.name()).collect()
}
async fn is_cancelled(app: &App) -> bool {
    app.load::<Order>(&ORDER).await.unwrap().is_none()
}

/// Other customers' cards are refused.
async fn refuse_others<S: EventStore + Clone>(world: &World<S>, orders: impl IntoIterator<Item = u32>) {
    let website = world.website().await;
    for order in orders {
        website.execute(RetrievePayment { order, amount: 100, card: "empty".into() }).await.unwrap();
    }
}

on_every_store! {
    ac_78_a_card_that_is_good_is_charged_at_once,
    ac_78_a_card_that_is_updated_on_day_6_is_charged_and_the_timer_is_gone,
    ac_78_without_a_card_by_day_7_the_payment_fails_and_the_order_is_cancelled,
    ac_78_a_card_that_is_updated_on_day_8_is_ignored,
    ac_78_a_card_that_is_updated_on_day_8_is_ignored_though_nobody_saw_day_7,
    ac_78_a_restart_on_day_3_changes_nothing,
    a_card_updated_on_day_6_wins_over_the_day_7_timer_although_the_process_slept_from_day_5_to_day_9,
    an_import_of_a_three_year_log_before_the_first_start_gives_nothing_up,
}

async fn ac_78_a_card_that_is_good_is_charged_at_once(store: impl EventStore + Clone) {
    let world = World::new(store);
    let app = world.process().await;
    app.execute(PlaceOrder { order: ORDER, amount: 100, card: "gold".into() }).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(said(&app).await, ["PaymentRequested", "PaymentReceived"]);
    world.day(30);
    app.drain().await.unwrap();
    assert_eq!((said(&app).await.len(), is_cancelled(&app).await), (2, false));
}

async fn ac_78_a_card_that_is_updated_on_day_6_is_charged_and_the_timer_is_gone(
    store: impl EventStore + Clone,
) {
    let world = World::new(store);
    let app = world.refused().await;
    world.day(6);
    world.update_card().await;
    app.drain().await.unwrap();
    assert_eq!(said(&app).await[2..], ["CreditCardUpdated", "PaymentReceived"]);
    world.day(8);
    app.drain().await.unwrap();
    assert_eq!((said(&app).await.len(), is_cancelled(&app).await), (4, false));
    assert_eq!(world.bank.charged(), ["gold"]);
    // Nobody has tried to give it up.
    assert!(app.parked("card_update").await.unwrap().is_empty());
}

async fn ac_78_without_a_card_by_day_7_the_payment_fails_and_the_order_is_cancelled(
    store: impl EventStore + Clone,
) {
    let world = World::new(store);
    let app = world.refused().await;
    world.clock.set(time("2026-03-08T09:59:59.999999Z"));
    app.drain().await.unwrap();
    assert_eq!(said(&app).await.len(), 2, "the week is not over");
    world.day(7);
    app.drain().await.unwrap();
    assert_eq!(said(&app).await[2..], ["PaymentFailed"]);
    assert!(is_cancelled(&app).await);
}

async fn ac_78_a_card_that_is_updated_on_day_8_is_ignored(store: impl EventStore + Clone) {
    let world = World::new(store);
    let app = world.refused().await;
    world.day(7);
    app.drain().await.unwrap();
    let before = recorded(&world.store).await;
    world.day(8);
    world.update_card().await;
    app.drain().await.unwrap();
    assert_eq!((recorded(&world.store).await, world.bank.charged().len()), (before, 0));
}

async fn ac_78_a_card_that_is_updated_on_day_8_is_ignored_though_nobody_saw_day_7(
    store: impl EventStore + Clone,
) {
    let world = World::new(store);
    world.refused().await;
    world.day(8);
    world.update_card().await;
    world.day(9);
    let app = world.process().await;
    app.drain().await.unwrap();
    // The update stands in the log before the failure, but the failure was due before the update.
    assert_eq!(said(&app).await[2..], ["CreditCardUpdated", "PaymentFailed"]);
    assert_eq!((is_cancelled(&app).await, world.bank.charged().len()), (true, 0));
}

async fn ac_78_a_restart_on_day_3_changes_nothing(store: impl EventStore + Clone) {
    let world = World::new(store);
    drop(world.refused().await);
    world.day(3);
    let app = world.process().await;
    let before = recorded(&world.store).await;
    app.drain().await.unwrap();
    assert_eq!(recorded(&world.store).await, before);
    world.day(7);
    app.drain().await.unwrap();
    assert_eq!(said(&app).await[2..], ["PaymentFailed"]);
}

async fn a_card_updated_on_day_6_wins_over_the_day_7_timer_although_the_process_slept_from_day_5_to_day_9(
    store: impl EventStore + Clone,
) {
    let world = World::new(store);
    let app = world.refused().await;
    world.day(5);
    app.drain().await.unwrap();
    drop(app);
    world.day(6);
    // What it will read first is no reason to look at the clock: the update lies behind it.
    refuse_others(&world, 100..220).await;
    world.update_card().await;
    world.day(9);
    let app = world.process().await;
    app.drain().await.unwrap();
    assert_eq!(said(&app).await[2..], ["CreditCardUpdated", "PaymentReceived"]);
    assert_eq!((is_cancelled(&app).await, world.bank.charged()), (false, vec!["gold".to_owned()]));
}

async fn an_import_of_a_three_year_log_before_the_first_start_gives_nothing_up(
    store: impl EventStore + Clone,
) {
    let world = World::new(store);
    for month in 0..36 {
        world.day(month * 30);
        refuse_others(&world, [u32::try_from(month).unwrap()]).await;
    }
    let before = recorded(&world.store).await;
    let app = world.process().await;
    app.drain().await.unwrap();
    assert_eq!(recorded(&world.store).await, before);
}
