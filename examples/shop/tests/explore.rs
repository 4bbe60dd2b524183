//! Order management in every order in which things can happen, with processes that end in the midst of it.

use es_core::AppBuilder;
use es_core::prelude::*;
use es_testing::ExploredStore;
use es_testing::prelude::*;
use shop::orders::bank::{Bank, Cards, Charge, TestCards};
use shop::orders::flow::{OrderFlow, TIME_TO_PAY};
use shop::orders::mail::{Mail, MailError, Mailer, ShippedMail};
use shop::orders::order::{CancelOrder, Line, Order, OrderEvent, OrderId, ReceiveOrder, Status};
use shop::orders::payment::{Payment, UpdateCard};
use shop::orders::stock::{ArticleNumber, ReceiveStock, Stock, StockEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What is there when a process is gone: a bank and a mail server.
#[derive(Debug, Default)]
struct Outside(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// From which cards money was taken and not given back, by key.
    taken: BTreeMap<Uuid, String>,
    void: BTreeSet<Uuid>,
    /// To whom mails were sent, by key.
    mails: BTreeMap<Uuid, String>,
}

impl Cards for Outside {
    fn charge(&self, card: &str, cents: u64, key: Uuid) -> BoxFuture<'_, Charge> {
        let card = card.to_owned();
        Box::pin(async move {
            let answer = TestCards.charge(&card, cents, key).await;
            let mut kept = self.0.lock().unwrap();
            if answer == Charge::Accepted && !kept.void.contains(&key) {
                kept.taken.insert(key, card);
            }
            answer
        })
    }
    fn void(&self, key: Uuid) -> BoxFuture<'_, ()> {
        let mut kept = self.0.lock().unwrap();
        kept.taken.remove(&key);
        kept.void.insert(key);
        Box::pin(async {})
    }
}

impl Mailer for Outside {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        self.0.lock().unwrap().mails.insert(mail.key, mail.to);
        Box::pin(async { Ok(()) })
    }
}

/// What decides and acts. Letters and reports follow, and change nothing.
fn orders(app: AppBuilder<ExploredStore>, outside: &Arc<Outside>) -> AppBuilder<ExploredStore> {
    app.aggregate::<Order>()
        .aggregate::<Payment>()
        .aggregate::<Stock>()
        .reactor::<OrderFlow>()
        .reactor::<Bank>()
        .reactor::<ShippedMail>()
        .service::<dyn Cards>(outside.clone())
        .service::<dyn Mailer>(outside.clone())
}

fn mugs() -> ArticleNumber {
    ArticleNumber::from("mug")
}

/// Mugs have arrived.
fn stock(quantity: u32) -> ReceiveStock {
    ReceiveStock { article: mugs(), quantity }
}

/// Somebody has ordered a mug.
fn order(name: &str, card: &str) -> ReceiveOrder {
    ReceiveOrder {
        order: OrderId::from(name),
        customer: name.into(),
        email: name.into(),
        card: card.into(),
        lines: vec![Line { article: "mug".into(), quantity: 1 }],
        total: 1_200,
    }
}

fn cancel(name: &str) -> CancelOrder {
    CancelOrder { order: OrderId::from(name), reason: "no".into() }
}

fn update(name: &str, card: &str) -> UpdateCard {
    UpdateCard { order: OrderId::from(name), card: card.into() }
}

/// The orders of these customers, as they are.
async fn listed(app: &App, names: &[&'static str]) -> Vec<(&'static str, Status)> {
    let mut listed = Vec::new();
    for &name in names {
        if let Some(order) = app.load::<Order>(&OrderId::from(name)).await.unwrap() {
            listed.push((name, order.status));
        }
    }
    listed
}

async fn mugs_add_up(app: &App) {
    let Some(stock) = app.load::<Stock>(&mugs()).await.unwrap() else { return };
    let here: u32 = stock.available + stock.kept.values().map(|kept| kept.quantity).sum::<u32>();
    let (mut came, mut left) = (0, 0);
    for event in app.history::<Stock>(&mugs()).await.unwrap() {
        match event.data {
            StockEvent::StockReceived(received) => came += received.quantity,
            StockEvent::GoodsShipped(shipped) => left += shipped.quantity,
            _ => {}
        }
    }
    assert_eq!(here + left, came, "{stock:?}");
}

/// How many parcels of an order have left.
async fn parcels(app: &App, name: &str) -> usize {
    let order = OrderId::from(name);
    let Some(_) = app.load::<Order>(&order).await.unwrap() else { return 0 };
    let events = app.history::<Order>(&order).await.unwrap();
    events.iter().filter(|event| matches!(event.data, OrderEvent::OrderShipped(_))).count()
}

/// What has to hold, whatever the story.
fn explored(story: Story, names: &'static [&'static str]) -> Exploration<Outside> {
    explore_with(Outside::default, orders, story)
        .invariant("a mug is on the shelf, kept for somebody, or gone", async |app| mugs_add_up(&app).await)
        .invariant("a parcel leaves once", async move |app| {
            for name in names {
                assert!(parcels(&app, name).await <= 1, "{name}");
            }
        })
        .finally("who waits or has a parcel has paid once, and nobody else has paid", async move |app| {
            let listed = listed(&app, names).await;
            let wanted = listed.iter().filter(|(_, status)| *status != Status::Cancelled);
            let kept = app.outside().0.lock().unwrap();
            let mut taken: Vec<_> = kept.taken.values().filter_map(|card| card.split('-').next()).collect();
            taken.sort_unstable();
            assert_eq!(taken, wanted.map(|(name, _)| *name).collect::<Vec<_>>(), "{listed:?}, {kept:?}");
        })
        .finally("who has a parcel has one mail", async move |app| {
            let listed = listed(&app, names).await;
            let left = listed.iter().filter(|(_, status)| *status == Status::Completed);
            let kept = app.outside().0.lock().unwrap();
            let mut mails: Vec<_> = kept.mails.values().map(String::as_str).collect();
            mails.sort_unstable();
            assert_eq!(mails, left.map(|(name, _)| *name).collect::<Vec<_>>(), "{listed:?}");
        })
        .finally("nothing is parked, and whatever is not done waits for goods", async move |app| {
            for reactor in ["order_flow", "bank", "shipped_mail"] {
                assert!(app.parked(reactor).await.unwrap().is_empty(), "{reactor}");
            }
            let stock = app.load::<Stock>(&mugs()).await.unwrap().unwrap();
            assert!(stock.kept.is_empty(), "{stock:?}");
            for (name, status) in listed(&app, names).await {
                let waits = stock.waiting.iter().any(|waiting| waiting.order == OrderId::from(name));
                let is_done = matches!(status, Status::Completed | Status::Cancelled);
                assert_ne!(waits, is_done, "{name} is {status:?}");
            }
        })
}

#[test]
fn an_order_is_cancelled_while_it_is_paid() {
    let story = Story::new().given(stock(1)).command(order("ann", "ann-4242")).command(cancel("ann"));
    explored(story, &["ann"]).check();
}

#[test]
fn a_card_comes_when_the_time_to_pay_is_over() {
    let story = Story::new()
        .given(stock(1))
        .given(order("carla", "carla-0002"))
        .time_passes(TIME_TO_PAY)
        .command(update("carla", "carla-4242"));
    explored(story, &["carla"]).check();
}

#[test]
fn two_orders_want_the_last_mug() {
    let story = Story::new()
        .given(stock(1))
        .client(|other| other.command(order("ben", "ben-4242")))
        .command(order("ann", "ann-4242"));
    explored(story, &["ann", "ben"]).faults(0).check();
}

#[test]
fn who_gives_up_leaves_the_mug_to_the_other() {
    let story = Story::new()
        .given(stock(1))
        .given(order("ann", "ann-0002"))
        .given(order("ben", "ben-4242"))
        .command(cancel("ann"));
    explored(story, &["ann", "ben"]).check();
}
