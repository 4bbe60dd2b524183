//! How long the rebuild of a projection takes: prints events per second, beside a loop that only reads the
//! log, both by turns in one run. `cargo bench -p tests --bench rebuild -- 1000000 1000 3` says how many
//! events, how many keys, and how often.
#![allow(missing_docs)]

mod follow;

use es_core::store::{EventStore, MemoryStore, SqliteStore};
use std::time::Duration;

fn main() {
    // `cargo bench` adds an option of its own, `cargo test` another.
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let events = numbers.next().unwrap_or(1_000_000);
    let customers = numbers.next().unwrap_or(1_000);
    let rounds = numbers.next().unwrap_or(3);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        report("memory", &MemoryStore::new(), events, customers, rounds).await;
        let dir = tempfile::tempdir().unwrap();
        let file = SqliteStore::open(dir.path().join("es.db")).await.unwrap();
        report("sqlite", &file, events, customers, rounds).await;
    });
}

async fn report(name: &str, store: &(impl EventStore + Clone), events: u64, customers: u64, rounds: u64) {
    follow::store_orders(store, events, customers).await;
    let app = follow::app(store.clone()).await;
    let (mut by_hand, mut rebuilt) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        by_hand.push(follow::by_hand(store).await);
        rebuilt.push(follow::rebuild(&app).await);
    }
    let (by_hand, rebuilt) = (median(by_hand), median(rebuilt));
    println!(
        "{name}: {events} events, {customers} keys: by hand {:.0}/s, rebuilt {:.0}/s, ratio {:.2}",
        per_second(events, by_hand),
        per_second(events, rebuilt),
        by_hand.as_secs_f64() / rebuilt.as_secs_f64(),
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[allow(clippy::cast_precision_loss, reason = "a report")]
fn per_second(events: u64, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64()
}
