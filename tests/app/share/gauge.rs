//! Handlers and events that make a difference to who shares a commit.

use crate::kit::poll_once;
use crate::probe::{Fate, Probe};
use es_core::prelude::*;
use es_core::store::MemoryStore;
use std::pin::pin;
use std::time::Duration;

#[event]
struct Read {
    value: u64,
}

#[event]
struct Remarked {
    text: String,
}

#[command(Gauge)]
struct ReadOff {
    #[id]
    gauge: u32,
    value: u64,
}
/// Is decided after a while.
#[command(Gauge)]
struct ReadSlowly {
    #[id]
    gauge: u32,
    value: u64,
}

#[command(Gauge)]
struct Remark {
    #[id]
    gauge: u32,
    text: String,
}

/// Is decided once.
#[command(Gauge)]
struct ReadOnce {
    #[id]
    gauge: u32,
    value: Option<u64>,
}

/// Takes long to decide.
#[command(Gauge)]
struct Ponder {
    #[id]
    gauge: u32,
}

#[aggregate(id = u32, default, snapshot(every = 4, version = 1))]
#[derive(Default)]
struct Gauge {
    sum: u64,
}

#[applier]
impl Gauge {
    fn read(&mut self, e: &Read) {
        self.sum += e.value;
    }
    fn remarked(&mut self, _: &Remarked) {}
}

#[command_handler]
impl Gauge {
    fn read_off(&self, command: ReadOff) -> Read {
        assert!(command.value < 100, "off the scale");
        Read { value: command.value }
    }
    fn ponder(&self, _: Ponder) -> Read {
        std::thread::sleep(Duration::from_millis(20));
        Read { value: 1 }
    }
    fn remark(&self, command: Remark) -> Remarked {
        Remarked { text: command.text }
    }
    #[retry(max = 0)]
    fn read_once(&self, command: ReadOnce) -> Option<Read> {
        command.value.map(|value| Read { value })
    }
    async fn read_slowly(&self, command: ReadSlowly) -> Read {
        tokio::task::yield_now().await;
        Read { value: command.value }
    }
}

async fn gauge(store: &Probe) -> App {
    App::builder(store.clone()).aggregate::<Gauge>().build().await.unwrap()
}

/// A gauge that was read four times at once, but for the first.
async fn read(store: &Probe, values: [u64; 4]) -> (App, Vec<Result<u64, tokio::task::JoinError>>) {
    let app = gauge(store).await;
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    let read = |value| tokio::spawn(app.execute(ReadOff { gauge: 1, value }));
    let mut versions = Vec::new();
    for task in values.map(read) {
        versions.push(task.await.map(|done| done.unwrap().version));
    }
    (app, versions)
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_does_so_where_its_command_was_given() {
    let store = Probe::over(MemoryStore::new());
    let (app, mut versions) = read(&store, [1, 2, 100, 3]).await;
    let panicked = versions.remove(2).unwrap_err().into_panic();
    assert_eq!(panicked.downcast_ref(), Some(&"off the scale"));
    assert_eq!(versions.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(store.counted().appends, 2);
    assert_eq!(app.load::<Gauge>(&1).await.unwrap().unwrap().sum, 6);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_due_where_a_shared_commit_passes_it() {
    let store = Probe::over(MemoryStore::new());
    let (_, versions) = read(&store, [1, 2, 3, 4]).await;
    assert_eq!(versions.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let saved: Vec<_> =
        store.saved().iter().map(|snapshot| (snapshot.version, snapshot.position.0)).collect();
    assert_eq!((store.counted().appends, saved), (2, vec![(4, 4)]));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_is_waited_for_by_its_own_command() {
    let store = Probe::over(MemoryStore::new());
    let app = gauge(&store).await;
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    let quick = |value| tokio::spawn(app.execute(ReadOff { gauge: 1, value }));
    let (one, two) = (quick(1), quick(2));
    let slow = tokio::spawn(app.execute(ReadSlowly { gauge: 1, value: 3 }));
    let four = quick(4);
    let versions =
        [one.await.unwrap(), two.await.unwrap(), four.await.unwrap()].map(|done| done.unwrap().version);
    assert_eq!((versions, slow.await.unwrap().unwrap().version), ([1, 2, 3], 4));
    assert_eq!(store.counted().appends, 3);
}

#[tokio::test(start_paused = true)]
async fn large_events_have_less_company() {
    let store = Probe::over(MemoryStore::new());
    let app = gauge(&store).await;
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    let remark = |size| tokio::spawn(app.execute(Remark { gauge: 1, text: "a".repeat(size) }));
    for task in [0, 100_000, 200_000, 100_000, 200_000].map(remark) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.counted().appends, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_large_by_itself_has_no_company() {
    let store = Probe::over(MemoryStore::new());
    let app = gauge(&store).await;
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    let remark = |size| tokio::spawn(app.execute(Remark { gauge: 1, text: "a".repeat(size) }));
    for task in [0, 300_000, 0].map(remark) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.counted().appends, 3);
}

#[tokio::test(start_paused = true)]
async fn what_stores_nothing_loses_no_race() {
    let store = Probe::over(MemoryStore::new());
    let (app, other) = (gauge(&store).await, gauge(&store).await);
    let rival = async move { drop(other.execute(ReadOff { gauge: 1, value: 4 }).await.unwrap()) };
    store.fates([Fate::After(Box::pin(tokio::task::yield_now())), Fate::After(Box::pin(rival))]);
    let read = |value| tokio::spawn(app.execute(ReadOff { gauge: 1, value }));
    let (one, two) = (read(1), read(2));
    let read_once = |value| tokio::spawn(app.execute(ReadOnce { gauge: 1, value }));
    let (nothing, something) = (read_once(None), read_once(Some(3)));
    assert_eq!((one.await.unwrap().unwrap().version, two.await.unwrap().unwrap().attempts), (1, 2));
    let nothing = nothing.await.unwrap().unwrap();
    assert_eq!((nothing.attempts, nothing.events.len()), (1, 0));
    let lost = something.await.unwrap().unwrap_err();
    assert!(matches!(lost, CommandError::Conflict { attempts: 1 }), "{lost}");
    assert_eq!(app.load::<Gauge>(&1).await.unwrap().unwrap().sum, 7);
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_turn_over_takes_nobody_into_its_race() {
    let store = Probe::over(MemoryStore::new());
    let app = gauge(&store).await;
    let slow = || Fate::After(Box::pin(async { tokio::time::sleep(Duration::from_millis(1_500)).await }));
    store.fates([slow(), slow()]);
    let mut one = pin!(app.execute(ReadOff { gauge: 1, value: 1 }));
    let mut two = pin!(app.execute(ReadOff { gauge: 1, value: 2 }));
    let mut late = pin!(app.execute(ReadOnce { gauge: 1, value: Some(4) }));
    assert!(poll_once(one.as_mut()).await.is_pending());
    assert!(poll_once(two.as_mut()).await.is_pending());
    assert!(poll_once(late.as_mut()).await.is_pending());
    // The second goes on beside the first, and loses.
    let (one, two) = tokio::join!(one, two);
    assert_eq!((one.unwrap().attempts, two.unwrap().attempts), (1, 2));
    let late = late.await.unwrap();
    assert_eq!((late.version, late.attempts), (3, 1));
}

#[tokio::test]
async fn those_who_take_long_have_less_company() {
    let store = Probe::over(MemoryStore::new());
    let app = gauge(&store).await;
    store.fates([Fate::After(Box::pin(tokio::task::yield_now()))]);
    for task in [1, 1, 1, 1, 1].map(|gauge| tokio::spawn(app.execute(Ponder { gauge }))) {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.counted().appends, 3);
}
