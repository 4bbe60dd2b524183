//! The log itself: what an append expects, what reads give, what closing and truncating leave, and a door
//! whose developer never sees any of it.

use crate::kit::{recorded, stored};
use es_core::prelude::*;
use es_core::store::{
    AppendError, Appended, Commit, Expected, Filter, NewEvent, StoredEvent, StoredSnapshot, StreamRead,
};
use tests::place::{Anywhere, File, Namespace, Place as _, Schema};

#[event]
pub struct DoorBuilt;
#[event]
pub struct DoorOpened;

#[command(Door)]
pub struct BuildDoor {
    #[id]
    pub door: u32,
}
#[command(Door)]
pub struct OpenDoor {
    #[id]
    pub door: u32,
}

#[aggregate(id = u32)]
pub struct Door {
    opened: u32,
}

#[applier]
impl Door {
    fn built(_: &DoorBuilt) -> Self {
        Self { opened: 0 }
    }
    fn opened(&mut self, _: &DoorOpened) {
        self.opened += 1;
    }
}

#[command_handler]
impl Door {
    fn build(_: BuildDoor) -> DoorBuilt {
        DoorBuilt
    }
    fn open(&self, _: OpenDoor) -> DoorOpened {
        DoorOpened
    }
}

async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Door>().build().await.unwrap()
}

/// A door, and how often it was opened.
async fn door_opened(app: &App, door: u32, times: u32) {
    app.execute(BuildDoor { door }).await.unwrap();
    for _ in 0..times {
        app.execute(OpenDoor { door }).await.unwrap();
    }
}

fn door() -> StreamId {
    Door::stream(&1)
}

/// So many openings of a door, as a store gets them.
fn openings(count: usize) -> Vec<NewEvent> {
    let opened = || NewEvent {
        id: Uuid::now_v7(),
        name: DoorOpened::NAME.into(),
        schema: DoorOpened::VERSION,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: "null".into(),
        metadata: "{}".into(),
    };
    (0..count).map(|_| opened()).collect()
}

async fn append(store: &impl EventStore, expected: Expected, count: usize) -> Result<Appended, AppendError> {
    store.append(Commit::one(door(), expected, openings(count))).await
}

/// Appends one event and must not be able to; the answer is the version that the stream has instead.
async fn conflict(store: &impl EventStore, expected: Expected) -> u64 {
    match append(store, expected, 1).await {
        Err(AppendError::Conflict { actual, .. }) => actual,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

async fn versions(store: &impl EventStore, read: StreamRead) -> Vec<u64> {
    let page = store.read_stream(&door(), read).await.unwrap();
    page.events.iter().map(|event| event.version).collect()
}

on_every_store! {
    ac_34_an_older_snapshot_changes_nothing,
    ac_48_whoever_comes_late_learns_what_they_missed,
    ac_48_nobody_writes_ahead_of_the_stream,
    ac_48_a_stated_version_that_is_passed_is_a_conflict,
    ac_59_an_append_says_what_it_expects,
    ac_59_the_same_batch_is_stored_once,
    ac_59_the_same_command_is_carried_out_once,
    ac_60_a_stream_is_read_in_part_from_either_end,
    ac_60_what_was_never_written_is_empty,
    ac_60_the_log_has_all_streams_in_the_order_of_their_commits,
    ac_64_truncated_events_are_hidden,
    ac_64_a_stream_that_is_hidden_as_a_whole_goes_on_counting,
    ac_64_an_aggregate_keeps_its_birth,
    ac_64_a_closed_stream_stays_closed,
}

async fn ac_34_an_older_snapshot_changes_nothing(store: impl EventStore) {
    append(&store, Expected::NoStream, 60).await.unwrap();
    let snapshot = |version| StoredSnapshot {
        stream: door(),
        fingerprint: 1,
        version,
        position: Position(version),
        recorded_at: Timestamp::UNIX_EPOCH,
        edits: 0,
        payload: "{}".into(),
    };
    store.save_snapshot(snapshot(50)).await.unwrap();
    store.save_snapshot(snapshot(40)).await.unwrap();
    assert_eq!(store.load_snapshot(&door(), 1).await.unwrap(), Some(snapshot(50)));
}

async fn ac_48_whoever_comes_late_learns_what_they_missed(store: impl EventStore) {
    append(&store, Expected::NoStream, 2).await.unwrap();
    assert_eq!(conflict(&store, Expected::Exact(1)).await, 2);
    assert_eq!(versions(&store, StreamRead::after(1)).await, [2]);
}

async fn ac_48_nobody_writes_ahead_of_the_stream(store: impl EventStore) {
    append(&store, Expected::NoStream, 1).await.unwrap();
    assert_eq!(conflict(&store, Expected::Exact(2)).await, 1);
    assert_eq!(versions(&store, StreamRead::after(2)).await, [0; 0]);
}

async fn ac_48_a_stated_version_that_is_passed_is_a_conflict(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    door_opened(&app, 1, 1).await;
    let late = app.execute(OpenDoor { door: 1 }).expect_version(1).await.unwrap_err();
    assert!(matches!(late, CommandError::Conflict { attempts: 1 }), "{late}");
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_59_an_append_says_what_it_expects(store: impl EventStore) {
    assert_eq!(conflict(&store, Expected::Exists).await, 0);
    append(&store, Expected::NoStream, 1).await.unwrap();
    assert_eq!(conflict(&store, Expected::NoStream).await, 1);
    append(&store, Expected::Exact(1), 1).await.unwrap();
    assert_eq!(conflict(&store, Expected::Exact(1)).await, 2);
    append(&store, Expected::Exists, 1).await.unwrap();
    append(&store, Expected::Any, 1).await.unwrap();
    assert_eq!(recorded(&store).await, 4);
}

async fn ac_59_the_same_batch_is_stored_once(store: impl EventStore) {
    let batch = Commit::one(door(), Expected::Exact(0), openings(2));
    let first = store.append(batch.clone()).await.unwrap();
    let second = store.append(batch).await.unwrap();
    assert_eq!(second, Appended { duplicate: true, ..first });
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_59_the_same_command_is_carried_out_once(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    door_opened(&app, 1, 0).await;
    let id = CommandId::named("the bell rang at noon");
    let first = app.execute(OpenDoor { door: 1 }).id(id).await.unwrap();
    let second = app.execute(OpenDoor { door: 1 }).id(id).await.unwrap();
    assert_eq!((second.version, second.events, second.duplicate), (first.version, first.events, true));
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_60_a_stream_is_read_in_part_from_either_end(store: impl EventStore) {
    append(&store, Expected::NoStream, 5).await.unwrap();
    assert_eq!(versions(&store, StreamRead::after(2)).await, [3, 4, 5]);
    assert_eq!(versions(&store, StreamRead::before(u64::MAX).limit(1)).await, [5]);
}

async fn ac_60_what_was_never_written_is_empty(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    assert!(app.load::<Door>(&1).await.unwrap().is_none());
    assert_eq!(app.history::<Door>(&1).await.unwrap(), []);
    assert_eq!(stored(&store, &door()).await, []);
}

async fn ac_60_the_log_has_all_streams_in_the_order_of_their_commits(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    door_opened(&app, 1, 1).await;
    door_opened(&app, 2, 1).await;
    app.execute(OpenDoor { door: 1 }).await.unwrap();

    let places = |events: &[StoredEvent]| -> Vec<(u64, String)> {
        events.iter().map(|event| (event.version, event.stream.to_string())).collect()
    };
    let (one, two) = ("door-1".to_owned(), "door-2".to_owned());
    let first = store.read_log(Position(0), &Filter::default(), 3).await.unwrap();
    assert_eq!(places(&first.events), [(1, one.clone()), (2, one.clone()), (1, two.clone())]);
    let rest = store.read_log(first.scanned_to, &Filter::default(), 3).await.unwrap();
    assert_eq!(places(&rest.events), [(2, two), (3, one)]);
}

async fn ac_64_truncated_events_are_hidden(store: impl EventStore) {
    append(&store, Expected::NoStream, 4).await.unwrap();
    store.truncate_stream(&door(), Expected::Any, 4).await.unwrap();
    assert_eq!(versions(&store, StreamRead::after(0)).await, [4]);
}

async fn ac_64_a_stream_that_is_hidden_as_a_whole_goes_on_counting(store: impl EventStore) {
    append(&store, Expected::NoStream, 4).await.unwrap();
    store.truncate_stream(&door(), Expected::Any, 5).await.unwrap();
    assert_eq!(versions(&store, StreamRead::after(0)).await, [0; 0]);
    append(&store, Expected::Any, 1).await.unwrap();
    assert_eq!(versions(&store, StreamRead::after(0)).await, [5]);
}

async fn ac_64_an_aggregate_keeps_its_birth(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    door_opened(&app, 1, 3).await;
    let refused = app.truncate(&door(), 4).await.unwrap_err();
    assert!(matches!(refused, EditError::Breaks { .. }), "{refused}");
    assert_eq!(stored(&store, &door()).await.len(), 4);
}

async fn ac_64_a_closed_stream_stays_closed(store: impl EventStore + Clone) {
    let app_then = app(store.clone()).await;
    door_opened(&app_then, 1, 1).await;
    app_then.close(&door(), "the house is gone").await.unwrap();
    for app in [app_then, app(store.clone()).await] {
        assert!(app.load::<Door>(&1).await.unwrap().is_none());
        let opened = app.execute(OpenDoor { door: 1 }).await.unwrap_err();
        assert!(matches!(opened, CommandError::Ended { .. }), "{opened}");
        let built = app.execute(BuildDoor { door: 1 }).await.unwrap_err();
        assert!(matches!(built, CommandError::Ended { .. }), "{built}");
    }
    assert!(matches!(append(&store, Expected::Any, 1).await, Err(AppendError::Closed { .. })));
    assert_eq!(recorded(&store).await, 2);
}

at_every_place! { ac_50_a_log_that_is_opened_again_is_as_it_was }

async fn ac_50_a_log_that_is_opened_again_is_as_it_was(place: Anywhere) {
    let store = place.open().await;
    append(&store, Expected::NoStream, 2).await.unwrap();
    let before = stored(&store, &door()).await;
    store.close().await;

    let again = place.open().await;
    assert_eq!(stored(&again, &door()).await, before);
    append(&again, Expected::Exact(2), 1).await.unwrap();
}

#[tokio::test]
async fn ac_50_a_closed_file_answers_with_errors() {
    a_closed_store_answers_with_errors(Anywhere::of(File::fresh().await)).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn ac_50_a_closed_database_answers_with_errors() {
    a_closed_store_answers_with_errors(Anywhere::of(Schema::fresh().await)).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn ac_50_a_closed_connection_answers_with_errors() {
    a_closed_store_answers_with_errors(Anywhere::of(Namespace::fresh().await)).await;
}

async fn a_closed_store_answers_with_errors(place: Anywhere) {
    let store = place.open().await;
    let app = app(store.clone()).await;
    door_opened(&app, 1, 0).await;
    store.clone().close().await;

    let opened = app.execute(OpenDoor { door: 1 }).await.unwrap_err();
    assert!(matches!(opened, CommandError::Store(_)), "{opened}");
    assert!(matches!(app.load::<Door>(&1).await, Err(LoadError::Store(_))));
    assert!(matches!(app.history::<Door>(&1).await, Err(LoadError::Store(_))));
    assert!(matches!(app.close(&door(), "").await, Err(EditError::Store(_))));
    assert!(store.head().await.is_err());
    assert!(append(&store, Expected::Any, 1).await.is_err());
}
