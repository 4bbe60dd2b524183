//! The stores that a warehouse works on, and what is different on each.

use super::leases::Watched;
use super::warehouse::{OrderId, Packed};
use es_core::prelude::*;
use es_core::store::{PgStore, SqliteStore};
use es_core::{AppBuilder, sqlx};
use std::collections::BTreeMap;
use std::time::Duration;
use tests::place::{File, Namespace, Schema, Shared};

/// A place that a warehouse works at.
pub trait Ground: Shared {
    /// What its processes are told to begin with.
    const NAME: &'static str;

    /// What works there, by the names that users say.
    const FOLLOWERS: &'static [&'static str] = &["mail", "packing", "parcels", "shelf"];

    /// How often somebody orders: about as fast as it is done.
    const PACE: Duration;

    /// So many letters are many.
    const MANY: usize;

    /// Whether leases go by another clock than that of the process which asks for them. Those in a file go by the
    /// machine's, which all processes have that can share it.
    const KEEPS_TIME: bool = true;

    /// Mounts what keeps rows.
    fn with_shelf(app: AppBuilder<Watched<Self::Store>>) -> AppBuilder<Watched<Self::Store>>;

    /// How often each order was packed, as the rows say; `None` if there are none.
    async fn shelf(store: &Self::Store) -> Option<BTreeMap<String, i64>>;

    /// Whether somebody who writes could do so now. A stopped process that is about to write keeps all others
    /// from it in SQLite, which is the file's lock and not what the tests are about.
    async fn is_writable(&self) -> bool {
        true
    }

    /// What the store's own check of itself says.
    fn is_sound(&self) -> bool {
        true
    }
}

impl Ground for File {
    const NAME: &'static str = "sqlite";
    const PACE: Duration = Duration::from_millis(10);
    const MANY: usize = 100;
    const KEEPS_TIME: bool = false;

    fn with_shelf(app: AppBuilder<Watched<SqliteStore>>) -> AppBuilder<Watched<SqliteStore>> {
        app.projection::<FileShelf>()
    }

    async fn shelf(store: &SqliteStore) -> Option<BTreeMap<String, i64>> {
        let read = |file: &rusqlite::Connection| {
            let mut shelf = file.prepare("SELECT parcel, packed FROM shelf")?;
            shelf.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        Some(store.read(read).await.unwrap())
    }

    async fn is_writable(&self) -> bool {
        let file = rusqlite::Connection::open(self.path()).unwrap();
        file.busy_timeout(Duration::from_millis(200)).unwrap();
        file.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok()
    }

    fn is_sound(&self) -> bool {
        let file = rusqlite::Connection::open(self.path()).unwrap();
        file.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap() == "ok"
    }
}

impl Ground for Schema {
    const NAME: &'static str = "postgres";
    const PACE: Duration = Duration::from_millis(40);
    const MANY: usize = 30;

    fn with_shelf(app: AppBuilder<Watched<PgStore>>) -> AppBuilder<Watched<PgStore>> {
        app.projection::<ServedShelf>()
    }

    async fn shelf(store: &PgStore) -> Option<BTreeMap<String, i64>> {
        let sql = "SELECT parcel, packed FROM shelf";
        let rows: Vec<(String, i64)> =
            store.read(async |rows| sqlx::query_as(sql).fetch_all(rows).await).await.unwrap();
        Some(rows.into_iter().collect())
    }
}

impl Ground for Namespace {
    const NAME: &'static str = "nats";
    const FOLLOWERS: &'static [&'static str] = &["mail", "packing", "parcels"];
    const PACE: Duration = Duration::from_millis(100);
    const MANY: usize = 20;

    fn with_shelf(app: AppBuilder<Watched<Self::Store>>) -> AppBuilder<Watched<Self::Store>> {
        app
    }

    async fn shelf(_: &Self::Store) -> Option<BTreeMap<String, i64>> {
        None
    }
}

/// A row for each order, in a file.
#[projection(name = "shelf")]
pub struct FileShelf;

#[projection]
impl FileShelf {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let table = tx.table("shelf");
        tx.execute_batch(&format!(
            "CREATE TABLE {table} (parcel TEXT PRIMARY KEY, packed INTEGER NOT NULL) STRICT"
        ))
    }
    fn packed(&self, _: &Packed, order: &OrderId, tx: &SqliteTx) -> Result<(), SqliteError> {
        let table = tx.table("shelf");
        let sql = format!(
            "INSERT INTO {table} VALUES (?1, 1) ON CONFLICT (parcel) DO UPDATE SET packed = packed + 1"
        );
        tx.execute(&sql, [order.to_string()]).map(drop)
    }
}

/// The same on a server.
#[projection(name = "shelf")]
pub struct ServedShelf;

#[projection]
impl ServedShelf {
    async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
        let sql = "CREATE TABLE shelf (parcel text PRIMARY KEY, packed bigint NOT NULL)";
        sqlx::query(sql).execute(&mut **tx).await.map(drop)
    }
    async fn packed(&self, _: &Packed, order: &OrderId, tx: &mut PgTx) -> Result<(), PgError> {
        let sql = "INSERT INTO shelf AS stored VALUES ($1, 1)
            ON CONFLICT (parcel) DO UPDATE SET packed = stored.packed + 1";
        sqlx::query(sql).bind(order.to_string()).execute(&mut **tx).await.map(drop)
    }
}
