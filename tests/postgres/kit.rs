//! The words that the tests are written in.

use bytes::Bytes;
use es_core::StreamId;
use es_core::store::{Commit, EventStore, Expected, NewEvent, PgOptions, PgStore};
use jiff::Timestamp;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::time::Duration;
use tests::server::{postgres, postgres_url, unique};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How long is waited for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn in_schema(schema: &str) -> PgOptions {
    PgOptions::new().schema(schema)
}

/// A new and empty log, and its schema.
pub async fn fresh() -> (PgStore, String) {
    let schema = unique();
    (postgres(in_schema(&schema)).await, schema)
}

pub fn event() -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        name: "Counted".into(),
        schema: 1,
        recorded_at: Timestamp::from_second(1_000).unwrap(),
        payload: Bytes::from_static(b"{\"a\":1}"),
        metadata: Bytes::from_static(b"{}"),
    }
}

pub fn commit(stream: &str, expected: Expected, events: Vec<NewEvent>) -> Commit {
    Commit::one(StreamId::named(stream), expected, events)
}

/// One event for a stream, whatever is there.
pub fn one(stream: &str) -> Commit {
    commit(stream, Expected::Any, vec![event()])
}

/// Appends these, all at once.
pub fn spawned(store: &PgStore, commits: impl IntoIterator<Item = Commit>) -> Vec<JoinHandle<Answer>> {
    let append = |commit| {
        let store = store.clone();
        tokio::spawn(async move { store.append(commit).await })
    };
    commits.into_iter().map(append).collect()
}

pub type Answer = Result<es_core::store::Appended, es_core::store::AppendError>;

/// A connection of the superuser.
pub async fn superuser() -> PgConnection {
    PgConnection::connect(&postgres_url()).await.unwrap()
}

/// Runs statements, with `{es}` for the schema.
pub async fn run(connection: &mut PgConnection, schema: &str, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(in_names_of(schema, sql))).execute(connection).await.map(drop)
}

/// The one value that a statement answers.
pub async fn value<T>(connection: &mut PgConnection, schema: &str, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row: PgRow =
        sqlx::query(AssertSqlSafe(in_names_of(schema, sql))).fetch_one(connection).await.unwrap();
    row.get(0)
}

/// Asks again and again until the answer is this one.
pub async fn until(connection: &mut PgConnection, schema: &str, sql: &str, expected: i64) {
    let asked = async {
        while value::<i64>(connection, schema, sql).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("never {expected}: {sql}"));
}

fn in_names_of(schema: &str, sql: &str) -> String {
    sql.replace("{es}", &format!("\"{}\"", schema.replace('"', "\"\"")))
}

pub async fn events(schema: &str) -> i64 {
    value(&mut superuser().await, schema, "SELECT count(*) FROM {es}.events").await
}

/// How many calls have stored events.
pub async fn calls(schema: &str) -> i64 {
    value(&mut superuser().await, schema, "SELECT count(DISTINCT xmin::text) FROM {es}.events").await
}

/// The SQLSTATE that a statement is refused with.
pub fn refusal(answer: Result<(), sqlx::Error>) -> String {
    let error = answer.expect_err("it is refused");
    error.as_database_error().and_then(DatabaseError::code).expect("by the server").into_owned()
}

/// Keeps everybody from writing to the log of a schema.
pub struct Held {
    pub connection: PgConnection,
    schema: String,
}

impl Held {
    pub async fn of(schema: &str) -> Self {
        let mut connection = superuser().await;
        run(&mut connection, schema, "BEGIN; SELECT {es}.take_fence()").await.unwrap();
        Self { connection, schema: schema.to_owned() }
    }

    /// The server's process that waits for the log, once there is one beside these.
    pub async fn waits(&mut self, beside: &[i32]) -> i32 {
        let waiting = "SELECT min(waiting.pid) FROM pg_locks AS waiting JOIN pg_locks AS held
            ON (held.classid, held.objid) = (waiting.classid, waiting.objid)
            WHERE NOT waiting.granted AND waiting.locktype = 'advisory' AND held.pid = pg_backend_pid()
                AND waiting.pid <> ALL ($1)";
        let found = async {
            loop {
                let row = sqlx::query(waiting).bind(beside).fetch_one(&mut self.connection).await.unwrap();
                if let Some(pid) = row.get(0) {
                    return pid;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("somebody waits for the log")
    }

    pub async fn let_go(mut self) {
        run(&mut self.connection, &self.schema, "COMMIT").await.unwrap();
    }

    /// Ends the session of a process.
    pub async fn end(&mut self, process: i32) {
        let ended = sqlx::query("SELECT pg_terminate_backend($1)").bind(process);
        assert!(ended.fetch_one(&mut self.connection).await.unwrap().get::<bool, _>(0));
    }
}

/// The server's URL as another role, and with more in it.
pub fn url_of(role: &str, password: &str, more: &str) -> String {
    let url = postgres_url();
    let (_, place) = url.split_once('@').unwrap();
    format!("postgres://{role}:{password}@{place}{more}")
}

/// A new role that can log in, with nothing but this.
pub async fn role(settings: &str) -> String {
    let role = unique();
    let mut connection = superuser().await;
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'theirs'; {}", settings.replace("{role}", &role));
    run(&mut connection, "", &create).await.unwrap();
    role
}
