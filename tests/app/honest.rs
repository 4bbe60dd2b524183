//! Nothing is answered that is not known, and nothing is stored that cannot be read.

use crate::bank::{Account, ann, bank, bob, deposit, open};
use crate::kit::Place;
use es_core::prelude::*;
use es_core::rusqlite::Connection;
use std::sync::{Arc, OnceLock};
use tests::place::{File, Place as _};

on_every_store! {
    each_command_of_a_group_knows_its_own_position
    a_group_shares_one_correlation
    what_json_cannot_give_back_is_not_stored
    an_app_that_outlives_the_app_around_it_says_so
    a_reply_goes_with_whichever_event_of_its_command_is_redacted
}

async fn each_command_of_a_group_knows_its_own_position(place: Place) {
    let app = bank(place.open().await).await;
    let (first, second) = app.execute_all((open(ann()), open(bob()))).await.unwrap();
    assert_eq!(place.positions().await, [first.position, second.position]);
    let loaded = app.load::<Account>(&ann()).await.unwrap().unwrap();
    assert_eq!(loaded.position(), first.state.unwrap().position());
}

async fn a_group_shares_one_correlation(place: Place) {
    let app = bank(place.open().await).await;
    let id = CommandId::named("both at once");
    app.execute_all((open(ann()), open(bob()))).id(id).await.unwrap();
    for account in [ann(), bob()] {
        let history = app.history::<Account>(&account).await.unwrap();
        assert_eq!(history[0].envelope.metadata.correlation_id, Some(id.as_uuid()));
    }
}

#[event]
pub struct Measured {
    pub level: f64,
}
#[command(Tank)]
pub struct Measure {
    #[id]
    pub tank: String,
    pub volume: f64,
    pub capacity: f64,
}
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Tank {
    level: f64,
}
#[applier]
impl Tank {
    fn measured(&mut self, e: &Measured) {
        self.level = e.level;
    }
}
#[command_handler]
impl Tank {
    fn measure(&self, command: Measure) -> Measured {
        Measured { level: command.volume / command.capacity }
    }
}

async fn what_json_cannot_give_back_is_not_stored(place: Place) {
    let builder = App::builder(place.open().await).aggregate::<Tank>();
    let app = builder.service::<dyn Gauge>(Arc::new(Kept)).build().await.unwrap();
    let nothing_of_nothing = Measure { tank: "north".to_owned(), volume: 0.0, capacity: 0.0 };
    let refused = app.execute(nothing_of_nothing).await.unwrap_err();
    assert!(matches!(refused, CommandError::Store(StoreError::Encode { .. })), "{refused:?}");
    assert!(place.stored(&Tank::stream(&"north".to_owned())).await.is_empty());
}

/// Keeps the app that it was made from.
pub trait Gauge: Send + Sync {
    fn read(&self) -> f64;
}
struct Kept;
impl Gauge for Kept {
    fn read(&self) -> f64 {
        0.5
    }
}

#[command(Tank)]
pub struct ReadGauge {
    #[id]
    pub tank: String,
}
#[command_handler]
impl Tank {
    #[retry(max = 0)]
    fn read_gauge(&self, _: ReadGauge, gauge: &dyn Gauge) -> Measured {
        Measured { level: gauge.read() }
    }
}

async fn an_app_that_outlives_the_app_around_it_says_so(place: Place) {
    let inner = Arc::new(OnceLock::new());
    let keep = inner.clone();
    let app = App::builder(place.open().await)
        .aggregate::<Tank>()
        .service_with::<dyn Gauge>(move |app| {
            keep.set(app).unwrap();
            Arc::new(Kept)
        })
        .build()
        .await
        .unwrap();
    let inside = inner.get().unwrap().clone();
    inside.execute(ReadGauge { tank: "north".to_owned() }).await.unwrap();
    drop(app);
    let refused = inside.execute(ReadGauge { tank: "north".to_owned() }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Store(StoreError::Read(_))), "{refused:?}");
}

#[command(Tank)]
pub struct MeasureTwice {
    #[id]
    pub tank: String,
    pub inspector: String,
}
#[command_handler]
impl Tank {
    fn measure_twice(&self, command: MeasureTwice) -> Reply<[Measured; 2], String> {
        Reply::new([Measured { level: 0.25 }, Measured { level: 0.75 }], command.inspector)
    }
}

async fn a_reply_goes_with_whichever_event_of_its_command_is_redacted(place: Place) {
    let builder = App::builder(place.open().await).aggregate::<Tank>();
    let app = builder.service::<dyn Gauge>(Arc::new(Kept)).build().await.unwrap();
    app.execute(MeasureTwice { tank: "north".to_owned(), inspector: "Ann".to_owned() }).await.unwrap();
    let stream = Tank::stream(&"north".to_owned());
    let second = place.stored(&stream).await[1].id;
    assert!(app.redact(second, "asked for").await.unwrap());

    let stored = place.stored(&stream).await;
    assert!(stored[0].payload.is_some() && stored[1].payload.is_none());
    let metadata = String::from_utf8(stored[0].metadata.to_vec()).unwrap();
    assert!(!metadata.contains("Ann") && metadata.contains("asked for"), "{metadata}");
}

#[tokio::test]
async fn versions_that_are_gone_are_not_passed_over() {
    let file = File::fresh().await;
    let app = bank(file.open().await).await;
    app.execute(open(ann())).await.unwrap();
    for _ in 0..3 {
        app.execute(deposit(ann(), 10)).await.unwrap();
    }
    let damaged = Connection::open(file.path()).unwrap();
    damaged.execute("DELETE FROM events WHERE version = 2", []).unwrap();
    let app = bank(file.open().await).await;
    let unreadable = app.load::<Account>(&ann()).await.unwrap_err();
    assert!(matches!(unreadable, LoadError::Decode(DecodeError::CorruptStream { .. })), "{unreadable:?}");
}

#[event]
pub struct Filled {
    pub level: f64,
}
#[event(alias = "Filled")]
pub struct Topped {
    pub level: f64,
}
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Barrel {
    level: f64,
}
#[applier]
impl Barrel {
    fn filled(&mut self, e: &Filled) {
        self.level = e.level;
    }
    fn topped(&mut self, e: &Topped) {
        self.level += e.level;
    }
}

#[tokio::test]
async fn an_alias_that_is_another_events_name_does_not_build() {
    let builder = App::builder(es_core::store::MemoryStore::new()).aggregate::<Barrel>();
    let error = builder.build().await.unwrap_err();
    assert!(error.to_string().contains("\"Filled\", version 1"), "{error}");
}
