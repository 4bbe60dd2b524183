//! Whether a store with many streams is as fast as one with few: fills one of each, then loads and appends on
//! both by turns, and prints medians and ratios. What is asked for stands behind `--`:
//! `tests/servers cargo bench -p tests --bench streams -- 1000000 1000 9 sqlite` has a million streams of three
//! events beside a thousand, and nine rounds, on SQLite only.
#![allow(missing_docs)]

mod bank;

use bank::{Account, Deposit, history};
use es_core::prelude::*;
use es_core::store::{Append, Commit, EventStore, Expected, NewEvent, PgOptions, SqliteStore};
use std::time::{Duration, Instant};

/// Streams in one commit, of three events each.
const TOGETHER: u32 = 300;

/// Commands, or loads, in one round.
const TIMES: u32 = 500;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = asked.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |usual| numbers.next().unwrap_or(usual);
    let (many, few, rounds) = (number(1_000_000), number(1_000), number(9).max(1));
    let is_left_out = |other| asked.iter().any(|argument| argument == other);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if !is_left_out("postgres") {
            let dir = tempfile::tempdir().unwrap();
            let open = async |name| SqliteStore::open(dir.path().join(name)).await.unwrap();
            report("sqlite", open("few.db").await, few, open("many.db").await, many, rounds).await;
        }
        if !is_left_out("sqlite") && std::env::var("ES_POSTGRES").is_ok() {
            let open =
                async || tests::server::postgres(PgOptions::new().schema(tests::server::unique())).await;
            report("postgres", open().await, few, open().await, many, rounds).await;
        }
    });
}

async fn report<S: EventStore + Clone>(name: &str, less: S, few: u32, more: S, many: u32, rounds: u32) {
    let less = Filled::new(less, few).await;
    let more = Filled::new(more, many).await;
    let mut taken: [Vec<Duration>; 4] = Default::default();
    for _ in 0..rounds {
        taken[0].push(less.loads().await);
        taken[1].push(more.loads().await);
        taken[2].push(less.appends().await);
        taken[3].push(more.appends().await);
    }
    let [load_few, load_many, append_few, append_many] = taken.map(|mut taken| {
        taken.sort();
        taken[taken.len() / 2] / TIMES
    });
    println!("{name}: {few} streams filled in {:?}, {many} in {:?}", less.took, more.took);
    let ratio = |of: Duration, to: Duration| of.as_secs_f64() / to.as_secs_f64();
    println!("  load {load_few:?}, {load_many:?}: {:.2}", ratio(load_many, load_few));
    println!("  append {append_few:?}, {append_many:?}: {:.2}", ratio(append_many, append_few));
}

/// A store with so many streams, and an app that keeps no states.
struct Filled {
    app: App,
    streams: u32,
    took: Duration,
}

impl Filled {
    async fn new<S: EventStore + Clone>(store: S, streams: u32) -> Self {
        let started = Instant::now();
        for from in (0..streams).step_by(TOGETHER as usize) {
            let accounts = from..(from + TOGETHER).min(streams);
            store.append(Commit::all(accounts.map(opened).collect())).await.unwrap();
        }
        let took = started.elapsed();
        let app = App::builder(store).aggregate::<Account>().cache(0).build().await.unwrap();
        Self { app, streams, took }
    }

    fn any(&self) -> Uuid {
        account(fastrand::u32(..self.streams))
    }

    async fn loads(&self) -> Duration {
        let started = Instant::now();
        for _ in 0..TIMES {
            let account = self.app.load::<Account>(&self.any()).await.unwrap().unwrap();
            assert!(account.version() >= 3);
        }
        started.elapsed()
    }

    async fn appends(&self) -> Duration {
        let started = Instant::now();
        for _ in 0..TIMES {
            self.app.execute(Deposit { account: self.any(), amount: 1 }).await.unwrap();
        }
        started.elapsed()
    }
}

/// Spread over the whole range, as random ids are.
fn account(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn opened(n: u32) -> Append {
    let events = history(3).into_iter().map(|event| NewEvent {
        id: Uuid::new_v4(),
        name: event.name().into(),
        schema: event.version(),
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: event.encode().unwrap().into(),
        metadata: br#"{"command":"Import"}"#[..].into(),
    });
    let (stream, events) = (Account::stream(&account(n)), events.collect());
    Append { stream, expected: Expected::NoStream, edits: None, events }
}
