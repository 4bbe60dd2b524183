//! From events to a state: decoded ones, and stored ones.
#![allow(missing_docs)]

mod bank;

use bank::{Account, AccountEvent, by_hand, history, store_history};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use es_core::Life;
use es_core::prelude::*;
use es_core::store::{EventStore, MemoryStore, StreamRead};
use std::hint::black_box;
use std::sync::Arc;

const EVENTS: u64 = 1_000;

/// A fold of events that are decoded already.
fn fold(c: &mut Criterion) {
    let events = history(EVENTS);
    let mut envelope = Envelope {
        id: Uuid::nil(),
        stream: StreamId::named("account-1"),
        version: 0,
        recorded_at: Timestamp::UNIX_EPOCH,
        metadata: Arc::default(),
    };
    let mut group = c.benchmark_group("fold");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("by_hand", |b| b.iter(|| by_hand::fold(black_box(&events))));
    group.bench_function("es", |b| b.iter(|| declared(black_box(&events), &mut envelope)));
    group.finish();
}

/// The dispatch that `#[applier]` generates, as a load drives it: the envelope is filled for appliers that
/// look at it.
fn declared(events: &[AccountEvent], envelope: &mut Envelope) -> Life<Account> {
    let mut life = Life::Unborn;
    for event in events {
        if Account::READS_ENVELOPE {
            envelope.version += 1;
        }
        Account::apply(&mut life, event, envelope).unwrap();
    }
    life
}

/// A load without cache: read, decode, fold.
fn replay(c: &mut Criterion) {
    let (store, account) = (MemoryStore::new(), Uuid::now_v7());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store_history(&store, &account, EVENTS));
    let app = runtime.block_on(App::builder(store.clone()).aggregate::<Account>().cache(0).build()).unwrap();
    let stream = Account::stream(&account);
    let mut group = c.benchmark_group("decode_and_fold");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("by_hand", |b| {
        b.iter(|| {
            let page = runtime.block_on(store.read_stream(&stream, StreamRead::after(0))).unwrap();
            black_box(by_hand::replay(&page.events))
        });
    });
    group.bench_function("es", |b| {
        b.iter(|| black_box(runtime.block_on(app.load::<Account>(&account)).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, fold, replay);
criterion_main!(benches);
