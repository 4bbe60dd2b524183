//! Commands on PostgreSQL, beside what one would write with sqlx and with tokio-postgres, by turns in one run;
//! prints the medians of the rounds and their ratios. It needs a server:
//! `tests/servers cargo bench -p tests --bench postgres_commands -- 9 400` takes nine rounds of four hundred commands;
//! `callers`, `hot` or `hydrate` behind that is this part alone. Nobody uses TLS, which would be measured, too.
#![allow(missing_docs)]

#[path = "../bank/mod.rs"]
mod bank;
mod by_hand;

use bank::{Account, Deposit, OpenAccount, store_history};
use by_hand::{Place, Sqlx, Tokio, Way};
use es_core::prelude::*;
use es_core::store::{PgOptions, PgStore};
use std::time::{Duration, Instant};

const CALLERS: usize = 64;
const TASKS: usize = 8;
/// How many commands each of them gives.
const EACH: u32 = 125;
const HOT: u64 = 1_000;
const LONG: u64 = 10_000;
const WAYS: [Way; 3] = [Way::Bare, Way::Locked, Way::Called];

fn main() {
    let Ok(url) = std::env::var("ES_POSTGRES") else {
        return println!("left out: {}", tests::server::NEEDED);
    };
    let url = format!("{url}?sslmode=disable");
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut numbers = asked.iter().filter_map(|argument| argument.parse().ok());
    let (rounds, times) = (numbers.next().unwrap_or(9_u32), numbers.next().unwrap_or(400));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // On a worker, as in a server: what runs beside the workers is woken by one of them for each packet.
    let all = runtime.spawn(async move {
        let place = Place { url, schema: tests::server::unique() };
        let options = PgOptions::new().schema(&place.schema);
        PgStore::migrate(&place.url, &options).await.unwrap();
        let store = PgStore::connect_with(&place.url, options).await.unwrap();
        place.create().await;
        let app = app(&store, 10_000).await;
        let parts: Vec<_> = asked.iter().filter(|argument| argument.parse::<u32>().is_err()).collect();
        let is_asked = |part| parts.is_empty() || parts.iter().any(|asked| *asked == part);
        if is_asked("callers") {
            callers(&place, &app, rounds, times).await;
        }
        if is_asked("hot") {
            hot(&place, &app, rounds.min(3)).await;
        }
        if is_asked("hydrate") {
            hydrate(&place, &store, rounds).await;
        }
    });
    runtime.block_on(all).unwrap();
}

async fn app(store: &PgStore, cached: usize) -> App {
    App::builder(store.clone()).aggregate::<Account>().cache(cached).build().await.unwrap()
}

async fn callers(place: &Place, app: &App, rounds: u32, times: u32) {
    let accounts: Vec<_> = (0..CALLERS).map(|_| Uuid::now_v7()).collect();
    for account in &accounts {
        app.execute(OpenAccount { account: *account, owner: "Ann".to_owned() }).await.unwrap();
    }
    let (mut sqlx, mut tokio) = (Sqlx::connect_to_append(place).await, Tokio::connect_to_append(place).await);
    let mut by_hand: [[Vec<Duration>; 2]; 3] = Default::default();
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for (way, [by_sqlx, by_tokio]) in WAYS.into_iter().zip(&mut by_hand) {
            let started = Instant::now();
            for version in 1..=i64::from(times) {
                assert!(sqlx.store(way, &format!("account-sqlx-{round}"), version).await);
            }
            by_sqlx.push(started.elapsed() / times);
            let started = Instant::now();
            for version in 1..=i64::from(times) {
                tokio.store(way, &format!("account-tokio-{round}"), version).await;
            }
            by_tokio.push(started.elapsed() / times);
        }
        one.push(deposits(app, &accounts[..1], times).await / times);
        let all = u32::try_from(CALLERS).unwrap() * times;
        many.push(deposits(app, &accounts, times).await / all);
    }
    let (one, many) = (median(one), median(many));
    println!("one caller, a command: es {one:?}");
    for (way, [sqlx, tokio]) in WAYS.into_iter().zip(by_hand) {
        compare(&format!("one caller, beside {way:?} (sqlx)"), one, median(sqlx));
        compare(&format!("one caller, beside {way:?} (tokio-postgres)"), one, median(tokio));
    }
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
async fn hot(place: &Place, app: &App, rounds: u32) {
    let mut ours = Vec::new();
    let mut theirs: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds {
        let account = Uuid::now_v7();
        app.execute(OpenAccount { account, owner: "Ann".to_owned() }).await.unwrap();
        ours.push(deposits(app, &[account; TASKS], EACH).await);
        let loaded = app.load::<Account>(&account).await.unwrap().unwrap();
        assert_eq!((loaded.version(), loaded.balance), (HOT + 1, HOT));
        for (way, taken) in WAYS.into_iter().zip(&mut theirs) {
            taken.push(contention(place, way, &format!("account-hot-{round}")).await);
        }
    }
    let ours = median(ours);
    for (way, taken) in WAYS.into_iter().zip(theirs) {
        let what = format!("8 tasks on one stream, 1,000 commands, beside an optimistic loop, {way:?}");
        compare(&what, ours, median(taken));
    }
}

/// The same by hand, with sqlx: the first to store is right.
async fn contention(place: &Place, way: Way, stream: &str) -> Duration {
    let mut connections = Vec::new();
    for _ in 0..TASKS {
        connections.push(Sqlx::connect_to_append(place).await);
    }
    assert!(connections[0].store(way, stream, 1).await);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for connection in connections {
        tasks.spawn(connection.contend(way, stream.to_owned(), EACH));
    }
    let mut done = tasks.join_all().await;
    let taken = started.elapsed();
    let (_, version) = done[0].fold(way, stream).await;
    assert_eq!(version, i64::try_from(HOT).unwrap() + 1);
    taken
}

/// A stream of ten thousand events.
async fn hydrate(place: &Place, store: &PgStore, rounds: u32) {
    let account = Uuid::now_v7();
    store_history(store, &account, LONG).await;
    by_hand::store_history(place, "account-long", LONG).await;
    let app = app(store, 0).await;
    let (mut sqlx, mut tokio) = (Sqlx::connect(place).await, Tokio::connect(place).await);
    let mut taken: [Vec<Duration>; 3] = Default::default();
    for _ in 0..rounds {
        let started = Instant::now();
        let theirs = sqlx.fold(Way::Bare, "account-long").await;
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
