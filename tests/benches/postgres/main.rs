//! Commands on PostgreSQL, beside what one would write with sqlx and with tokio-postgres, by turns in one run;
//! prints the medians of the rounds and their ratios. It needs a server:
//! `tests/servers cargo bench -p tests --bench postgres -- 9 400` takes nine rounds of four hundred commands.
#![allow(missing_docs)]

#[path = "../bank/mod.rs"]
mod bank;
mod by_hand;

use bank::{Account, Deposit, OpenAccount, store_history};
use by_hand::{Sqlx, Tokio};
use es_core::prelude::*;
use es_core::store::{PgOptions, PgStore};
use std::time::{Duration, Instant};

const CALLERS: usize = 64;
const TASKS: usize = 8;
/// How many commands each of them gives.
const EACH: u32 = 125;
const HOT: u64 = 1_000;
const LONG: u64 = 10_000;

fn main() {
    let Ok(url) = std::env::var("ES_POSTGRES") else {
        return println!("left out: {}", tests::server::NEEDED);
    };
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (rounds, times) = (numbers.next().unwrap_or(9_u32), numbers.next().unwrap_or(400));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let options = PgOptions::new().schema(tests::server::unique());
        let store = tests::server::postgres(options).await;
        by_hand::create(&url).await;
        let app = app(&store, 10_000).await;
        callers(&url, &app, rounds, times).await;
        hot(&url, &app, rounds.min(3)).await;
        hydrate(&url, &store, rounds).await;
    });
}

async fn app(store: &PgStore, cached: usize) -> App {
    App::builder(store.clone()).aggregate::<Account>().cache(cached).build().await.unwrap()
}

async fn callers(url: &str, app: &App, rounds: u32, times: u32) {
    let accounts: Vec<_> = (0..CALLERS).map(|_| Uuid::now_v7()).collect();
    for account in &accounts {
        app.execute(OpenAccount { account: *account, owner: "Ann".to_owned() }).await.unwrap();
    }
    let (mut sqlx, mut tokio) = (Sqlx::connect(url).await, Tokio::connect(url).await);
    let mut taken: [Vec<Duration>; 6] = Default::default();
    for round in 0..rounds {
        let (from, count) = (0, i64::from(times));
        let stream = |name: &str| format!("account-{name}-{round}");
        taken[0].push(sqlx.bare(&stream("sqlx"), from, count).await / times);
        taken[1].push(tokio.bare(&stream("tokio"), from, count).await / times);
        taken[2].push(sqlx.ordered(&stream("sqlx-ordered"), from, count).await / times);
        taken[3].push(tokio.ordered(&stream("tokio-ordered"), from, count).await / times);
        taken[4].push(deposits(app, &accounts[..1], times).await / times);
        let all = u32::try_from(CALLERS).unwrap() * times;
        taken[5].push(deposits(app, &accounts, times).await / all);
    }
    let [bare_sqlx, bare_tokio, sqlx, tokio, one, many] = taken.map(median);
    println!("one caller, a command: es {one:?}");
    compare("one caller, beside an insert under a lock (sqlx)", one, sqlx);
    compare("one caller, beside an insert under a lock (tokio-postgres)", one, tokio);
    compare("one caller, beside a bare insert (sqlx)", one, bare_sqlx);
    compare("one caller, beside a bare insert (tokio-postgres)", one, bare_tokio);
    println!("{CALLERS} callers, a command: {many:?}, {:.2} x of one caller's rate", ratio(one, many));
}

/// `times` deposits of each caller, one caller for each account.
async fn deposits(app: &App, accounts: &[Uuid], times: u32) -> Duration {
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for account in accounts.iter().copied() {
        let app = app.clone();
        tasks.spawn(async move {
            for _ in 0..times {
                app.execute(Deposit { account, amount: 1 }).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    started.elapsed()
}

/// Eight tasks on one stream.
async fn hot(url: &str, app: &App, rounds: u32) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let account = Uuid::now_v7();
        app.execute(OpenAccount { account, owner: "Ann".to_owned() }).await.unwrap();
        ours.push(deposits(app, &[account; TASKS], EACH).await);
        let stream = format!("account-hot-{round}");
        by_hand::store_history(url, &stream, 1).await;
        let mut tasks = tokio::task::JoinSet::new();
        let mut connections = Vec::new();
        for _ in 0..TASKS {
            connections.push(Sqlx::connect(url).await);
        }
        let started = Instant::now();
        for connection in connections {
            tasks.spawn(connection.contend(stream.clone(), EACH));
        }
        let mut done = tasks.join_all().await;
        theirs.push(started.elapsed());
        let (_, version) = done[0].fold(&stream).await;
        assert_eq!(version, i64::try_from(HOT).unwrap() + 1);
        let loaded = app.load::<Account>(&account).await.unwrap().unwrap();
        assert_eq!((loaded.version(), loaded.balance), (HOT + 1, HOT));
    }
    compare("8 tasks on one stream, 1,000 commands, beside an optimistic loop", median(ours), median(theirs));
}

/// A stream of ten thousand events.
async fn hydrate(url: &str, store: &PgStore, rounds: u32) {
    let account = Uuid::now_v7();
    store_history(store, &account, LONG).await;
    by_hand::store_history(url, "account-long", LONG).await;
    let app = app(store, 0).await;
    let (mut sqlx, mut tokio) = (Sqlx::connect(url).await, Tokio::connect(url).await);
    let mut taken: [Vec<Duration>; 3] = Default::default();
    for _ in 0..rounds {
        let started = Instant::now();
        let theirs = sqlx.fold("account-long").await;
        taken[0].push(started.elapsed());
        let started = Instant::now();
        assert_eq!(tokio.fold("account-long").await, theirs);
        taken[1].push(started.elapsed());
        let started = Instant::now();
        let loaded = app.load::<Account>(&account).await.unwrap().unwrap();
        taken[2].push(started.elapsed());
        assert_eq!((loaded.balance, loaded.version()), (theirs.0, LONG));
    }
    let [sqlx, tokio, ours] = taken.map(median);
    println!("{LONG} events, a load: es {ours:?}");
    compare("a load, beside sqlx", ours, sqlx);
    compare("a load, beside tokio-postgres", ours, tokio);
}

fn median(mut taken: Vec<Duration>) -> Duration {
    taken.sort();
    taken[taken.len() / 2]
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

fn compare(what: &str, ours: Duration, theirs: Duration) {
    println!("{what}: {ours:?} / {theirs:?} = {:.2}", ratio(ours, theirs));
}
