//! The app's role uses the store, and cannot change what is in the log.

use crate::kit::{fresh, in_schema, one, refusal, role, run, superuser, url_of, value};
use es_core::StreamId;
use es_core::store::{
    Advance, BuildTables, Checkpoint, EventStore, Expected, LEASE, PgOpenError, PgStore, PgTx, Redaction,
    RowStore, RowWork,
};
use sqlx::{Connection, PgConnection};
use tests::server::{postgres_url, unique};
use uuid::Uuid;

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

/// Work that does this.
fn work(does: &'static str) -> RowWork<PgTx> {
    Box::new(move |tx| {
        Box::pin(async move {
            sqlx::raw_sql(does).execute(&mut **tx).await?;
            tx.show("balances", "p_1_1").await
        })
    })
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn whoever_is_of_the_app_role_works_on_the_builds_of_all() {
    let (schema, group) = (unique(), role("").await);
    run(&mut superuser().await, "", &format!("ALTER ROLE {group} NOLOGIN")).await.unwrap();
    PgStore::migrate(&postgres_url(), &in_schema(&schema).app_role(&group)).await.unwrap();
    let mut stores = Vec::new();
    for options in [in_schema(&schema), in_schema(&schema).pooled()] {
        let member = role(&format!("GRANT {group} TO {{role}}")).await;
        stores.push(PgStore::connect_with(&url_of(&member, "theirs", ""), options).await.unwrap());
    }
    stores[0].register("p", Checkpoint::default()).await.unwrap();
    for (turn, does) in [
        "CREATE TABLE balances (id int, n int); INSERT INTO balances VALUES (1, 0)",
        "UPDATE balances SET n = n + 1; CREATE INDEX ON balances (id)",
        "UPDATE balances SET n = n + 1; ALTER TABLE balances ADD also int",
    ]
    .into_iter()
    .enumerate()
    {
        let store = &stores[turn % 2];
        let lease = store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().expect("nobody holds it");
        store.advance_with(Advance::under(&lease), "p_1_1".into(), work(does)).await.unwrap();
        store.release(&lease).await.unwrap();
        for reader in &stores {
            let read = reader.read(async |rows| {
                sqlx::query_scalar::<_, i32>("SELECT n FROM balances").fetch_one(rows).await
            });
            assert_eq!(read.await.unwrap(), i32::try_from(turn).unwrap());
        }
    }
    let lease = stores[1].acquire("p", Uuid::now_v7(), LEASE).await.unwrap().expect("nobody holds it");
    let drop: RowWork<PgTx> = Box::new(|tx| {
        Box::pin(async move {
            tx.hide("balances").await?;
            tx.drop_tables("p_1_1").await
        })
    });
    stores[1].advance_with(Advance::under(&lease), "p_1_1".into(), drop).await.unwrap();
    let left = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}__p_1_1'");
    assert_eq!(value::<i64>(&mut superuser().await, "", &left).await, 0);
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
