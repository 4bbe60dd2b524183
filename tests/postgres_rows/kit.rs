//! The words that the cases are written in.

use es_core::Position;
use es_core::sqlx::postgres::PgConnection;
use es_core::sqlx::{self, AssertSqlSafe, Connection};
use es_core::store::{
    Advance, AdvanceError, Checkpoint, EventStore, Lease, PgOptions, PgStore, PgTx, RowStore, RowWork,
};
use std::time::Duration;
use tests::server;
use uuid::Uuid;

/// The build that the cases write for.
pub const BUILD: &str = "balances_1_2";

/// Work in the form that stores take it: `work!(|tx| { .. })`.
macro_rules! work {
    (|$tx:ident| $body:block) => {{
        let work: es_core::store::RowWork<es_core::store::PgTx> = Box::new(move |$tx| {
            Box::pin(async move {
                $body
                Ok(())
            })
        });
        work
    }};
}
pub(crate) use work;

/// A log of its own.
pub struct Place {
    pub schema: String,
    pub store: PgStore,
}

impl Place {
    pub async fn new() -> Self {
        let schema = server::unique();
        let store = server::postgres(PgOptions::new().schema(&schema)).await;
        Self { schema, store }
    }

    /// A lease for a projection that has made its table.
    pub async fn with_table() -> (Self, Lease) {
        let place = Self::new().await;
        let held = lease(&place.store, "balances").await;
        let make = work!(|tx| {
            let sql = "CREATE TABLE balances (account text PRIMARY KEY, balance bigint NOT NULL)";
            sqlx::query(sql).execute(&mut **tx).await?;
        });
        place.work(Advance::under(&held), make).await.unwrap();
        (place, held)
    }

    pub async fn work(&self, advance: Advance, work: RowWork<PgTx>) -> Result<(), AdvanceError> {
        self.store.advance_with(advance, BUILD.into(), work).await
    }

    /// What is stored in the build's table.
    pub async fn balance(&self) -> i64 {
        let build = format!("\"{}__{BUILD}\".balances", self.schema);
        self.number(&format!("SELECT coalesce(sum(balance), 0)::bigint FROM {build}")).await
    }

    /// The number that a statement answers to somebody beside the store; `{es}` is its schema.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.replace("{es}", &self.schema));
        sqlx::query_scalar(sql).fetch_one(&mut session().await).await.unwrap()
    }

    /// Runs statements beside the store.
    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.replace("{es}", &self.schema));
        sqlx::raw_sql(sql).execute(&mut session().await).await.unwrap();
    }

    pub async fn position(&self, processor: &str) -> Position {
        self.store.processors(processor).await.unwrap()[0].checkpoint.position
    }
}

pub async fn session() -> PgConnection {
    PgConnection::connect(&server::postgres_url()).await.unwrap()
}

pub async fn lease(store: &PgStore, processor: &str) -> Lease {
    store.register(processor, Checkpoint::default()).await.unwrap();
    let taken = store.acquire(processor, Uuid::now_v7(), Duration::from_mins(1)).await.unwrap();
    taken.expect("nobody holds it")
}

pub fn advance_to(lease: &Lease, to: u64) -> Advance {
    let to = Checkpoint { position: Position(to), event: Some(Uuid::from_u128(to.into())) };
    Advance { to: Some(to), ..Advance::under(lease) }
}

/// What enters an amount.
pub fn deposit(amount: i64) -> RowWork<PgTx> {
    work!(|tx| { enter(tx, amount).await? })
}

pub async fn enter(tx: &mut PgTx, amount: i64) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO balances AS stored VALUES ('a-1', $1)
        ON CONFLICT (account) DO UPDATE SET balance = stored.balance + excluded.balance";
    sqlx::query(sql).bind(amount).execute(&mut **tx).await.map(drop)
}

/// What the work's failure says.
pub fn failure(answer: &Result<(), AdvanceError>) -> String {
    match answer {
        Err(AdvanceError::Work(error)) => error.to_string(),
        other => panic!("not the work's failure: {other:?}"),
    }
}
