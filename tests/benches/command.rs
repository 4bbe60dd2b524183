//! A command on a cached aggregate, in memory.
#![allow(missing_docs)]

mod bank;

use bank::{Account, Deposit, store_history};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use es_core::prelude::*;
use es_core::store::{Commit, EventStore, Expected, MemoryStore, NewEvent};
use std::hint::black_box;
use std::time::Instant;

/// Deposits on an account whose stream had this many events before.
fn deposits(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = c.benchmark_group("command");
    for events in [1_000, 10_000] {
        let (store, account) = (MemoryStore::new(), Uuid::now_v7());
        runtime.block_on(store_history(&store, &account, events));
        group.bench_function(BenchmarkId::new("by_hand", events), |b| {
            b.iter_custom(|times| runtime.block_on(by_hand(&store, account, events, times)));
        });
        let (store, account) = (MemoryStore::new(), Uuid::now_v7());
        runtime.block_on(store_history(&store, &account, events));
        let app = runtime.block_on(App::builder(store).aggregate::<Account>().build()).unwrap();
        group.bench_function(BenchmarkId::new("es", events), |b| {
            b.iter_custom(|times| runtime.block_on(declared(&app, account, times)));
        });
    }
    group.finish();
}

async fn declared(app: &App, account: Uuid, times: u64) -> std::time::Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(app.execute(Deposit { account, amount: 1 }).await.unwrap());
    }
    started.elapsed()
}

/// Without a framework, on the same store: a state at hand, an id for the command, one for the event, JSON,
/// an append under the expected version.
async fn by_hand(store: &MemoryStore, account: Uuid, _: u64, times: u64) -> std::time::Duration {
    let stream = Account::stream(&account);
    let read = es_core::store::StreamRead::after(0);
    let mut version = store.read_stream(&stream, read.limit(1)).await.unwrap().head.version;
    let mut balance = 0;
    let started = Instant::now();
    for _ in 0..times {
        let command = Uuid::now_v7();
        let event = bank::MoneyDeposited { amount: 1, reference: "salary".to_owned() };
        balance += event.amount;
        let metadata = format!(r#"{{"command":"Deposit","command_id":"{command}"}}"#);
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
