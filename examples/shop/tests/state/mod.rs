//! The state of a shop, as text that can be compared.

use es_core::prelude::*;
use shop::ecommerce::cart::Cart;
use shop::ecommerce::purchase::{Purchase, PurchaseList};
use shop::logs::Site;
use shop::orders::order::{Order, Status};
use shop::orders::payment::Payment;
use shop::orders::reports::{DailyOrders, OrderList};
use shop::orders::stock::Stock;
use shop::report::report;
use shop::shop::{Room, ShopFolder};
use std::collections::BTreeSet;
use std::fmt::Debug;

const ECOMMERCE: [&str; 3] = ["promotional_offer", "checkout", "publishes_purchases"];
const ORDERS: [&str; 4] = ["order_flow", "bank", "shipped_mail", "publishes_orders"];

/// Everything that a shop holds, but for times: reports, aggregates with their versions, documents, mails.
/// On the way it makes sure that nothing was left to do, that nothing is parked, that whatever was shipped has its
/// mail, and that every projection is what the events give.
pub async fn of(site: &Site) -> Vec<String> {
    let folder = ShopFolder::open(site).await.unwrap();
    let (ecommerce, orders) = (&folder.shop.ecommerce, &folder.shop.orders);
    nothing_is_left_to_do(&folder).await;
    every_parcel_has_its_mail(&folder).await;
    nothing_is_parked(&ecommerce.app, &ECOMMERCE).await;
    nothing_is_parked(&orders.app, &ORDERS).await;
    is_what_the_events_give(&ecommerce.app, "purchase_list").await;
    is_what_the_events_give(&orders.app, "order_list").await;
    is_what_the_events_give(&orders.app, "daily_orders").await;

    let mut state = vec![report(&folder).await.unwrap(), format!("day {}", folder.shop.today())];
    state.extend(folder.mailbox.keys().unwrap());
    aggregates::<Cart>(ecommerce, &mut state).await;
    aggregates::<Purchase>(ecommerce, &mut state).await;
    aggregates::<Order>(orders, &mut state).await;
    aggregates::<Payment>(orders, &mut state).await;
    aggregates::<Stock>(orders, &mut state).await;
    state.push(format!("{:?}", ecommerce.app.documents::<PurchaseList>().await.unwrap()));
    state.push(format!("{:?}", orders.app.documents::<OrderList>().await.unwrap()));
    state.push(format!("{:?}", orders.app.documents::<DailyOrders>().await.unwrap()));
    // At last, since a rebuild has to be followed to its end.
    stock_levels_are_what_the_events_give(&folder).await;
    folder.close().await;
    state
}

/// Whoever looks on must not finish what the program has left undone.
async fn nothing_is_left_to_do(folder: &ShopFolder) {
    let before = heads_and_mails(folder).await;
    folder.shop.quiet().await.unwrap();
    assert_eq!(heads_and_mails(folder).await, before, "the program ended before everything was done");
}

async fn heads_and_mails(folder: &ShopFolder) -> (Position, Position, Vec<String>) {
    let ecommerce = folder.shop.ecommerce.head().await.unwrap();
    let orders = folder.shop.orders.head().await.unwrap();
    (ecommerce, orders, folder.mailbox.keys().unwrap())
}

async fn every_parcel_has_its_mail(folder: &ShopFolder) {
    let listed = folder.shop.orders.app.documents::<OrderList>().await.unwrap();
    let has_left = |order: &OrderList| matches!(order.status, Status::Shipped | Status::Completed);
    let parcels = listed.iter().filter(|(_, order)| has_left(order)).count();
    assert_eq!(folder.mailbox.keys().unwrap().len(), parcels, "a mail for each parcel");
}

async fn nothing_is_parked(app: &App, reactors: &[&str]) {
    for reactor in reactors {
        let parked = app.parked(reactor).await.unwrap();
        assert!(parked.is_empty(), "{reactor} has parked {} keys", parked.len());
    }
}

async fn is_what_the_events_give(app: &App, projection: &str) {
    let differing = app.matches_events(projection).await.unwrap();
    assert!(differing.is_empty(), "{projection} has drifted: {differing:?}");
}

async fn stock_levels_are_what_the_events_give(folder: &ShopFolder) {
    let before = folder.stock_levels().await.unwrap();
    folder.shop.orders.app.rebuild("stock_levels").await.unwrap();
    folder.shop.orders.app.drain().await.unwrap();
    assert_eq!(folder.stock_levels().await.unwrap(), before, "the stock levels have drifted");
}

/// Every aggregate of a type, the ended ones included.
async fn aggregates<A: Applier + Debug>(room: &Room, state: &mut Vec<String>)
where
    A::Id: Ord,
{
    let head = room.head().await.unwrap();
    let mut log = room.app.subscribe(Position(0), Filter::all());
    let mut ids = BTreeSet::new();
    while log.position().is_none_or(|position| position < head) {
        let event = log.next().await.unwrap().unwrap();
        if event.envelope.stream.category() == A::NAME {
            ids.insert(event.envelope.stream_id::<A::Id>().unwrap());
        }
    }
    for id in ids {
        let loaded = room.app.load::<A>(&id).await.unwrap();
        let events = room.app.history::<A>(&id).await.unwrap().len();
        let shown = loaded.map_or_else(|| "ended".to_owned(), |loaded| format!("{:?}", *loaded));
        state.push(format!("{} {id}: {events} events, {shown}", A::NAME));
    }
}
