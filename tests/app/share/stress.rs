//! Commands of all kinds, given at random to two apps over one store that fails at random: whatever they are told has to
//! be what the log says.

use super::judge::{Asked, Heard, Told, judged};
use crate::bank::{
    Account, AccountError, AccountId, DepositParts, Errand, Fetch, FillUp, NoErrand, deposit, opened, stream,
    withdraw,
};
use crate::kit::Place;
use crate::probe::{Fate, Probe};
use es_core::Execute;
use es_core::prelude::*;
use es_core::store::{AppendError, StreamRead};
use fastrand::Rng;
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::server::process::often;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

on_every_store! {
    whatever_happens_everybody_is_told_what_the_log_says
}

async fn whatever_happens_everybody_is_told_what_the_log_says(place: Place) {
    let seed = Rng::new().u64(..);
    println!("ES_SHARE_SEED={seed}");
    stressed(place, seed, Pace { tasks: 8, each: 10, takes_time: false }).await;
}

/// The clock stands still while anybody is busy, and there is one thread: a seed tells all that happens.
#[test]
fn whatever_happens_in_whatever_order_everybody_is_told_what_the_log_says() {
    let given = std::env::var("ES_SHARE_SEED").ok().map(|seed| vec![seed.parse().expect("a number")]);
    let seeds = given.unwrap_or_else(|| (0..often(20, 400)).map(|_| Rng::new().u64(..)).collect());
    let mut figures = [0; 4];
    for &seed in &seeds {
        println!("ES_SHARE_SEED={seed}");
        fastrand::seed(seed);
        let paused = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let much = Pace { tasks: 16, each: 12, takes_time: true };
        let seen = paused.unwrap().block_on(stressed(Place::memory(), seed, much));
        figures.iter_mut().zip(seen).for_each(|(sum, seen)| *sum += seen);
    }
    let [done, refused, left, commits] = figures;
    println!(
        "shared commits: {} runs, {done} commands carried out, {refused} refused, {left} left unheard, {commits} commits at most",
        seeds.len()
    );
    assert!(done > 0 && refused > 0 && left > 0 && commits < done, "hardly anybody has shared a commit");
}

/// How much happens.
#[derive(Clone, Copy)]
struct Pace {
    tasks: u64,
    each: u64,
    /// Whether commits take a while, of a clock that stands still.
    takes_time: bool,
}

/// What the tasks of a run share.
struct Run {
    apps: [App; 2],
    /// Another hand on the log, which nothing happens to.
    log: Probe,
    /// The version that was answered last, of each account.
    heard: [AtomicU64; ACCOUNTS],
    told: Mutex<Vec<Told>>,
    /// Commands that are neither dropped nor polled.
    forgotten: Mutex<Vec<Box<dyn Any + Send>>>,
    takes_time: bool,
}

const ACCOUNTS: usize = 3;

/// Far longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_hours(1);

fn account(at: usize) -> AccountId {
    AccountId(format!("account-{at}"))
}

/// What becomes of the next commits.
fn fates(rng: &mut Rng, takes_time: bool) -> Vec<Fate> {
    let pause = match rng.u32(..100) {
        0..98 => rng.u64(..20),
        _ => rng.u64(900..3_000),
    };
    match rng.u32(..1_000) {
        0..800 if takes_time => {
            vec![Fate::After(Box::pin(async move { sleep(Duration::from_millis(pause)).await }))]
        }
        0..800 => vec![Fate::After(Box::pin(yield_now()))],
        800..840 => vec![Fate::StoredUnheard],
        840..880 => vec![Fate::LostUnheard],
        880..910 => vec![Fate::Unavailable],
        // Longer than a commit is sent again.
        910..912 if takes_time => (0..30).map(|_| Fate::LostUnheard).collect(),
        _ => vec![Fate::Stored],
    }
}

async fn stressed(place: Place, seed: u64, much: Pace) -> [usize; 4] {
    let mut rng = Rng::with_seed(seed);
    let stores = [place.open().await, place.open().await];
    let mut apps = Vec::new();
    for store in &stores {
        let errand: Arc<dyn Errand> = Arc::new(NoErrand);
        let room = [0, 1, 100][rng.usize(..3)];
        let app = App::builder(store.clone()).aggregate::<Account>().service::<dyn Errand>(errand);
        apps.push(app.cache(room).build().await.unwrap());
    }
    for at in 0..ACCOUNTS {
        opened(&apps[0], account(at), 50).await;
    }
    for store in &stores {
        store.counted();
        for _ in 0..much.tasks * much.each {
            store.fates(fates(&mut rng, much.takes_time));
        }
    }
    let run = Arc::new(Run {
        apps: apps.try_into().unwrap(),
        log: place.open().await,
        heard: [const { AtomicU64::new(2) }; ACCOUNTS],
        told: Mutex::default(),
        forgotten: Mutex::default(),
        takes_time: much.takes_time,
    });
    let mut tasks = JoinSet::new();
    for task in 0..much.tasks {
        let (run, mut rng) = (run.clone(), rng.fork());
        tasks.spawn(async move {
            for n in 0..much.each {
                run.one(&mut rng, format!("{task}.{n}")).await;
            }
        });
    }
    timeout(PATIENCE, tasks.join_all()).await.expect("somebody waits for ever");
    // What was forgotten may have had company, and holds turns.
    run.forgotten.lock().unwrap().clear();
    run.settled().await;
    let told = std::mem::take(&mut *run.told.lock().unwrap());
    let sums = judged(&run.apps[0], &place, &told).await;
    let counted = stores.map(|store| store.counted());
    [sums[0], sums[1], sums[2], counted.iter().map(|counted| counted.appends - counted.conflicts).sum()]
}

impl Run {
    /// Waits for commits that nobody waits for any more: each stream's last turn is behind them.
    async fn settled(&self) {
        for (app, at) in self.apps.iter().flat_map(|app| (0..ACCOUNTS).map(move |at| (app, at))) {
            while app.execute(deposit(account(at), 0)).by("last").await.is_err() {}
        }
        if self.takes_time {
            sleep(PATIENCE).await;
        }
    }

    /// Gives a command, and notes what it was told.
    async fn one(&self, rng: &mut Rng, tag: String) {
        let (app, at, amount) = (&self.apps[rng.usize(..2)], rng.usize(..ACCOUNTS), rng.u64(1..40));
        let given = Given { run: self, tag, at, floor: self.heard[at].load(Ordering::SeqCst) };
        let (account, parts, more) = (account(at), rng.usize(2..6), amount * 3);
        match rng.u32(..100) {
            0..35 => given.note(Asked::Deposit(amount), rng, app.execute(deposit(account, amount))).await,
            35..55 => {
                let answer = given.left(rng, app.execute(withdraw(account, more)).by(&given.tag)).await;
                given.tell(Asked::Withdraw(more), answer, |receipt| Some(receipt.left), available).await;
            }
            55..75 => {
                given.note(Asked::FillUp(more), rng, app.execute(FillUp { account, level: more })).await;
            }
            75..82 => {
                let command = app.execute(DepositParts { account, amount, parts });
                given.note(Asked::Parts(amount, parts), rng, command).await;
            }
            82..86 => {
                given.note(Asked::Deposit(amount), rng, app.execute(Fetch { account, amount })).await;
            }
            86..90 => {
                let command = app.execute(deposit(account, amount)).expect_version(given.floor);
                given.note(Asked::Expecting(amount, given.floor), rng, command).await;
            }
            90..94 => {
                // Both apps are given it, under one id.
                let id = CommandId::new();
                let twice = |app: &App| app.execute(deposit(account.clone(), amount)).id(id).by(&given.tag);
                let (one, other) = tokio::join!(twice(&self.apps[0]), twice(&self.apps[1]));
                given.tell(Asked::Twice(amount), Some(one), |()| None, |_| unreachable!()).await;
                given.tell(Asked::Twice(amount), Some(other), |()| None, |_| unreachable!()).await;
            }
            _ => given.moved(rng, app, amount).await,
        }
    }
}

/// A command that was given.
struct Given<'a> {
    run: &'a Run,
    tag: String,
    at: usize,
    /// The version that was answered to somebody before.
    floor: u64,
}

fn available(error: &AccountError) -> u64 {
    match error {
        AccountError::Overdraft { available } => *available,
        AccountError::Nothing => unreachable!("nothing is not asked for"),
    }
}

impl Given<'_> {
    /// What a command is answered, unless it is dropped, or forgotten, before.
    async fn left<C, T, E>(&self, rng: &mut Rng, mut command: Execute<C, T, E>) -> Option<Result<T, E>>
    where
        Execute<C, T, E>: Future<Output = Result<T, E>> + Send + Unpin + 'static,
    {
        let patience = match rng.u32(..10) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(rng.u64(1..60)),
            _ => return Some(command.await),
        };
        let answer = timeout(patience, &mut command).await.ok();
        if answer.is_none() && self.run.takes_time && rng.bool() {
            self.run.forgotten.lock().unwrap().push(Box::new(command));
        }
        answer
    }

    async fn note<C, E>(
        &self,
        asked: Asked,
        rng: &mut Rng,
        command: Execute<C, Committed<Account>, CommandError<E>>,
    ) where
        Execute<C, Committed<Account>, CommandError<E>>:
            Future<Output = Result<Committed<Account>, CommandError<E>>> + Send + Unpin + 'static,
        E: std::fmt::Debug,
    {
        let answer = self.left(rng, command.by(&self.tag)).await;
        self.tell(asked, answer, |()| None, |error| panic!("{error:?}")).await;
    }

    async fn tell<R, E: std::fmt::Debug>(
        &self,
        asked: Asked,
        answer: Option<Result<Committed<Account, R>, CommandError<E>>>,
        reply: impl Fn(&R) -> Option<u64>,
        available: impl Fn(&E) -> u64,
    ) {
        let heard = match answer {
            Some(Ok(done)) => self.done(done, reply),
            Some(Err(error)) => failed(error, available),
            None => Heard::Unknown,
        };
        self.put(self.at, self.floor, asked, heard).await;
    }

    fn done<R>(&self, done: Committed<Account, R>, reply: impl Fn(&R) -> Option<u64>) -> Heard {
        self.run.heard[self.at].fetch_max(done.version, Ordering::SeqCst);
        Heard::Done {
            reply: reply(&done.reply),
            events: done.events,
            version: done.version,
            position: done.position,
            balance: done.state.map(|account| account.balance),
            duplicate: done.duplicate,
        }
    }

    async fn put(&self, at: usize, floor: u64, asked: Asked, heard: Heard) {
        let account = account(at);
        let page = self.run.log.read_stream(&stream(&account), StreamRead::after(0).limit(1)).await.unwrap();
        let told = Told { tag: self.tag.clone(), account, asked, floor, ceiling: page.head.version, heard };
        self.run.told.lock().unwrap().push(told);
    }

    /// Moves money to the next account.
    async fn moved(&self, rng: &mut Rng, app: &App, amount: u64) {
        let next = (self.at + 1) % ACCOUNTS;
        let floor = self.run.heard[next].load(Ordering::SeqCst);
        let group = (withdraw(account(self.at), amount), deposit(account(next), amount));
        let (taken, given) = match self.left(rng, app.execute_all(group).by(&self.tag)).await {
            Some(Ok((taken, given))) => {
                let to = Given { run: self.run, tag: self.tag.clone(), at: next, floor };
                (self.done(taken, |receipt| Some(receipt.left)), to.done(given, |()| None))
            }
            Some(Err(error)) => {
                (failed(error, |error| available(error.downcast_ref().unwrap())), Heard::Unknown)
            }
            None => (Heard::Unknown, Heard::Unknown),
        };
        self.put(self.at, self.floor, Asked::Withdraw(amount), taken).await;
        self.put(next, floor, Asked::Deposit(amount), given).await;
    }
}

fn failed<E: std::fmt::Debug>(error: CommandError<E>, available: impl Fn(&E) -> u64) -> Heard {
    match error {
        CommandError::Rejected(error) => Heard::Overdraft(available(&error)),
        CommandError::Store(StoreError::Append(AppendError::Ambiguous { .. })) => Heard::Unknown,
        CommandError::Store(StoreError::Append(AppendError::Unavailable { .. }))
        | CommandError::Conflict { .. } => Heard::NotStored,
        other => panic!("{other:?}"),
    }
}
