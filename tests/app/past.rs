//! Going back: states as they were, histories, and the times that they are told in.

use crate::bank::{
    Account, AccountEvent, CloseAccount, Errand, MoneyDeposited, NoErrand, ann, bob, deposit, open, withdraw,
};
use crate::kit::{Place, second};
use es_core::prelude::*;
use es_testing::prelude::VirtualClock;
use std::sync::Arc;

on_every_store! {
    a_version_is_looked_at_inclusively
    a_time_is_looked_at_inclusively
    before_the_beginning_and_behind_the_end_there_is_nothing
    a_default_is_not_there_before_its_first_event
    a_snapshot_beyond_the_bound_is_passed_over
    a_snapshot_at_the_bound_is_used
    a_long_stream_is_read_in_pages
    a_history_tells_everything_in_order
    recorded_times_never_go_back
    recorded_times_are_whole_microseconds
    a_commit_says_what_was_recorded
    what_is_not_mounted_is_not_answered
}

/// Ann's account: opened at 10, 50 more at 20, another 50 at 20, closed at 30.
async fn told(place: &Place) -> App {
    let clock = VirtualClock::at(second(10));
    let app = clocked(place, clock.clone()).await;
    app.execute(open(ann())).await.unwrap();
    clock.set(second(20));
    app.execute(deposit(ann(), 50)).await.unwrap();
    app.execute(deposit(ann(), 50)).await.unwrap();
    clock.set(second(30));
    app.execute(CloseAccount { account: ann() }).await.unwrap();
    app
}

async fn clocked(place: &Place, clock: VirtualClock) -> App {
    App::builder(place.open().await)
        .aggregate::<Account>()
        .service::<dyn Errand>(Arc::new(NoErrand))
        .clock(clock)
        .build()
        .await
        .unwrap()
}

async fn at(app: &App, as_of: AsOf) -> Option<(u64, u64)> {
    let account = app.load_as_of::<Account>(&ann(), as_of).await.unwrap();
    account.map(|account| (account.balance, account.version()))
}

async fn a_version_is_looked_at_inclusively(place: Place) {
    let app = told(&place).await;
    assert_eq!(at(&app, AsOf::Version(1)).await, Some((0, 1)));
    assert_eq!(at(&app, AsOf::Version(3)).await, Some((100, 3)));
}

async fn a_time_is_looked_at_inclusively(place: Place) {
    let app = told(&place).await;
    assert_eq!(at(&app, AsOf::Time(second(19))).await, Some((0, 1)));
    assert_eq!(at(&app, AsOf::Time(second(20))).await, Some((100, 3)));
    assert_eq!(at(&app, AsOf::Time(second(29))).await, Some((100, 3)));
}

async fn before_the_beginning_and_behind_the_end_there_is_nothing(place: Place) {
    let app = told(&place).await;
    for nowhere in [AsOf::Version(0), AsOf::Time(second(9)), AsOf::Version(4), AsOf::Time(second(30))] {
        assert_eq!(at(&app, nowhere).await, None, "{nowhere:?}");
    }
    // A stream that was closed since was open then.
    app.close(&Account::stream(&ann()), "moved").await.unwrap();
    assert_eq!(at(&app, AsOf::Version(3)).await, Some((100, 3)));
}

#[event]
pub struct Ticked {
    pub n: u64,
}
#[command(Meter)]
pub struct Tick {
    #[id]
    pub meter: String,
    pub times: u64,
}

#[aggregate(id = String, default, snapshot(every = 4, version = 1))]
#[derive(Default)]
pub struct Meter {
    count: u64,
}

#[applier]
impl Meter {
    fn ticked(&mut self, _: &Ticked) {
        self.count += 1;
    }
}

#[command_handler]
impl Meter {
    fn tick(&self, command: Tick) -> Vec<Ticked> {
        (0..command.times).map(|n| Ticked { n }).collect()
    }
}

fn meter() -> String {
    "m".to_owned()
}

async fn metered(store: impl EventStore, clock: VirtualClock, times: &[u64]) -> App {
    let app = App::builder(store).aggregate::<Meter>().clock(clock.clone()).build().await.unwrap();
    for (times, at) in times.iter().zip(1..) {
        clock.set(second(at));
        app.execute(Tick { meter: meter(), times: *times }).await.unwrap();
    }
    app
}

async fn count(app: &App, as_of: AsOf) -> Option<u64> {
    app.load_as_of::<Meter>(&meter(), as_of).await.unwrap().map(|meter| meter.count)
}

async fn a_default_is_not_there_before_its_first_event(place: Place) {
    let app = metered(place.open().await, VirtualClock::at(second(0)), &[1]).await;
    assert_eq!(count(&app, AsOf::Version(0)).await, None);
    assert_eq!(count(&app, AsOf::Time(second(0))).await, None);
    assert!(app.load::<Meter>(&"other".to_owned()).await.unwrap().is_none());
}

async fn a_snapshot_beyond_the_bound_is_passed_over(place: Place) {
    let app = metered(place.open().await, VirtualClock::at(second(0)), &[2, 3, 1]).await;
    for version in 1..=6 {
        assert_eq!(count(&app, AsOf::Version(version)).await, Some(version));
    }
    assert_eq!(count(&app, AsOf::Time(second(1))).await, Some(2));
    assert_eq!(count(&app, AsOf::Time(second(2))).await, Some(5));
}

async fn a_snapshot_at_the_bound_is_used(place: Place) {
    let store = place.open().await;
    let app = metered(store.clone(), VirtualClock::at(second(0)), &[2, 3, 1]).await;
    store.counted();
    assert_eq!(count(&app, AsOf::Version(5)).await, Some(5));
    assert_eq!(count(&app, AsOf::Time(second(2))).await, Some(5));
    assert_eq!(store.counted().reads, [5, 5]);
    assert_eq!(count(&app, AsOf::Version(4)).await, Some(4));
    assert_eq!(store.counted().reads, [0]);
}

async fn a_long_stream_is_read_in_pages(place: Place) {
    let app = metered(place.open().await, VirtualClock::at(second(0)), &[1_000, 1_000, 501]).await;
    assert_eq!(count(&app, AsOf::Version(2_400)).await, Some(2_400));
    assert_eq!(count(&app, AsOf::Time(second(2))).await, Some(2_000));
    assert_eq!(app.history::<Meter>(&meter()).await.unwrap().len(), 2_501);
    let store = place.open().await;
    let fresh = App::builder(store.clone()).aggregate::<Meter>().build().await.unwrap();
    store.snapshots(crate::probe::Snapshots::Failing);
    assert_eq!(fresh.load::<Meter>(&meter()).await.unwrap().unwrap().count, 2_501);
    assert_eq!(store.counted().reads, [0, 1_000, 2_000]);
}

async fn a_history_tells_everything_in_order(place: Place) {
    let app = told(&place).await;
    let history = app.history::<Account>(&ann()).await.unwrap();
    let names: Vec<_> = history.iter().map(|recorded| recorded.data.name()).collect();
    assert_eq!(names, ["AccountOpened", "MoneyDeposited", "MoneyDeposited", "AccountClosed"]);
    for ((recorded, version), position) in history.iter().zip(1..).zip(place.positions().await) {
        assert_eq!((recorded.envelope.version, recorded.position), (version, position));
        assert_eq!(recorded.envelope.stream, Account::stream(&ann()));
    }
    assert_eq!(history[1].data, AccountEvent::MoneyDeposited(MoneyDeposited { amount: 50 }));
    assert_eq!(history[3].envelope.recorded_at, second(30));
    assert!(app.history::<Account>(&bob()).await.unwrap().is_empty());
}

async fn recorded_times_never_go_back(place: Place) {
    let clock = VirtualClock::at(second(100));
    let app = clocked(&place, clock.clone()).await;
    app.execute(open(ann())).await.unwrap();
    clock.set(second(40));
    app.execute(deposit(ann(), 1)).await.unwrap();
    // Another process, that knows of this stream from the log only, is behind, too.
    let other = clocked(&place, VirtualClock::at(second(50))).await;
    let done = other.execute(deposit(ann(), 1)).await.unwrap();
    assert_eq!(done.state.unwrap().recorded_at(), second(100));
    clock.set(second(101));
    app.execute(deposit(ann(), 1)).await.unwrap();
    let history = app.history::<Account>(&ann()).await.unwrap();
    let times: Vec<_> = history.iter().map(|recorded| recorded.envelope.recorded_at).collect();
    assert_eq!(times, [second(100), second(100), second(100), second(101)]);
}

async fn recorded_times_are_whole_microseconds(place: Place) {
    let clock = VirtualClock::at(Timestamp::new(5, 1_999).unwrap());
    let app = clocked(&place, clock).await;
    let done = app.execute(open(ann())).await.unwrap();
    let micros = Timestamp::new(5, 1_000).unwrap();
    assert_eq!(done.state.unwrap().recorded_at(), micros);
    assert_eq!(app.history::<Account>(&ann()).await.unwrap()[0].envelope.recorded_at, micros);
}

async fn a_commit_says_what_was_recorded(place: Place) {
    let app = clocked(&place, VirtualClock::at(second(7))).await;
    app.execute(open(bob())).await.unwrap();
    app.execute(open(ann())).await.unwrap();
    let id = CommandId::new();
    let said = Metadata::new().with("channel", "desk");
    let done = app.execute(deposit(ann(), 9)).id(id).metadata(said).by("teller").await.unwrap();
    assert_eq!(done.events, [AccountEvent::MoneyDeposited(MoneyDeposited { amount: 9 })]);
    let third = place.positions().await[2];
    assert_eq!((done.version, done.position, done.attempts, done.duplicate), (2, third, 1, false));
    let state = done.state.unwrap();
    assert_eq!((state.balance, state.version(), state.position()), (9, 2, third));
    let history = app.history::<Account>(&ann()).await.unwrap();
    let metadata = &history[1].envelope.metadata;
    assert_eq!(metadata.actor.as_deref(), Some("teller"));
    assert_eq!(metadata.get::<String>("channel").as_deref(), Some("desk"));
    assert_eq!((metadata.command.as_deref(), metadata.command_id), (Some("Deposit"), Some(id)));
    assert_eq!(app.execute(withdraw(ann(), 9)).await.unwrap().reply.left, 0);
}

async fn what_is_not_mounted_is_not_answered(place: Place) {
    let app = metered(place.open().await, VirtualClock::at(second(0)), &[]).await;
    assert!(matches!(
        app.load::<Account>(&ann()).await.unwrap_err(),
        LoadError::NotMounted { aggregate: "account" }
    ));
    assert!(app.history::<Account>(&ann()).await.is_err());
    assert!(app.load_as_of::<Account>(&ann(), AsOf::Version(1)).await.is_err());
    let refused = app.execute(open(ann())).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotMounted { aggregate: "account" }), "{refused}");
    let refused = app.execute_all((open(ann()),)).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotMounted { aggregate: "account" }), "{refused}");
    let refused = app.would(&open(ann())).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotMounted { aggregate: "account" }), "{refused}");
    let refused = app.close(&Account::stream(&ann()), "moved").await;
    assert!(refused.is_ok(), "a stream may be closed by whoever knows its name");
}
