//! Long streams and many streams: a meter that is read a thousand times a day, and ten thousand meters.

use es_core::prelude::*;
use es_core::store::{MemoryStore, SqliteStore};
use std::time::{Duration, Instant};
use tests::place::{File, Place as _};

#[event]
pub struct Reading {
    pub value: u64,
}

#[command(Meter)]
pub struct Record {
    #[id]
    pub meter: u64,
    pub values: Vec<u64>,
}

/// Keeps no snapshots: it is folded from its first event.
#[aggregate(id = u64, default)]
#[derive(Default)]
pub struct Meter {
    sum: u64,
}

#[applier]
impl Meter {
    fn reading(&mut self, e: &Reading) {
        self.sum += e.value;
    }
}

#[command_handler]
impl Meter {
    fn record(&self, command: Record) -> Vec<Reading> {
        command.values.into_iter().map(|value| Reading { value }).collect()
    }
}

/// An app that remembers nothing from one command to the next.
async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Meter>().cache(0).build().await.unwrap()
}

/// One meter with so many thousand readings, 1, 2, 3 and so on.
async fn long(store: impl EventStore, thousands: u64) -> App {
    let app = app(store).await;
    for thousand in 0..thousands {
        let values = (1..=1_000).map(|n| thousand * 1_000 + n).collect();
        app.execute(Record { meter: 1, values }).await.unwrap();
    }
    app
}

/// Meters 1, 2, 3 and so on, with three readings each, recorded many at a time.
async fn many(store: impl EventStore, meters: u64) -> App {
    let app = app(store).await;
    let everyone: Vec<_> = (1..=meters).map(|meter| Record { meter, values: vec![meter; 3] }).collect();
    for some in everyone.chunks(300) {
        app.execute_all(some.to_vec()).await.unwrap();
    }
    app
}

on_every_store! {
    ac_63_five_thousand_events_are_one_state,
    ac_63_ten_thousand_events_are_one_state,
    ac_63_one_stream_among_a_thousand,
    ac_63_one_stream_among_ten_thousand,
}

async fn ac_63_five_thousand_events_are_one_state(store: impl EventStore) {
    let meter = long(store, 5).await.load::<Meter>(&1).await.unwrap().unwrap();
    assert_eq!((meter.version(), meter.sum), (5_000, 5_000 * 5_001 / 2));
}

async fn ac_63_ten_thousand_events_are_one_state(store: impl EventStore) {
    let meter = long(store, 10).await.load::<Meter>(&1).await.unwrap().unwrap();
    assert_eq!((meter.version(), meter.sum), (10_000, 10_000 * 10_001 / 2));
}

async fn ac_63_one_stream_among_a_thousand(store: impl EventStore) {
    one_among(store, 1_000).await;
}

async fn ac_63_one_stream_among_ten_thousand(store: impl EventStore) {
    one_among(store, 10_000).await;
}

async fn one_among(store: impl EventStore, meters: u64) {
    let app = many(store, meters).await;
    let last = app.load::<Meter>(&meters).await.unwrap().unwrap();
    assert_eq!((last.version(), last.sum), (3, 3 * meters));
    let new = app.execute(Record { meter: meters + 1, values: vec![7] }).await.unwrap();
    assert_eq!(new.version, 1);
    assert!(new.position > last.position());
}

/// How long it takes to load one meter, and to begin a new one.
struct Report {
    load: Duration,
    begin: Duration,
}

async fn measure(store: impl EventStore, meters: u64) -> Report {
    const TIMES: u32 = 500;
    let app = many(store, meters).await;
    let started = Instant::now();
    for n in 0..u64::from(TIMES) {
        let meter = n * 7_919 % meters + 1;
        app.load::<Meter>(&meter).await.unwrap().unwrap();
    }
    let load = started.elapsed() / TIMES;
    let started = Instant::now();
    for n in 1..=u64::from(TIMES) {
        app.execute(Record { meter: meters + n, values: vec![1] }).await.unwrap();
    }
    Report { load, begin: started.elapsed() / TIMES }
}

#[tokio::test]
#[ignore = "a report of several minutes, not a check"]
async fn ac_63_a_million_streams_cost_what_a_thousand_cost() {
    for meters in [1_000, 1_000_000] {
        let memory = measure(MemoryStore::new(), meters).await;
        println!("{meters:>9} streams in memory: load {:?}, begin {:?}", memory.load, memory.begin);
        let file = File::fresh().await;
        let sqlite = measure(SqliteStore::open(file.path()).await.unwrap(), meters).await;
        println!("{meters:>9} streams in SQLite: load {:?}, begin {:?}", sqlite.load, sqlite.begin);
    }
}
