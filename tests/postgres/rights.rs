//! The app's role uses the store, and cannot change what is in the log.

use crate::kit::{fresh, in_schema, one, refusal, role, run, superuser, url_of};
use es_core::StreamId;
use es_core::store::{EventStore, Expected, PgOpenError, PgStore, Redaction};
use sqlx::{Connection, PgConnection};
use tests::server::{postgres_url, unique};

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn the_app_role_writes_through_the_store_alone() {
    let (schema, role) = (unique(), role("").await);
    PgStore::migrate(&postgres_url(), &in_schema(&schema).app_role(&role)).await.unwrap();
    let url = url_of(&role, "theirs", "");
    let store = PgStore::connect_with(&url, in_schema(&schema)).await.unwrap();
    let commit = one("a-1");
    let id = commit.parts[0].events[0].id;
    store.append(commit).await.unwrap();
    assert!(store.redact_event(Redaction::of(id, "{}".into())).await.unwrap());
    store.truncate_stream(&StreamId::named("a-1"), Expected::Exact(1), 2).await.unwrap();
    store.close_stream(&StreamId::named("a-1"), Expected::Exact(1), "done").await.unwrap();

    let mut connection = PgConnection::connect(&url).await.unwrap();
    for statement in [
        "INSERT INTO {es}.events SELECT (event).* FROM (SELECT event FROM {es}.events AS event) AS all_of_them",
        "UPDATE {es}.events SET name = 'Other'",
        "UPDATE {es}.events SET payload = NULL",
        "DELETE FROM {es}.events",
        "TRUNCATE {es}.events",
        "INSERT INTO {es}.streams (stream) VALUES ('a-2')",
        "UPDATE {es}.streams SET closed_at = NULL",
        "DELETE FROM {es}.streams",
        "UPDATE {es}.meta SET value = ''",
        "CREATE TABLE {es}.other ()",
    ] {
        assert_eq!(refusal(run(&mut connection, &schema, statement).await), "42501", "{statement}");
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn another_role_neither_opens_nor_migrates() {
    let ((_, schema), role) = (fresh().await, role("").await);
    let url = url_of(&role, "theirs", "");
    let opened = PgStore::connect_with(&url, in_schema(&schema)).await;
    assert!(matches!(opened, Err(PgOpenError::Forbidden)), "{opened:?}");
    let migrated = PgStore::migrate(&url, &in_schema(&unique())).await;
    assert!(matches!(migrated, Err(PgOpenError::Forbidden)), "{migrated:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn even_the_owner_changes_nothing_but_what_a_redaction_does() {
    let (store, schema) = fresh().await;
    store.append(one("a-1")).await.unwrap();
    let mut owner = superuser().await;
    for statement in [
        "UPDATE {es}.events SET payload = '\\x00'",
        "UPDATE {es}.events SET position = 7",
        "UPDATE {es}.events SET recorded_at = 7, payload = NULL",
        "DELETE FROM {es}.events",
        "DELETE FROM {es}.events WHERE position = 7",
        "TRUNCATE {es}.events",
    ] {
        assert_eq!(refusal(run(&mut owner, &schema, statement).await), "42501", "{statement}");
    }
    run(&mut owner, &schema, "UPDATE {es}.events SET payload = NULL, metadata = '\\x00'").await.unwrap();
    let back = run(&mut owner, &schema, "UPDATE {es}.events SET payload = '\\x00'").await;
    assert_eq!(refusal(back), "42501");
}
