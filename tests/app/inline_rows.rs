//! Projections that keep rows in the database of the log, written in the transaction of the commit.

use crate::bank::{
    Account, AccountId, AccountOpened, DepositParts, Errand, MoneyDeposited, NoErrand, ann, balance, deposit,
    open,
};
use es_core::prelude::*;
use es_core::sqlx;
use es_core::store::{PgStore, SqliteStore};
use std::sync::Arc;
use tests::place::{File, Place, Schema};

/// A row for each account, in a file.
#[projection(name = "balances", inline)]
pub struct Balances;

#[projection]
impl Balances {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute_batch(&format!(
            "CREATE TABLE {} (account TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance < 1000)) STRICT",
            tx.table("account_balances")
        ))
    }
    fn opened(&self, _: &AccountOpened, account: &AccountId, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("INSERT INTO {} VALUES (?1, 0)", tx.table("account_balances"));
        tx.execute(&sql, [account.to_string()]).map(drop)
    }
    fn deposited(&self, e: &MoneyDeposited, account: &AccountId, tx: &SqliteTx) -> Result<(), SqliteError> {
        let table = tx.table("account_balances");
        let sql = format!("UPDATE {table} SET balance = balance + ?2 WHERE account = ?1");
        tx.execute(&sql, (account.to_string(), i64::try_from(e.amount).unwrap_or(i64::MAX))).map(drop)
    }
}

/// The same on a server.
#[projection(name = "balances", inline)]
pub struct ServedBalances;

#[projection]
impl ServedBalances {
    async fn setup(tx: &mut PgTx) -> Result<(), PgError> {
        let sql = "CREATE TABLE account_balances
            (account text PRIMARY KEY, balance bigint NOT NULL CHECK (balance < 1000))";
        sqlx::query(sql).execute(&mut **tx).await.map(drop)
    }
    async fn opened(&self, _: &AccountOpened, account: &AccountId, tx: &mut PgTx) -> Result<(), PgError> {
        let sql = "INSERT INTO account_balances VALUES ($1, 0)";
        sqlx::query(sql).bind(account.to_string()).execute(&mut **tx).await.map(drop)
    }
    async fn deposited(&self, e: &MoneyDeposited, account: &AccountId, tx: &mut PgTx) -> Result<(), PgError> {
        let sql = "UPDATE account_balances SET balance = balance + $2 WHERE account = $1";
        let amount = i64::try_from(e.amount).unwrap_or(i64::MAX);
        sqlx::query(sql).bind(account.to_string()).bind(amount).execute(&mut **tx).await.map(drop)
    }
}

/// A place whose store keeps rows.
trait Tables: Place {
    /// An app with the projection.
    async fn app(store: &Self::Store) -> App;
    /// The row of an account, as readers see it.
    async fn row(store: &Self::Store, account: &AccountId) -> Option<u64>;
    /// How many tables of that name there are, over all builds.
    async fn tables(store: &Self::Store) -> i64;
}

macro_rules! app {
    ($store:expr, $projection:ty) => {{
        let builder = App::builder($store.clone()).aggregate::<Account>().projection::<$projection>();
        builder.service::<dyn Errand>(Arc::new(NoErrand)).build().await.unwrap()
    }};
}

impl Tables for File {
    async fn app(store: &SqliteStore) -> App {
        app!(store, Balances)
    }
    async fn row(store: &SqliteStore, account: &AccountId) -> Option<u64> {
        let account = account.to_string();
        let sql = "SELECT balance FROM account_balances WHERE account = ?1";
        let read = move |connection: &rusqlite::Connection| {
            let mut find = connection.prepare(sql)?;
            find.query_map([account], |row| row.get::<_, i64>(0))?.next().transpose()
        };
        store.read(read).await.unwrap().map(i64::unsigned_abs)
    }
    async fn tables(store: &SqliteStore) -> i64 {
        let tables =
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE 'account_balances%'";
        store.read(|file| file.query_row(tables, [], |row| row.get(0))).await.unwrap()
    }
}

impl Tables for Schema {
    async fn app(store: &PgStore) -> App {
        app!(store, ServedBalances)
    }
    async fn row(store: &PgStore, account: &AccountId) -> Option<u64> {
        let query = sqlx::query_scalar("SELECT balance FROM account_balances WHERE account = $1");
        let query = query.bind(account.to_string());
        let found: Option<i64> = store.read(async |rows| query.fetch_optional(rows).await).await.unwrap();
        found.map(i64::unsigned_abs)
    }
    async fn tables(store: &PgStore) -> i64 {
        // Builds have schemas whose names begin as that of the views, before `_rows`.
        let sql = "SELECT count(*) FROM pg_tables WHERE tablename = 'account_balances'
            AND starts_with(schemaname, left(current_schema(), -length('_rows')))";
        store.read(async |rows| sqlx::query_scalar(sql).fetch_one(rows).await).await.unwrap()
    }
}

/// Makes a test of each case in a file and on a server.
macro_rules! on_every_database {
    ($($case:ident)+) => {$(
        mod $case {
            use tests::place::{File, Place as _, Schema};

            #[tokio::test]
            async fn on_sqlite() {
                super::$case(File::fresh().await).await;
            }

            #[tokio::test]
            #[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
            async fn on_postgres() {
                super::$case(Schema::fresh().await).await;
            }
        }
    )+};
}

on_every_database! {
    a_row_is_there_as_soon_as_the_command_is_answered
    a_row_that_cannot_be_fails_the_command
    a_rebuild_of_rows_is_read_from_the_next_commit_on
    rows_of_a_long_log_are_followed_and_then_written_inline
}

async fn in_rows<P: Tables>(place: &P) -> (App, P::Store) {
    let store = place.open().await;
    (P::app(&store).await, store)
}

async fn a_row_is_there_as_soon_as_the_command_is_answered<P: Tables>(place: P) {
    let (app, store) = in_rows(&place).await;
    app.execute(open(ann())).await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(0));
    app.execute(deposit(ann(), 50)).await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(50));
}

async fn a_row_that_cannot_be_fails_the_command<P: Tables>(place: P) {
    let (app, store) = in_rows(&place).await;
    app.execute(open(ann())).await.unwrap();
    let failed = app.execute(deposit(ann(), 1_000)).await.unwrap_err();
    let CommandError::Inline { reactor, source } = failed else { panic!("{failed:?}") };
    assert_eq!(reactor, "balances");
    let said = source.to_string();
    assert!(said.to_lowercase().contains("check constraint"), "{said}");
    assert_eq!((balance(&app, &ann()).await, P::row(&store, &ann()).await), (Some(0), Some(0)));
}

async fn a_rebuild_of_rows_is_read_from_the_next_commit_on<P: Tables>(place: P) {
    let (app, store) = in_rows(&place).await;
    app.execute(open(ann())).await.unwrap();
    app.execute(deposit(ann(), 50)).await.unwrap();
    app.rebuild("balances").await.unwrap();
    app.execute(deposit(ann(), 7)).await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(57));
    app.drain().await.unwrap();
    app.execute(deposit(ann(), 3)).await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(60));
    assert_eq!(P::tables(&store).await, 1, "that of the build before is dropped");
}

async fn rows_of_a_long_log_are_followed_and_then_written_inline<P: Tables>(place: P) {
    let other = crate::bank::bank(place.open().await).await;
    other.execute(open(ann())).await.unwrap();
    for _ in 0..2 {
        other.execute(DepositParts { account: ann(), amount: 0, parts: 700 }).await.unwrap();
    }
    let (app, store) = in_rows(&place).await;
    app.execute(deposit(ann(), 5)).await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(5));
    app.execute(deposit(ann(), 5)).await.unwrap();
    assert_eq!(P::row(&store, &ann()).await, Some(10));
}
