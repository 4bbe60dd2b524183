//! What one would write with a driver alone: the same table, a statement prepared once, JSON.
//!
//! There are two ways to append. *Bare* is one insert under the stream's unique version, with positions from a
//! sequence: a reader of the log may miss events. *Ordered* takes a lock first, as one has to for positions
//! that readers can go by: a transaction.

use super::bank::{AccountEvent, MoneyDeposited, by_hand};
use es_core::prelude::*;
use es_core::sqlx::{self, Connection, PgConnection, Row};
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

const TABLE: &str = "
CREATE SCHEMA IF NOT EXISTS by_hand;
DROP TABLE IF EXISTS by_hand.events;
CREATE TABLE by_hand.events (
    position    bigserial PRIMARY KEY,
    version     bigint NOT NULL,
    recorded_at bigint NOT NULL,
    stored_at   bigint NOT NULL,
    event_id    uuid NOT NULL UNIQUE,
    schema      smallint NOT NULL,
    stream      text COLLATE \"C\" NOT NULL,
    category    text COLLATE \"C\" NOT NULL,
    name        text COLLATE \"C\" NOT NULL,
    metadata    bytea NOT NULL,
    payload     bytea NOT NULL,
    UNIQUE (stream, version)
);
CREATE INDEX ON by_hand.events (category, position);";

const BARE: &str = "INSERT INTO by_hand.events
    (version, recorded_at, stored_at, event_id, schema, stream, category, name, metadata, payload)
    VALUES ($1, $2, $2, $3, 1, $4, 'account', 'MoneyDeposited', $5, $6)";

const LOCK: &str = "SELECT pg_advisory_xact_lock(4711)";
const LAST: &str = "SELECT position, stored_at FROM by_hand.events ORDER BY position DESC LIMIT 1";
const ORDERED: &str = "INSERT INTO by_hand.events
    (version, recorded_at, stored_at, event_id, schema, stream, category, name, metadata, payload, position)
    VALUES ($1, $2, $7, $3, 1, $4, 'account', 'MoneyDeposited', $5, $6, $8)";

const READ: &str = "SELECT name, payload FROM by_hand.events WHERE stream = $1 ORDER BY version";

/// One deposit, as it goes into the table.
struct Deposit {
    id: Uuid,
    now: i64,
    metadata: Vec<u8>,
    payload: Vec<u8>,
}

impl Deposit {
    fn new() -> Self {
        let (command, event) = (Uuid::now_v7(), MoneyDeposited { amount: 1, reference: "salary".to_owned() });
        Self {
            id: Uuid::now_v7(),
            now: Timestamp::now().as_microsecond(),
            metadata: format!(r#"{{"command":"Deposit","command_id":"{command}"}}"#).into_bytes(),
            payload: serde_json::to_vec(&event).unwrap(),
        }
    }
}

pub async fn create(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(TABLE).execute(&mut connection).await.unwrap();
}

/// By sqlx.
pub struct Sqlx(PgConnection);

impl Sqlx {
    pub async fn connect(url: &str) -> Self {
        Self(PgConnection::connect(url).await.unwrap())
    }

    pub async fn bare(&mut self, stream: &str, from: i64, times: i64) -> Duration {
        let started = Instant::now();
        for version in from + 1..=from + times {
            assert!(self.insert(stream, version).await);
        }
        started.elapsed()
    }

    /// Whether the version was free.
    async fn insert(&mut self, stream: &str, version: i64) -> bool {
        let event = Deposit::new();
        let insert = sqlx::query(BARE).bind(version).bind(event.now).bind(event.id).bind(stream);
        match insert.bind(event.metadata).bind(event.payload).execute(&mut self.0).await {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn ordered(&mut self, stream: &str, from: i64, times: i64) -> Duration {
        let started = Instant::now();
        for version in from + 1..=from + times {
            let event = Deposit::new();
            let mut tx = self.0.begin().await.unwrap();
            sqlx::query(LOCK).execute(&mut *tx).await.unwrap();
            let last = sqlx::query(LAST).fetch_optional(&mut *tx).await.unwrap();
            let (position, stored_at) =
                last.map_or((0, 0), |row| (row.get::<i64, _>(0), row.get::<i64, _>(1)));
            let insert = sqlx::query(ORDERED).bind(version).bind(event.now).bind(event.id).bind(stream);
            let insert = insert.bind(event.metadata).bind(event.payload);
            insert.bind(event.now.max(stored_at)).bind(position + 1).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        started.elapsed()
    }

    /// The usual loop: read, fold, insert, and all of it again if somebody was faster.
    pub async fn contend(mut self, stream: String, times: u32) -> Self {
        for _ in 0..times {
            loop {
                let (balance, version) = self.fold(&stream).await;
                std::hint::black_box(balance);
                if self.insert(&stream, version + 1).await {
                    break;
                }
            }
        }
        self
    }

    /// The balance and the version of a stream.
    pub async fn fold(&mut self, stream: &str) -> (u64, i64) {
        let rows = sqlx::query(READ).bind(stream).fetch_all(&mut self.0).await.unwrap();
        let mut state = None;
        for row in &rows {
            by_hand::apply(&mut state, &decode(row.get(0), row.get(1))).unwrap();
        }
        (state.map_or(0, |account| account.balance), i64::try_from(rows.len()).unwrap())
    }
}

/// By tokio-postgres.
pub struct Tokio {
    client: Client,
    bare: Statement,
    ordered: Statement,
    last: Statement,
    read: Statement,
}

impl Tokio {
    pub async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let bare = client.prepare(BARE).await.unwrap();
        let ordered = client.prepare(ORDERED).await.unwrap();
        let last = client.prepare(LAST).await.unwrap();
        let read = client.prepare(READ).await.unwrap();
        Self { client, bare, ordered, last, read }
    }

    pub async fn bare(&mut self, stream: &str, from: i64, times: i64) -> Duration {
        let started = Instant::now();
        for version in from + 1..=from + times {
            let event = Deposit::new();
            let parameters: [&(dyn ToSql + Sync); 6] =
                [&version, &event.now, &event.id, &stream, &event.metadata, &event.payload];
            self.client.execute(&self.bare, &parameters).await.unwrap();
        }
        started.elapsed()
    }

    pub async fn ordered(&mut self, stream: &str, from: i64, times: i64) -> Duration {
        let started = Instant::now();
        for version in from + 1..=from + times {
            let event = Deposit::new();
            let tx = self.client.transaction().await.unwrap();
            // Sent together: the driver does not wait for the lock before it asks for the rest.
            let (lock, last) = tokio::join!(tx.batch_execute(LOCK), tx.query_opt(&self.last, &[]));
            lock.unwrap();
            let last = last.unwrap();
            let (position, stored_at) =
                last.map_or((0, 0), |row| (row.get::<_, i64>(0), row.get::<_, i64>(1)));
            let (stored_at, position) = (event.now.max(stored_at), position + 1);
            let parameters: [&(dyn ToSql + Sync); 8] = [
                &version,
                &event.now,
                &event.id,
                &stream,
                &event.metadata,
                &event.payload,
                &stored_at,
                &position,
            ];
            tx.execute(&self.ordered, &parameters).await.unwrap();
            tx.commit().await.unwrap();
        }
        started.elapsed()
    }

    /// The balance and the version of a stream.
    pub async fn fold(&mut self, stream: &str) -> (u64, i64) {
        let rows = self.client.query(&self.read, &[&stream]).await.unwrap();
        let mut state = None;
        for row in &rows {
            by_hand::apply(&mut state, &decode(row.get(0), row.get(1))).unwrap();
        }
        (state.map_or(0, |account| account.balance), i64::try_from(rows.len()).unwrap())
    }
}

fn decode(name: &str, payload: &[u8]) -> AccountEvent {
    match name {
        "AccountOpened" => AccountEvent::AccountOpened(serde_json::from_slice(payload).unwrap()),
        "MoneyDeposited" => AccountEvent::MoneyDeposited(serde_json::from_slice(payload).unwrap()),
        "MoneyWithdrawn" => AccountEvent::MoneyWithdrawn(serde_json::from_slice(payload).unwrap()),
        name => panic!("unknown event {name}"),
    }
}

/// Stores a history of this length in the table.
pub async fn store_history(url: &str, stream: &str, length: u64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let sql = BARE.replace("'MoneyDeposited'", "$7");
    for (version, event) in (1_i64..).zip(super::bank::history(length)) {
        sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
            .bind(version)
            .bind(0_i64)
            .bind(Uuid::now_v7())
            .bind(stream)
            .bind(br#"{"command":"Import"}"#.as_slice())
            .bind(event.encode().unwrap())
            .bind(event.name())
            .execute(&mut connection)
            .await
            .unwrap();
    }
}
