//! Counters that many count on, from several processes.

use super::at_every_place;
use es_core::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tests::place::Anywhere;

#[event]
pub struct Counted {
    pub by: u64,
}
#[event]
pub struct Named {
    pub name: String,
}

#[command(Counter)]
pub struct Count {
    #[id]
    pub counter: String,
    pub by: u64,
}
#[command(Counter)]
pub struct Name {
    #[id]
    pub counter: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nothing is nothing to count")]
pub struct Nothing;

/// Finds names for counters.
pub trait Names: Send + Sync {
    fn find(&self) -> String;
}

/// The names are numbers.
#[derive(Default)]
pub struct Numbers(AtomicU32);

impl Names for Numbers {
    fn find(&self) -> String {
        format!("counter {}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[aggregate(id = String, default, snapshot(every = 4, version = 1))]
#[derive(Default)]
pub struct Counter {
    value: u64,
    name: Option<String>,
}

#[applier]
impl Counter {
    fn counted(&mut self, e: &Counted) {
        self.value += e.by;
    }
    fn named(&mut self, e: &Named) {
        self.name = Some(e.name.clone());
    }
}

#[command_handler(retry(max = 50, backoff = "1ms..20ms"))]
impl Counter {
    fn count(&self, command: Count) -> Result<Counted, Nothing> {
        if command.by == 0 { Err(Nothing) } else { Ok(Counted { by: command.by }) }
    }
    #[retry(max = 0)]
    async fn name(&self, _: Name, names: &dyn Names) -> Named {
        Named { name: names.find() }
    }
}

async fn app(place: &Anywhere) -> App {
    let builder = App::builder(place.open().await).aggregate::<Counter>();
    builder.service::<dyn Names>(Arc::new(Numbers::default())).build().await.unwrap()
}

fn visits() -> String {
    "visits".to_owned()
}

fn count(by: u64) -> Count {
    Count { counter: visits(), by }
}

async fn value(app: &App) -> (u64, u64) {
    let counter = app.load::<Counter>(&visits()).await.unwrap().unwrap();
    (counter.value, counter.version())
}

at_every_place! {
    a_command_is_decided_recorded_and_looked_at,
    what_was_can_be_looked_at,
    a_repeated_command_is_answered_as_the_first_time,
    a_version_that_is_stated_has_to_be_the_streams,
    a_question_changes_nothing,
    a_command_comes_by_name,
    many_lose_no_update,
    two_processes_lose_no_update,
    a_restart_forgets_nothing,
}

async fn a_command_is_decided_recorded_and_looked_at(place: Anywhere) {
    let app = app(&place).await;
    let done = app.execute(count(2)).await.unwrap();
    assert_eq!((done.version, done.attempts, done.events.len()), (1, 1, 1));
    let refused = app.execute(count(0)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(Nothing)), "{refused}");
    app.execute(Name { counter: visits() }).await.unwrap();
    let counter = app.load::<Counter>(&visits()).await.unwrap().unwrap();
    assert_eq!((counter.value, counter.name.as_deref(), counter.version()), (2, Some("counter 0"), 2));
    assert!(app.load::<Counter>(&"never".to_owned()).await.unwrap().is_none());
}

async fn what_was_can_be_looked_at(place: Anywhere) {
    let app = app(&place).await;
    app.execute(count(2)).await.unwrap();
    app.execute(Name { counter: visits() }).await.unwrap();
    let earlier = app.load_as_of::<Counter>(&visits(), AsOf::Version(1)).await.unwrap().unwrap();
    assert_eq!((earlier.value, earlier.name.as_deref()), (2, None));
    let history = app.history::<Counter>(&visits()).await.unwrap();
    let [counted, named] = &*history else { panic!("{history:?}") };
    assert_eq!(counted.data, CounterEvent::Counted(Counted { by: 2 }));
    assert!(counted.position < named.position);
    assert_eq!(named.envelope.version, 2);
}

async fn a_repeated_command_is_answered_as_the_first_time(place: Anywhere) {
    let app = app(&place).await;
    let id = CommandId::new();
    let first = app.execute(count(5)).id(id).await.unwrap();
    let again = app.execute(count(5)).id(id).await.unwrap();
    assert_eq!((first.duplicate, again.duplicate), (false, true));
    assert_eq!((again.version, again.position), (first.version, first.position));
    assert_eq!(value(&app).await, (5, 1));
}

async fn a_version_that_is_stated_has_to_be_the_streams(place: Anywhere) {
    let app = app(&place).await;
    app.execute(count(1)).await.unwrap();
    app.execute(count(1)).await.unwrap();
    let stale = app.execute(count(1)).expect_version(1).await.unwrap_err();
    assert!(matches!(stale, CommandError::Conflict { .. }), "{stale}");
    app.execute(count(1)).expect_version(2).await.unwrap();
}

async fn a_question_changes_nothing(place: Anywhere) {
    let app = app(&place).await;
    app.execute(count(1)).await.unwrap();
    assert_eq!(app.would(&count(9)).await.unwrap(), [CounterEvent::Counted(Counted { by: 9 })]);
    assert_eq!(value(&app).await, (1, 1));
}

async fn a_command_comes_by_name(place: Anywhere) {
    let app = app(&place).await;
    app.execute_json("Count", serde_json::json!({ "counter": "visits", "by": 3 })).await.unwrap();
    assert_eq!(value(&app).await, (3, 1));
    let unknown = app.execute_json("Nothing", serde_json::json!({})).await.unwrap_err();
    assert!(matches!(unknown, DispatchError::UnknownCommand { .. }), "{unknown}");
    let malformed = app.execute_json("Count", serde_json::json!({ "by": "x" })).await.unwrap_err();
    assert!(matches!(malformed, DispatchError::Malformed { .. }), "{malformed}");
}

/// Counts so often from each app at once.
async fn all_count(apps: Vec<App>, times: u64) {
    let counting: Vec<_> = apps
        .into_iter()
        .map(|app| {
            tokio::spawn(async move {
                for _ in 0..times {
                    app.execute(count(1)).await.unwrap();
                }
            })
        })
        .collect();
    for task in counting {
        task.await.unwrap();
    }
}

async fn many_lose_no_update(place: Anywhere) {
    let app = app(&place).await;
    all_count(vec![app.clone(); 16], 25).await;
    assert_eq!(value(&app).await, (400, 400));
}

async fn two_processes_lose_no_update(place: Anywhere) {
    let (one, two) = (app(&place).await, app(&place).await);
    all_count(vec![one.clone(), two.clone()], 100).await;
    assert_eq!((value(&one).await, value(&two).await), ((200, 200), (200, 200)));
}

async fn a_restart_forgets_nothing(place: Anywhere) {
    let store = place.open().await;
    let builder = App::builder(store.clone()).aggregate::<Counter>();
    let before = builder.service::<dyn Names>(Arc::new(Numbers::default())).build().await.unwrap();
    // Beyond a snapshot.
    for by in 1..=6 {
        before.execute(count(by)).await.unwrap();
    }
    drop(before);
    store.close().await;
    let after = app(&place).await;
    assert_eq!(value(&after).await, (21, 6));
    after.execute(count(1)).expect_version(6).await.unwrap();
}
