//! The words that the cases are written in, and a session of their own on the server.

use bytes::Bytes;
use es_core::StreamId;
use es_core::store::{Appended, Commit, EventStore, Expected, NewEvent, PgOptions, PgStore};
use jiff::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use std::time::Duration;
use tests::server;
use uuid::Uuid;

/// A log of its own, and as many stores on it as processes would have.
pub async fn stores<const N: usize>() -> (String, [PgStore; N]) {
    let schema = server::unique();
    let options = PgOptions::new().schema(&schema).connections(4);
    PgStore::migrate(&server::postgres_url(), &options).await.expect("the schema can be made");
    let mut stores = Vec::new();
    for _ in 0..N {
        stores.push(open(&options).await);
    }
    (schema, stores.try_into().unwrap())
}

pub async fn open(options: &PgOptions) -> PgStore {
    PgStore::connect_with(&server::postgres_url(), options.clone()).await.expect("it is there")
}

/// A session beside the stores.
pub async fn session() -> PgConnection {
    PgConnection::connect(&server::postgres_url()).await.unwrap()
}

/// Runs statements of a session, in which `{es}` is the schema.
pub async fn run(session: &mut PgConnection, schema: &str, sql: &str) {
    let sql = sql.replace("{es}", schema);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await.unwrap();
}

/// The number that a statement answers.
pub async fn number(session: &mut PgConnection, schema: &str, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.replace("{es}", schema));
    sqlx::query_scalar(sql).persistent(false).fetch_one(session).await.unwrap()
}

/// Asks again and again until the answer is this one.
pub async fn until(session: &mut PgConnection, schema: &str, sql: &str, expected: i64) {
    let asked = async {
        while number(session, schema, sql).await != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .unwrap_or_else(|_| panic!("never {expected}: {sql}"));
}

pub fn stream(name: &str) -> StreamId {
    StreamId::named(name)
}

pub fn events(count: usize) -> Vec<NewEvent> {
    let event = || NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::from_second(1_000).unwrap(),
        payload: Bytes::from_static(b"{}"),
        metadata: Bytes::from_static(b"{}"),
    };
    (0..count).map(|_| event()).collect()
}

pub async fn append(store: &dyn EventStore, name: &str, count: usize) -> Appended {
    store.append(Commit::one(stream(name), Expected::Any, events(count))).await.unwrap()
}
