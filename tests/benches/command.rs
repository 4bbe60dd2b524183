//! A command on a cached aggregate, in memory.
#![allow(missing_docs)]

mod bank;

use bank::{Account, Deposit, MoneyDeposited, store_history};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use es_core::prelude::*;
use es_core::store::{Commit, EventStore, Expected, MemoryStore, NewEvent, StreamRead};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How many commands are measured before the store is made anew, so that it stays as large as it is said to
/// be.
const CHUNK: usize = 1_000;

/// Deposits on an account whose stream had this many events before.
fn deposits(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = c.benchmark_group("command");
    for events in [1_000, 10_000] {
        group.bench_function(BenchmarkId::new("by_hand", events), |b| {
            b.iter_custom(|times| runtime.block_on(in_chunks(times, events, by_hand)));
        });
        group.bench_function(BenchmarkId::new("es", events), |b| {
            b.iter_custom(|times| runtime.block_on(in_chunks(times, events, declared)));
        });
    }
    group.finish();
}

/// Measures `times` commands, each chunk of them on a new store with a history of `events`.
async fn in_chunks(
    times: u64,
    events: u64,
    measure: impl AsyncFn(MemoryStore, Uuid, u64) -> Duration,
) -> Duration {
    let mut measured = Duration::ZERO;
    for from in (0..times).step_by(CHUNK) {
        let (store, account) = (MemoryStore::new(), Uuid::now_v7());
        store_history(&store, &account, events).await;
        measured += measure(store, account, (times - from).min(CHUNK as u64)).await;
    }
    measured
}

async fn declared(store: MemoryStore, account: Uuid, times: u64) -> Duration {
    let app = App::builder(store).aggregate::<Account>().build().await.unwrap();
    app.execute(Deposit { account, amount: 1 }).await.unwrap();
    let started = Instant::now();
    for _ in 0..times {
        black_box(app.execute(Deposit { account, amount: 1 }).await.unwrap());
    }
    started.elapsed()
}

/// Without a framework, on the same store: a state at hand, an id for the command, one for the event, JSON,
/// an append under the expected version.
async fn by_hand(store: MemoryStore, account: Uuid, times: u64) -> Duration {
    let stream = Account::stream(&account);
    let mut version = store.read_stream(&stream, StreamRead::after(0).limit(1)).await.unwrap().head.version;
    let mut balance = 0;
    let started = Instant::now();
    for _ in 0..times {
        let command = Uuid::now_v7();
        let event = MoneyDeposited { amount: 1, reference: "salary".to_owned() };
        let metadata = format!(r#"{{"command":"Deposit","command_id":"{command}"}}"#);
        balance += event.amount;
        let event = NewEvent {
            id: Uuid::now_v7(),
            name: "MoneyDeposited".into(),
            schema: 1,
            recorded_at: Timestamp::now(),
            payload: serde_json::to_vec(&event).unwrap().into(),
            metadata: metadata.into_bytes().into(),
        };
        let commit = Commit::one(stream.clone(), Expected::Exact(version), vec![event]);
        version = black_box(store.append(commit).await.unwrap()).heads[0].version;
    }
    black_box(balance);
    started.elapsed()
}

criterion_group!(benches, deposits);
criterion_main!(benches);
