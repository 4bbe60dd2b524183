//! The read model that benchmarks of projections are about, and what somebody would write to read the log.
#![allow(dead_code, missing_docs, reason = "each benchmark uses its part")]

use es_core::prelude::*;
use es_core::store::{Append, Commit, EventStore, Expected, Filter, NewEvent};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The page that both read by: as many events as a projection asks for.
const PAGE: u32 = 10_000;

#[event]
pub struct OrderPlaced {
    pub customer: String,
    pub amount: u64,
    pub reference: String,
}

/// What each customer has spent.
#[projection(key = String)]
pub struct Spending {
    pub orders: u32,
    pub total: u64,
}

#[projection]
impl Spending {
    #[key(e.customer.clone())]
    fn placed(&mut self, e: &OrderPlaced) {
        self.orders += 1;
        self.total += e.amount;
    }
}

/// Stores so many orders of so many customers, who come again in no order that could be guessed, with the
/// metadata that an app would have written: streams of a hundred, ten of them in a commit.
pub async fn store_orders(store: &impl EventStore, events: u64, customers: u64) {
    for from in (0..events).step_by(1_000) {
        let streams = (from..events.min(from + 1_000)).step_by(100);
        let parts = streams.map(|from| Append {
            stream: StreamId::named(format!("order-{from}")),
            expected: Expected::Any,
            edits: None,
            events: (from..events.min(from + 100)).map(|n| order(n, customers)).collect(),
        });
        store.append(Commit::all(parts.collect())).await.unwrap();
    }
}

fn order(n: u64, customers: u64) -> NewEvent {
    let customer = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % customers;
    let placed = OrderPlaced {
        customer: format!("customer-{customer}"),
        amount: n,
        reference: format!("invoice {n}"),
    };
    let command = Uuid::now_v7();
    NewEvent {
        id: Uuid::now_v7(),
        name: OrderPlaced::NAME.into(),
        schema: OrderPlaced::VERSION,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: serde_json::to_vec(&placed).unwrap().into(),
        metadata: format!(r#"{{"command":"PlaceOrder","command_id":"{command}"}}"#).into_bytes().into(),
    }
}

pub async fn app(store: impl EventStore) -> App {
    let app = App::builder(store).projection::<Spending>().build().await.unwrap();
    app.drain().await.unwrap();
    app
}

/// Builds the projection anew, from the first event to the last, and forgets the build before.
pub async fn rebuild(app: &App) -> Duration {
    let started = Instant::now();
    app.rebuild("spending").await.unwrap();
    app.drain().await.unwrap();
    started.elapsed()
}

/// A plain loop: the same pages of the same store, each event as its type. It keeps nothing.
pub async fn by_hand(store: &impl EventStore) -> Duration {
    let started = Instant::now();
    let filter = Filter::all().names([OrderPlaced::NAME]);
    let (mut after, mut orders) = (Position(0), 0_u64);
    loop {
        let page = store.read_log(after, &filter, PAGE).await.unwrap();
        if page.scanned_to == after {
            break;
        }
        for stored in &page.events {
            let bytes = stored.payload.as_deref().unwrap();
            let placed = serde_json::from_slice::<OrderPlaced>(bytes).unwrap();
            orders += u64::from(black_box(placed).amount < u64::MAX);
        }
        after = page.scanned_to;
    }
    black_box(orders);
    started.elapsed()
}
