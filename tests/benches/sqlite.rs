//! Commands on a SQLite file that survives a power loss.
#![allow(missing_docs)]

mod bank;

use bank::{Account, Deposit, OpenAccount};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use es_core::prelude::*;
use es_core::rusqlite::{Connection, TransactionBehavior, params};
use es_core::store::SqliteStore;
use std::time::{Duration, Instant};

const CALLERS: usize = 64;

fn deposits(c: &mut Criterion) {
    // As a service would: callers on some threads, the file's writer on its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut file = open_file(&dir.path().join("by_hand.db"));
    let app = runtime.block_on(open_app(&dir.path().join("es.db")));
    let accounts = runtime.block_on(open_accounts(&app));

    let mut group = c.benchmark_group("sqlite_full");
    group.throughput(Throughput::Elements(1));
    group.bench_function("by_hand_one_caller", |b| b.iter_custom(|times| by_hand(&mut file, times)));
    group.bench_function("es_one_caller", |b| {
        b.iter_custom(|times| runtime.block_on(callers(&app, &accounts[..1], times)));
    });
    // One command of each: what is measured is so many times as much.
    group.throughput(Throughput::Elements(CALLERS as u64));
    group.bench_function("es_64_callers", |b| {
        b.iter_custom(|times| runtime.block_on(callers(&app, &accounts, times)));
    });
    group.finish();
}

async fn open_app(file: &std::path::Path) -> App {
    let store = SqliteStore::open(file).await.unwrap();
    App::builder(store).aggregate::<Account>().build().await.unwrap()
}

async fn open_accounts(app: &App) -> Vec<Uuid> {
    let accounts: Vec<_> = (0..CALLERS).map(|_| Uuid::now_v7()).collect();
    for account in &accounts {
        app.execute(OpenAccount { account: *account, owner: "Ann".to_owned() }).await.unwrap();
    }
    accounts
}

/// `times` deposits of each caller, one caller for each account.
async fn callers(app: &App, accounts: &[Uuid], times: u64) -> Duration {
    let started = Instant::now();
    let tasks: Vec<_> = accounts
        .iter()
        .map(|account| {
            let (app, account) = (app.clone(), *account);
            tokio::spawn(async move {
                for _ in 0..times {
                    app.execute(Deposit { account, amount: 1 }).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    started.elapsed()
}

/// The same table, the same guarantees: a transaction that takes the write lock first, a look for the
/// command's event, a look at the stream's head, a dense position, a commit that reaches the disk.
fn by_hand(file: &mut Connection, times: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        deposit(file).unwrap();
    }
    started.elapsed()
}

fn deposit(file: &mut Connection) -> es_core::rusqlite::Result<()> {
    let (command, event) = (Uuid::now_v7(), Uuid::now_v7());
    let payload = br#"{"amount":1,"reference":"salary"}"#;
    let metadata = format!(r#"{{"command":"Deposit","command_id":"{command}"}}"#);
    let now = Timestamp::now().as_microsecond();
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut known = transaction.prepare_cached("SELECT version FROM events WHERE event_id = ?1")?;
        let mut head = transaction
            .prepare_cached("SELECT version FROM events WHERE stream = ?1 ORDER BY version DESC LIMIT 1")?;
        let mut last = transaction
            .prepare_cached("SELECT position, stored_at FROM events ORDER BY position DESC LIMIT 1")?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO events (position, stream, category, version, event_id, name, schema, recorded_at, \
             stored_at, payload, metadata) VALUES (?1, ?2, 'account', ?3, ?4, 'MoneyDeposited', 1, ?5, ?6, ?7, ?8)",
        )?;
        assert!(!known.exists([event.as_bytes().as_slice()])?);
        let version: i64 = head.query_row(["account-1"], |row| row.get(0)).unwrap_or(0);
        let (position, stored_at): (i64, i64) =
            last.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap_or((0, 0));
        insert.execute(params![
            position + 1,
            "account-1",
            version + 1,
            event.as_bytes().as_slice(),
            now,
            now.max(stored_at),
            payload.as_slice(),
            metadata.as_bytes()
        ])?;
    }
    transaction.commit()
}

fn open_file(path: &std::path::Path) -> Connection {
    let file = Connection::open(path).unwrap();
    file.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
         CREATE TABLE events (
           position INTEGER PRIMARY KEY, stream TEXT NOT NULL, category TEXT NOT NULL, version INTEGER NOT NULL,
           event_id BLOB NOT NULL, name TEXT NOT NULL, schema INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
           stored_at INTEGER NOT NULL, payload BLOB, metadata BLOB NOT NULL) STRICT;
         CREATE UNIQUE INDEX events_stream ON events (stream, version);
         CREATE UNIQUE INDEX events_id ON events (event_id);
         CREATE INDEX events_category ON events (category, position);",
    )
    .unwrap();
    file
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(8));
    targets = deposits
}
criterion_main!(benches);
