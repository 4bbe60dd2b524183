//! How long the rebuild of a projection takes: prints events per second, beside a loop that only reads the
//! log, both by turns in one run: the median of the rounds and the best of them. What is asked for stands
//! behind `--`: `cargo bench -p tests --bench rebuild -- 1000000 1000 3 memory` takes a million events of a
//! thousand keys three times, in memory only.
#![allow(missing_docs)]

mod follow;

use es_core::store::{EventStore, MemoryStore, SqliteStore};
use std::time::Duration;

struct Wanted {
    events: u64,
    customers: u64,
    rounds: u64,
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` adds an option of its own.
    let mut numbers = asked.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |usual| numbers.next().unwrap_or(usual);
    let wanted = Wanted { events: number(1_000_000), customers: number(1_000), rounds: number(3).max(1) };
    let is_left_out = |other| asked.iter().any(|argument| argument == other);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if !is_left_out("sqlite") {
            report("memory", &MemoryStore::new(), &wanted).await;
        }
        if !is_left_out("memory") {
            let dir = tempfile::tempdir().unwrap();
            let file = SqliteStore::open(dir.path().join("es.db")).await.unwrap();
            report("sqlite", &file, &wanted).await;
        }
    });
}

async fn report(name: &str, store: &(impl EventStore + Clone), wanted: &Wanted) {
    let Wanted { events, customers, rounds } = *wanted;
    follow::store_orders(store, events, customers).await;
    let app = follow::app(store.clone()).await;
    let (mut by_hand, mut rebuilt) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        by_hand.push(follow::by_hand(store).await);
        rebuilt.push(follow::rebuild(&app).await);
    }
    println!("{name}, {events} events, {customers} keys, {rounds} rounds");
    by_hand.sort();
    rebuilt.sort();
    for (kind, place) in [("median", by_hand.len() / 2), ("best", 0)] {
        println!(
            "  {kind}: by hand {:.0}/s, rebuilt {:.0}/s, ratio {:.2}",
            per_second(events, by_hand[place]),
            per_second(events, rebuilt[place]),
            by_hand[place].as_secs_f64() / rebuilt[place].as_secs_f64(),
        );
    }
}

#[allow(clippy::cast_precision_loss, reason = "a report")]
fn per_second(events: u64, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64()
}
