//! A projection that follows the log, beside a loop that only reads it.
#![allow(missing_docs)]

mod follow;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use es_core::store::{EventStore, MemoryStore, SqliteStore};
use std::time::Duration;
use tokio::runtime::Runtime;

const EVENTS: u64 = 50_000;

/// One document for all, as many as a shop has customers, and one for each event.
const CUSTOMERS: [u64; 3] = [1, 1_000, EVENTS];

fn spending(c: &mut Criterion) {
    // As a service would: what follows the log on some threads, the file's writer on its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for customers in CUSTOMERS {
        compare(c, &runtime, "projection_memory", customers, &MemoryStore::new());
        let dir = tempfile::tempdir().unwrap();
        let file = runtime.block_on(SqliteStore::open(dir.path().join("es.db"))).unwrap();
        compare(c, &runtime, "projection_sqlite", customers, &file);
    }
}

fn compare(
    c: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    customers: u64,
    store: &(impl EventStore + Clone),
) {
    runtime.block_on(follow::store_orders(store, EVENTS, customers));
    let app = runtime.block_on(follow::app(store.clone()));
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function(BenchmarkId::new("by_hand", customers), |b| {
        b.iter_custom(|times| runtime.block_on(repeated(times, async || follow::by_hand(store).await)));
    });
    group.bench_function(BenchmarkId::new("es", customers), |b| {
        b.iter_custom(|times| runtime.block_on(repeated(times, async || follow::rebuild(&app).await)));
    });
    group.finish();
}

async fn repeated(times: u64, measure: impl AsyncFn() -> Duration) -> Duration {
    let mut measured = Duration::ZERO;
    for _ in 0..times {
        measured += measure().await;
    }
    measured
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    targets = spending
}
criterion_main!(benches);
