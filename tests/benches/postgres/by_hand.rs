//! What one would write with a driver alone: the same tables, a statement prepared once, JSON.
//!
//! There are three ways to append. *Bare* is one insert under the stream's unique version, with positions from a
//! sequence: a reader of the log may miss events. *Locked* takes a lock first, as one has to for positions that
//! readers can go by: a transaction. *Called* promises what a store does: it calls the store's own function, from
//! a session that is set up like a store's.

use super::bank::{AccountEvent, AccountOpened, MoneyDeposited, by_hand};
use es_core::prelude::*;
use es_core::sqlx::postgres::{PgConnectOptions, PgConnection};
use es_core::sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

const TABLES: &str = "
CREATE SCHEMA IF NOT EXISTS by_hand;
DROP TABLE IF EXISTS by_hand.events, by_hand.ordered;
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
CREATE INDEX ON by_hand.events (category, position);
CREATE TABLE by_hand.ordered (LIKE by_hand.events INCLUDING ALL);
ALTER TABLE by_hand.ordered ALTER position DROP DEFAULT;";

const BARE: &str = "INSERT INTO by_hand.events
    (version, recorded_at, stored_at, event_id, schema, stream, category, name, metadata, payload)
    VALUES ($1, $2, $2, $3, 1, $4, 'account', $7, $5, $6)";

const LOCK: &str = "SELECT pg_advisory_xact_lock(4711)";
const LAST: &str = "SELECT position, stored_at FROM by_hand.ordered ORDER BY position DESC LIMIT 1";
const ORDERED: &str = "INSERT INTO by_hand.ordered
    (version, recorded_at, stored_at, event_id, schema, stream, category, name, metadata, payload, position)
    VALUES ($1, $2, $7, $3, 1, $4, 'account', $9, $5, $6, $8)";

/// How an event is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Bare,
    Locked,
    Called,
}

/// The database, with the schema of the store whose function is called.
#[derive(Clone)]
pub struct Place {
    pub url: String,
    pub schema: String,
}

impl Place {
    pub async fn create(&self) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(TABLES).execute(&mut connection).await.unwrap();
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// A session like one that a store appends in.
    async fn connect_to_append(&self) -> PgConnection {
        let options: PgConnectOptions = self.url.parse().unwrap();
        options.options(SETTINGS).connect().await.unwrap()
    }

    fn call(&self) -> String {
        format!(
            "SELECT before, stored_at, outcome, version, edits, closed
             FROM {}.append_one($1, $2, -1, $3, $4, 1::smallint, $5, $6, $7)",
            self.schema
        )
    }

    fn read(&self, way: Way) -> String {
        let table = match way {
            Way::Bare => "by_hand.events".to_owned(),
            Way::Locked => "by_hand.ordered".to_owned(),
            Way::Called => format!("{}.events", self.schema),
        };
        format!("SELECT name, payload FROM {table} WHERE stream = $1 ORDER BY version")
    }
}

/// As a store sets up the session that it appends in.
const SETTINGS: [(&str, &str); 4] = [
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
];

/// An event, as it goes into a table.
struct Stored {
    name: &'static str,
    id: Uuid,
    now: i64,
    metadata: Vec<u8>,
    payload: Vec<u8>,
}

impl Stored {
    /// What a version of a stream holds: its first one opens the account.
    fn at(version: i64) -> Self {
        let event = if version == 1 {
            AccountEvent::AccountOpened(AccountOpened { owner: "Ann".to_owned() })
        } else {
            AccountEvent::MoneyDeposited(MoneyDeposited { amount: 1, reference: "salary".to_owned() })
        };
        let command = Uuid::now_v7();
        Self {
            name: event.name(),
            id: Uuid::now_v7(),
            now: Timestamp::now().as_microsecond(),
            metadata: format!(r#"{{"command":"Deposit","command_id":"{command}"}}"#).into_bytes(),
            payload: event.encode().unwrap(),
        }
    }
}

/// By sqlx.
pub struct Sqlx {
    connection: PgConnection,
    place: Place,
}

impl Sqlx {
    pub async fn connect(place: &Place) -> Self {
        Self { connection: place.connect().await, place: place.clone() }
    }

    pub async fn connect_to_append(place: &Place) -> Self {
        Self { connection: place.connect_to_append().await, place: place.clone() }
    }

    /// Whether the version was free.
    pub async fn store(&mut self, way: Way, stream: &str, version: i64) -> bool {
        let event = Stored::at(version);
        let stored = match way {
            Way::Bare => self.insert(event, stream, version).await,
            Way::Locked => self.insert_in_order(event, stream, version).await,
            Way::Called => return self.call(event, stream, version).await,
        };
        match stored {
            Ok(()) => true,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn insert(&mut self, event: Stored, stream: &str, version: i64) -> Result<(), sqlx::Error> {
        let insert = sqlx::query(BARE).bind(version).bind(event.now).bind(event.id).bind(stream);
        let insert = insert.bind(event.metadata).bind(event.payload).bind(event.name);
        insert.execute(&mut self.connection).await.map(drop)
    }

    async fn insert_in_order(
        &mut self,
        event: Stored,
        stream: &str,
        version: i64,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.connection.begin().await?;
        sqlx::query(LOCK).execute(&mut *tx).await?;
        let last = sqlx::query(LAST).fetch_optional(&mut *tx).await?;
        let (position, stored_at) = last.map_or((0, 0), |row| (row.get::<i64, _>(0), row.get::<i64, _>(1)));
        let insert = sqlx::query(ORDERED).bind(version).bind(event.now).bind(event.id).bind(stream);
        let insert = insert.bind(event.metadata).bind(event.payload);
        let insert = insert.bind(event.now.max(stored_at)).bind(position + 1).bind(event.name);
        match insert.execute(&mut *tx).await {
            Ok(_) => tx.commit().await,
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn call(&mut self, event: Stored, stream: &str, version: i64) -> bool {
        let call =
            sqlx::query(AssertSqlSafe(self.place.call())).bind(stream).bind(version - 1).bind(event.id);
        let call = call.bind(event.name).bind(event.now).bind(event.metadata).bind(event.payload);
        let row = call.fetch_one(&mut self.connection).await.unwrap();
        row.get::<&str, _>(2) == "A"
    }

    /// The usual loop: read, fold, store, and all of it again if somebody was faster.
    pub async fn contend(mut self, way: Way, stream: String, times: u32) -> Self {
        for _ in 0..times {
            loop {
                let (balance, version) = self.fold(way, &stream).await;
                std::hint::black_box(balance);
                if self.store(way, &stream, version + 1).await {
                    break;
                }
            }
        }
        self
    }

    /// The balance and the version of a stream.
    pub async fn fold(&mut self, way: Way, stream: &str) -> (u64, i64) {
        let read = sqlx::query(AssertSqlSafe(self.place.read(way))).bind(stream);
        let rows = read.fetch_all(&mut self.connection).await.unwrap();
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
    call: Statement,
    read: Statement,
}

impl Tokio {
    pub async fn connect(place: &Place) -> Self {
        Self::with(place, &place.url.parse().unwrap()).await
    }

    pub async fn connect_to_append(place: &Place) -> Self {
        let mut config: Config = place.url.parse().unwrap();
        let settings = SETTINGS.map(|(name, value)| format!("-c {name}={value}"));
        Self::with(place, config.options(settings.join(" "))).await
    }

    async fn with(place: &Place, config: &Config) -> Self {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let bare = client.prepare(BARE).await.unwrap();
        let ordered = client.prepare(ORDERED).await.unwrap();
        let last = client.prepare(LAST).await.unwrap();
        let call = client.prepare(&place.call()).await.unwrap();
        let read = client.prepare(&place.read(Way::Bare)).await.unwrap();
        Self { client, bare, ordered, last, call, read }
    }

    /// Stores a version that is free.
    pub async fn store(&mut self, way: Way, stream: &str, version: i64) {
        let event = Stored::at(version);
        match way {
            Way::Bare => self.insert(event, stream, version).await,
            Way::Locked => self.insert_in_order(event, stream, version).await,
            Way::Called => self.call(event, stream, version).await,
        }
    }

    async fn insert(&mut self, event: Stored, stream: &str, version: i64) {
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&version, &event.now, &event.id, &stream, &event.metadata, &event.payload, &event.name];
        self.client.execute(&self.bare, &parameters).await.unwrap();
    }

    async fn insert_in_order(&mut self, event: Stored, stream: &str, version: i64) {
        let tx = self.client.transaction().await.unwrap();
        // Sent together: the driver does not wait for the lock before it asks for the rest.
        let (lock, last) = tokio::join!(tx.batch_execute(LOCK), tx.query_opt(&self.last, &[]));
        lock.unwrap();
        let last = last.unwrap();
        let (position, stored_at) = last.map_or((0, 0), |row| (row.get::<_, i64>(0), row.get::<_, i64>(1)));
        let (stored_at, position) = (event.now.max(stored_at), position + 1);
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &version,
            &event.now,
            &event.id,
            &stream,
            &event.metadata,
            &event.payload,
            &stored_at,
            &position,
            &event.name,
        ];
        tx.execute(&self.ordered, &parameters).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn call(&mut self, event: Stored, stream: &str, version: i64) {
        let expected = version - 1;
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&stream, &expected, &event.id, &event.name, &event.now, &event.metadata, &event.payload];
        let row = self.client.query_one(&self.call, &parameters).await.unwrap();
        assert_eq!(row.get::<_, &str>(2), "A");
    }

    /// The balance and the version of a stream of bare inserts.
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
pub async fn store_history(place: &Place, stream: &str, length: u64) {
    let mut connection = place.connect().await;
    for (version, event) in (1_i64..).zip(super::bank::history(length)) {
        sqlx::query(BARE)
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
