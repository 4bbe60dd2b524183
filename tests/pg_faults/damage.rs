//! Rows that are not as they were written, and callers who ask for another isolation.

use super::counter::{Add, Added, Counter, CounterId, app};
use super::site::{Site, number, run};
use es_core::prelude::*;
use es_core::store::{PgStore, ReadError};
use sqlx::Executor;
use sqlx::error::DatabaseError;
use std::sync::{Arc, Mutex};
use tests::server::process::until;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_damaged_event_is_told_of_by_its_position_and_stops_what_needs_it() {
    let damages = [
        ("UPDATE es.events SET payload = 'no json' WHERE position = 2", true),
        // Redacting an event may take something from the metadata of another one.
        ("UPDATE es.events SET metadata = 'no json' WHERE position = 2", false),
        ("UPDATE es.events SET recorded_at = 9223372036854775807 WHERE position = 2", true),
    ];
    for (damage, is_for_all) in damages {
        let site = Site::new().await;
        let store = site.store().await;
        let app = app(&store).await;
        let add = async |counter: &str| {
            app.execute(Add { counter: CounterId::named(counter), of: 1 }).await.unwrap();
        };
        add("sound").await;
        add("damaged").await;
        add("sound").await;
        let mut connection = site.server.connect().await;
        assert!(
            !is_for_all || connection.execute(damage).await.is_err(),
            "the database lets nobody do so: {damage}"
        );
        run(&mut connection, "SET session_replication_role = replica").await;
        run(&mut connection, damage).await;

        let fresh = super::counter::app(&site.store().await).await;
        let error = fresh.history::<Counter>(&CounterId::named("damaged")).await.unwrap_err();
        let told = format!("{error:?} {error}");
        assert!(!told.contains("no json"), "it shows what is stored: {told}");
        assert!(told.contains("damaged") || told.contains('2'), "{damage}: {told}");
        assert_eq!(fresh.load::<Counter>(&CounterId::named("sound")).await.unwrap().unwrap().sum, 2);
        fresh.execute(Add { counter: CounterId::named("new"), of: 1 }).await.unwrap();
        println!("{damage}: {told}");
        if !is_for_all {
            // Nothing else asks for the metadata.
            continue;
        }
        let running = fresh.start().await.unwrap();
        let mut states = String::new();
        until("the projection stops", async || {
            states = format!("{:?}", running.status());
            states.contains("Stopped")
        })
        .await;
        running.stop().await.unwrap();
    }
}

/// What was entered, as counter and amount.
#[derive(Default)]
pub struct Book(Mutex<Vec<(String, u32)>>);

impl Book {
    fn of(&self, counter: &str) -> Vec<u32> {
        let entered = self.0.lock().unwrap();
        entered.iter().filter(|(of, _)| of == counter).map(|(_, amount)| *amount).collect()
    }
}

/// Enters what was added.
#[reactor(from = start, retry(max = 1, backoff = "1ms..2ms"))]
pub struct Entries;

#[reactor]
impl Entries {
    fn added(&self, e: &Added, counter: &CounterId, book: &Book) {
        book.0.lock().unwrap().push((counter.to_string(), e.of));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_damaged_event_is_parked_with_what_is_behind_it_and_goes_on_when_it_is_mended() {
    let site = Site::new().await;
    let (store, book) = (site.store().await, Arc::new(Book::default()));
    let app = App::builder(PgStore::clone(&store)).aggregate::<Counter>().reactor::<Entries>();
    let app = app.service(book.clone()).build().await.unwrap();
    let add = async |counter: &str, of| {
        app.execute(Add { counter: CounterId::named(counter), of }).await.unwrap();
    };
    for (counter, of) in [("sound", 1), ("damaged", 2), ("sound", 3), ("damaged", 4)] {
        add(counter, of).await;
    }
    let mut connection = site.server.connect().await;
    let damage = "SET session_replication_role = replica;
        CREATE TABLE kept AS SELECT payload FROM es.events WHERE position = 2;
        UPDATE es.events SET payload = 'no json' WHERE position = 2";
    run(&mut connection, damage).await;
    let running = app.start().await.unwrap();
    let parked = async || app.parked("entries").await.unwrap();
    until("it is parked", async || parked().await.first().is_some_and(|entry| !entry.retrying)).await;
    add("damaged", 5).await;
    add("other", 6).await;
    until("others go on", async || book.of("other") == [6]).await;

    let set_aside = parked().await;
    let [entry] = &*set_aside else { panic!("one key is parked") };
    assert_eq!((entry.key.as_str(), entry.position, entry.waiting), ("counter-damaged", Position(2), 2));
    assert!(!entry.error.contains("no json"), "it shows what is stored: {}", entry.error);
    assert_eq!((book.of("sound"), book.of("damaged")), (vec![1, 3], vec![]));

    run(&mut connection, "UPDATE es.events SET payload = (SELECT payload FROM kept) WHERE position = 2")
        .await;
    set_aside.retry(&entry.id).await.unwrap();
    until("nothing is parked", async || parked().await.is_empty()).await;
    assert_eq!(book.of("damaged"), [2, 4, 5]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_missing_event_is_no_event_to_pass() {
    let site = Site::new().await;
    let store = site.store().await;
    let app = app(&store).await;
    for _ in 0..5 {
        app.execute(Add { counter: CounterId::named("one"), of: 1 }).await.unwrap();
    }
    let mut connection = site.server.connect().await;
    run(&mut connection, "SET session_replication_role = replica; DELETE FROM es.events WHERE position = 3")
        .await;
    let page = store.read_log(Position(0), &Filter::all(), 10).await;
    assert!(matches!(page, Err(ReadError::Corrupt { .. })), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn another_isolation_appends_nothing() {
    let site = Site::new().await;
    let append = "SELECT es.append('{0}', '{a-1}', '{-1}', '{-1}', '{0}', ARRAY[gen_random_uuid()], '{}', '{}', '{}',
                                   '{1}', ARRAY[gen_random_uuid()], '{Added}', '{1}', '{0}', '{\"\"}', '{\"\"}')";
    for begin in ["BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE"] {
        let mut connection = site.server.connect().await;
        run(&mut connection, begin).await;
        let refused = connection.execute(append).await.unwrap_err();
        assert_eq!(refused.as_database_error().and_then(DatabaseError::code).as_deref(), Some("25001"));
    }
    let mut connection = site.server.connect().await;
    assert_eq!(number(&mut connection, "SELECT count(*) FROM es.events").await, 0);
    // Where it is the database's usual one, the store asks for its own.
    run(&mut connection, "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'").await;
    let app = app(&site.store().await).await;
    app.execute(Add { counter: CounterId::named("one"), of: 1 }).await.unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM es.events").await, 1);
}
