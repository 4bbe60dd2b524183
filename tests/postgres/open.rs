//! How a schema is made, and when a store is not opened.

use crate::kit::{events, fresh, in_schema, one, run, superuser, url_of, value};
use es_core::store::{Checkpoint, EventStore, LEASE, PgOpenError, PgStore};
use sqlx::{Connection, PgConnection};
use tests::server::{postgres, postgres_url, unique};
use uuid::Uuid;

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn migrating_again_leaves_the_log_as_it_is() {
    let (store, schema) = fresh().await;
    store.append(one("a-1")).await.unwrap();
    let log_id = "SELECT value FROM {es}.meta WHERE key = 'log_id'";
    let before: String = value(&mut superuser().await, &schema, log_id).await;
    PgStore::migrate(&postgres_url(), &in_schema(&schema)).await.unwrap();
    assert_eq!(events(&schema).await, 1);
    assert_eq!(value::<String>(&mut superuser().await, &schema, log_id).await, before);
    assert!(store.append(one("a-1")).await.is_ok());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn many_can_migrate_at_once() {
    let (url, options) = (postgres_url(), in_schema(&unique()));
    let migrating: Vec<_> = (0..8)
        .map(|_| {
            let (url, options) = (url.clone(), options.clone());
            tokio::spawn(async move { PgStore::migrate(&url, &options).await })
        })
        .collect();
    for migrated in migrating {
        migrated.await.unwrap().unwrap();
    }
    assert!(PgStore::connect_with(&url, options).await.is_ok());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_schema_is_made_whole_or_not_at_all() {
    let schema = unique();
    let mut connection = superuser().await;
    run(&mut connection, &schema, "CREATE SCHEMA {es}; CREATE TABLE {es}.documents ()").await.unwrap();
    let refused = PgStore::migrate(&postgres_url(), &in_schema(&schema)).await;
    assert!(matches!(refused, Err(PgOpenError::Unavailable(_))), "{refused:?}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = '{es}'".replace("{es}", &schema);
    assert_eq!(value::<i64>(&mut connection, "", &tables).await, 1);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_schema_without_a_store_is_not_opened() {
    let schema = unique();
    let answer = PgStore::connect_with(&postgres_url(), in_schema(&schema)).await;
    assert!(
        matches!(&answer, Err(PgOpenError::NotMigrated { schema: named }) if *named == schema),
        "{answer:?}"
    );
    assert!(answer.unwrap_err().to_string().contains("PgStore::migrate"));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_newer_store_is_left_alone_and_an_older_one_not_opened() {
    let (_, schema) = fresh().await;
    let is_at = async |version: &str| {
        let set = format!("UPDATE {{es}}.meta SET value = '{version}' WHERE key = 'schema_version'");
        run(&mut superuser().await, &schema, &set).await.unwrap();
    };
    is_at("99").await;
    let opened = PgStore::connect_with(&postgres_url(), in_schema(&schema)).await;
    assert!(matches!(opened, Err(PgOpenError::Newer { found: 99, known: 1 })), "{opened:?}");
    let migrated = PgStore::migrate(&postgres_url(), &in_schema(&schema)).await;
    assert!(matches!(migrated, Err(PgOpenError::Newer { found: 99, known: 1 })), "{migrated:?}");
    is_at("0").await;
    let opened = PgStore::connect_with(&postgres_url(), in_schema(&schema)).await;
    assert!(matches!(opened, Err(PgOpenError::Older { found: 0, known: 1 })), "{opened:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn any_name_can_be_a_schema() {
    for odd in ["a \"b\"", "$body$", "$bbody$ $body$", "{es}{fence}", "Ä.é;--'", "select"] {
        let schema = format!("{odd}{}", &unique()[20..]);
        let store = postgres(in_schema(&schema)).await;
        store.append(one("a-1")).await.unwrap();
        assert_eq!(events(&schema).await, 1, "{schema}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_is_refused() {
    for name in [String::new(), "a\0b".to_owned(), "x".repeat(64), "pg_mine".to_owned()] {
        let refused = PgStore::migrate("postgres://", &in_schema(&name)).await;
        assert!(matches!(refused, Err(PgOpenError::InvalidName { what: "schema" })), "{name:?}: {refused:?}");
    }
    let role = in_schema("es").app_role("");
    let refused = PgStore::migrate("postgres://", &role).await;
    assert!(matches!(refused, Err(PgOpenError::InvalidName { what: "role" })), "{refused:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn locks_that_do_not_lock_are_noticed() {
    let database = unique();
    run(&mut superuser().await, &database, "CREATE DATABASE {es}").await.unwrap();
    let url = format!("{}/{database}", postgres_url().rsplit_once('/').unwrap().0);
    PgStore::migrate(&url, &in_schema("es")).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let always = "ALTER FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) RENAME TO elsewhere;
        CREATE FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'";
    run(&mut connection, "", always).await.unwrap();
    connection.close().await.unwrap();
    let opened = PgStore::connect_with(&url, in_schema("es")).await;
    assert!(matches!(opened, Err(PgOpenError::NoLock)), "{opened:?}");
    run(&mut superuser().await, &database, "DROP DATABASE {es} WITH (FORCE)").await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn migrating_waits_for_nobody_who_writes() {
    let (_, schema) = fresh().await;
    let mut writer = superuser().await;
    let write = "BEGIN; LOCK TABLE {es}.events, {es}.processors, {es}.documents IN ROW EXCLUSIVE MODE";
    run(&mut writer, &schema, write).await.unwrap();
    PgStore::migrate(&postgres_url(), &in_schema(&schema)).await.unwrap();
    run(&mut writer, &schema, "COMMIT").await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_is_wrong_with_the_url_is_said() {
    let nobody = url_of(&unique(), "theirs", "");
    let wrong = url_of("es", "hunter2", "");
    let elsewhere = format!("{}/{}", postgres_url().rsplit_once('/').unwrap().0, unique());
    for (url, advice) in [(nobody, "password"), (wrong, "password"), (elsewhere, "CREATE DATABASE")] {
        let opened = PgStore::connect(&url).await.unwrap_err();
        let migrated = PgStore::migrate(&url, &in_schema("es")).await.unwrap_err();
        for error in [opened, migrated] {
            assert!(matches!(error, PgOpenError::NotLetIn(_) | PgOpenError::NoDatabase(_)), "{error:?}");
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}

/// What somebody else has made, and what is nearer to the arguments than PostgreSQL's own.
#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn nothing_of_somebody_elses_stands_for_what_is_postgresqls() {
    let (_, schema) = fresh().await;
    let mine = unique();
    let operator = "CREATE SCHEMA {es};
        CREATE FUNCTION {es}.trap(bigint, interval) RETURNS interval LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''trapped''; END';
        CREATE OPERATOR {es}.* (LEFTARG = bigint, RIGHTARG = interval, FUNCTION = {es}.trap)";
    run(&mut superuser().await, &mine, operator).await.unwrap();
    let url = format!("{}?options[search_path]={mine}", postgres_url());
    for options in [in_schema(&schema), in_schema(&schema).pooled()] {
        let store = PgStore::connect_with(&url, options).await.unwrap();
        store.register("p", Checkpoint::default()).await.unwrap();
        let lease = store.acquire("p", Uuid::max(), LEASE).await.unwrap().expect("nobody holds it");
        store.renew(&lease, LEASE).await.unwrap();
    }
}
