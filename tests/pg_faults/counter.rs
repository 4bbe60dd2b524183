//! Counters that several processes add to, and what follows them.

use es_core::prelude::*;
use es_core::store::PgStore;
use std::io::BufRead;
use std::sync::Arc;
use tests::history::say;
use tokio::task::JoinSet;

#[aggregate_id]
pub struct CounterId(String);

impl CounterId {
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

#[event]
pub struct Added {
    pub of: u32,
}

#[command(Counter)]
pub struct Add {
    #[id]
    pub counter: CounterId,
    pub of: u32,
}

#[aggregate(id = CounterId, default)]
#[derive(Default)]
pub struct Counter {
    pub sum: u64,
}

#[applier]
impl Counter {
    fn added(&mut self, e: &Added) {
        self.sum += u64::from(e.of);
    }
}

#[command_handler(retry(max = 50))]
impl Counter {
    fn add(&self, command: Add) -> Added {
        Added { of: command.of }
    }
}

#[projection(key = CounterId)]
pub struct Sums {
    pub added: u32,
    pub sum: u64,
}

#[projection]
impl Sums {
    fn added(&mut self, e: &Added) {
        self.added += 1;
        self.sum += u64::from(e.of);
    }
}

pub async fn app(store: &Arc<PgStore>) -> App {
    let store = PgStore::clone(store);
    App::builder(store).aggregate::<Counter>().projection::<Sums>().build().await.unwrap()
}

/// How many tasks carry out each command.
pub const TASKS: usize = 8;

/// Carries out the same command with several tasks, so many times each, for each line it is told: that is the
/// command's id. `times` is how often each task does.
pub async fn repeat(store: &Arc<PgStore>, times: &str) {
    let times: u32 = times.parse().unwrap();
    let app = app(store).await;
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let id: Uuid = line.unwrap().parse().unwrap();
        let carry_out = |_| {
            let app = app.clone();
            async move {
                for _ in 0..times {
                    let add = Add { counter: CounterId::named("repeated"), of: 1 };
                    let committed = app.execute(add).id(id).await.unwrap();
                    say(&format!("{id} {:?}", committed.version));
                }
            }
        };
        (0..TASKS).map(carry_out).collect::<JoinSet<()>>().join_all().await;
        say(&format!("{id} done"));
    }
}

/// Runs the projection until the input ends.
pub async fn follow(store: &Arc<PgStore>) {
    let app = app(store).await;
    let running = app.start().await.unwrap();
    say("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop)).await.unwrap();
    running.stop().await.unwrap();
}
