//! Rows that are not as they were written, and callers who ask for another isolation.

use super::counter::{Add, Counter, CounterId, app};
use super::site::{Site, number, run};
use es_core::prelude::*;
use es_core::store::ReadError;
use sqlx::Executor;
use sqlx::error::DatabaseError;
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
