//! The way to the database: a pool of connections, and the statements in the names of its schema.

use super::failure::{self, Failure};
use super::{PgError, PgOpenError, PgOptions, schema};
use crate::store::Durability;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Postgres, SqlSafeStr, SqlStr, Transaction};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How long is waited for a connection: for a new one, or for one of the pool.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is set in our sessions, whatever the role's or the database's own settings are.
const SETTINGS: [(&str, &str); 10] = [
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "15s"),
    ("idle_in_transaction_session_timeout", "5s"),
    // A client whose machine is gone in the middle of a request, which may hold the lock of the log, is noticed
    // within five seconds.
    ("tcp_keepalives_idle", "3"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "2"),
    // Of a client's own, where it says nothing else; compiling costs more than a short statement takes.
    ("jit", "off"),
];

/// What is set beside for what appends.
const APPENDING: [(&str, &str); 3] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_bitmapscan", "off")];

/// What a transaction begins with that takes nothing from the session's settings.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const BEGIN_RELAXED: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off";

/// What a transaction begins with that reads, on a replica, too.
pub(super) const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// A schema in a database. Clones are the same.
#[derive(Clone)]
pub(super) struct Database {
    pool: PgPool,
    shared: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    listening: Option<PgConnectOptions>,
    schema: String,
    quoted: String,
    is_pooled: bool,
    durability: Durability,
}

impl Database {
    /// Opens the way to a store that is there and can be used.
    pub async fn open(url: &str, options: &PgOptions) -> Result<Self, PgOpenError> {
        options.check()?;
        let way = way(url, options)?;
        let listening = match &options.listen {
            Some(url) => Some(way_of(url)?),
            None => (!options.is_pooled).then(|| way.clone()),
        };
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(PATIENCE)
            // It would be a round trip for each. One that is lost is noticed, and another one taken.
            .test_before_acquire(false)
            .connect_lazy_with(way.clone());
        let shared = Shared {
            options: way,
            listening,
            schema: options.schema.clone(),
            quoted: schema::quoted(&options.schema),
            is_pooled: options.is_pooled,
            durability: options.durability,
        };
        let database = Self { pool, shared: Arc::new(shared) };
        schema::check(&database).await?;
        Ok(database)
    }

    /// Connections for one statement, or one short transaction, each. One statement goes better through
    /// [`rows`](Self::rows), and a transaction begins with [`begin`](Self::begin).
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of its own, beside the pool.
    pub async fn connect(&self) -> Result<PgConnection, PgError> {
        connect(&self.shared.options).await
    }

    /// A connection for what appends. In its session, if it keeps one, tables are not scanned whole: a plan may be as
    /// old as the connection, and from a time when the log was short.
    pub async fn connect_to_append(&self) -> Result<PgConnection, PgError> {
        if self.shared.is_pooled {
            return self.connect().await;
        }
        connect(&self.shared.options.clone().options(APPENDING)).await
    }

    /// The way to a connection that can `LISTEN`, if there is one.
    pub fn listening(&self) -> Option<&PgConnectOptions> {
        self.shared.listening.as_ref()
    }

    /// The name of the schema, without quotes.
    pub fn schema(&self) -> &str {
        &self.shared.schema
    }

    /// Whether connections are another's after each transaction, so that nothing can be kept in them.
    pub fn is_pooled(&self) -> bool {
        self.shared.is_pooled
    }

    /// A statement with `{es}` for the schema: `SELECT .. FROM {es}.events`.
    pub fn sql(&self, text: &str) -> SqlStr {
        AssertSqlSafe(text.replace("{es}", &self.shared.quoted)).into_sql_str()
    }

    /// The same, to bind values to; it is prepared once for each connection where that can be kept.
    pub fn query<'q>(&self, text: &str) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(self.sql(text)).persistent(!self.shared.is_pooled)
    }

    /// Begins a transaction on a connection of the pool, at READ COMMITTED whatever is usual there. Statements
    /// in it take [`query`](Self::query).
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, PgError> {
        match begin_in(&self.pool, self.begin_statement()).await {
            Err(error) if failure::is_lost(&error) => {
                self.drop_lost_connections().await;
                begin_in(&self.pool, self.begin_statement()).await
            }
            begun => begun,
        }
    }

    /// What a transaction of a connection begins with.
    pub fn begin_statement(&self) -> &'static str {
        match self.shared.durability {
            Durability::Full => BEGIN,
            Durability::Relaxed => BEGIN_RELAXED,
        }
    }

    /// Runs a statement that only reads. It is run again if the connection was lost.
    pub async fn rows(
        &self,
        query: impl Fn() -> Query<'static, Postgres, PgArguments> + Send,
    ) -> Result<Vec<PgRow>, PgError> {
        match self.run(query(), BEGIN_READING).await {
            Err(error) if failure::is_lost(&error) => {
                self.drop_lost_connections().await;
                self.run(query(), BEGIN_READING).await
            }
            answered => answered,
        }
    }

    /// Runs a statement that may write, once.
    pub async fn rows_once(
        &self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, PgError> {
        self.run(query, self.begin_statement()).await
    }

    async fn run(
        &self,
        query: Query<'static, Postgres, PgArguments>,
        begin: &'static str,
    ) -> Result<Vec<PgRow>, PgError> {
        if !self.shared.is_pooled {
            return query.fetch_all(&self.pool).await;
        }
        // A pooler may send each half of a statement to another connection, if they are not in a transaction.
        let mut transaction = begin_in(&self.pool, begin).await?;
        let rows = query.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// Lets those connections of the pool go that the server has ended, as it does with all when it restarts.
    pub async fn drop_lost_connections(&self) {
        while let Some(mut idle) = self.pool.try_acquire() {
            if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, idle.ping()).await {
                return;
            }
            idle.close_on_drop();
        }
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Begins a transaction on a connection of a pool. That is brought to its end even if nobody waits for it any more: where
/// it is interrupted, the driver gives the connection back inside the transaction, and whatever the next one does on it
/// is never committed.
pub(super) async fn begin_in(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, PgError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await }).await;
    begun.unwrap_or(Err(PgError::WorkerCrashed))
}

/// Connects, or gives up in time.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, PgError> {
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(connected) => connected,
        Err(_) => Err(PgError::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Connects to a database that may have no store yet.
pub(super) async fn connect_to(url: &str, options: &PgOptions) -> Result<PgConnection, PgOpenError> {
    let connection = connect(&way(url, options)?).await;
    connection.map_err(|error| PgOpenError::Unavailable(Failure::from(error).into()))
}

/// The way for sessions with our settings, as far as sessions can have any.
fn way(url: &str, options: &PgOptions) -> Result<PgConnectOptions, PgOpenError> {
    let way = way_of(url)?;
    if options.is_pooled {
        return Ok(way.extra_float_digits(None).statement_cache_capacity(0));
    }
    let relaxed = (options.durability == Durability::Relaxed).then_some(("synchronous_commit", "off"));
    Ok(way.options(SETTINGS.into_iter().chain(relaxed)))
}

fn way_of(url: &str) -> Result<PgConnectOptions, PgOpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(PgOpenError::InvalidUrl);
    }
    let way = PgConnectOptions::from_str(url).map_err(|_| PgOpenError::InvalidUrl)?;
    Ok(way.disable_statement_logging())
}
