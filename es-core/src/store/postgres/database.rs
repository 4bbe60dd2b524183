//! The way to the database: a pool of connections, and the statements in the names of its schema.

use super::failure::{self, Unanswered};
use super::pool::{Pool, Reset, answered, connect, deadline};
use super::transaction::Transaction;
use super::{PgError, PgOpenError, PgOptions, scan, schema};
use crate::store::Durability;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Postgres, SqlSafeStr, SqlStr};
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;
use tokio::time::Instant;

/// A statement with its values.
pub(super) type PgQuery = Query<'static, Postgres, PgArguments>;

/// What is set in our sessions, whatever the role's or the database's own settings are.
const SETTINGS: [(&str, &str); 11] = [
    // Nothing that somebody else has made stands for what is PostgreSQL's own.
    ("search_path", "pg_catalog,pg_temp"),
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
pub(super) const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path = pg_catalog, pg_temp";
const BEGIN_RELAXED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL synchronous_commit = off";

/// What a transaction begins with that reads, on a replica, too.
pub(super) const BEGIN_READING: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp";

/// What becomes of a session behind work that is not ours.
const RESET: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP;
    SELECT pg_advisory_unlock_all()";

/// What stands in front of it in a session of a pooler: the driver numbers statements for each client, and somebody
/// else's may have the same number.
const FORGET_STATEMENTS: &str = "DEALLOCATE ALL";

/// A schema in a database. Clones are the same.
#[derive(Clone)]
pub(super) struct Database {
    pool: Pool,
    shared: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    connections: u32,
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
        let pool = Pool::new(way.clone(), options.connections, Reset::Nothing);
        let shared = Shared {
            options: way,
            connections: options.connections,
            listening,
            schema: options.schema.clone(),
            quoted: schema::quoted(&options.schema),
            is_pooled: options.is_pooled,
            durability: options.durability,
        };
        let database = Self { pool, shared: Arc::new(shared) };
        answered(schema::check(&database)).await?;
        Ok(database)
    }

    /// As many connections again, for what is not ours, which may leave anything behind in a session, and is not to
    /// write when it has ended its transaction.
    pub fn pool_for_others(&self) -> Pool {
        let Shared { options, connections, is_pooled, .. } = &*self.shared;
        if *is_pooled {
            return Pool::new(options.clone(), *connections, Reset::InFront(FORGET_STATEMENTS));
        }
        let read_only = options.clone().options([("default_transaction_read_only", "on")]);
        Pool::new(read_only, *connections, Reset::Behind(RESET))
    }

    /// A connection of its own, beside the pool.
    pub async fn connect(&self) -> Result<PgConnection, PgError> {
        connect(&self.shared.options, deadline()).await
    }

    /// A connection for what appends. In its session, if it keeps one, tables are not scanned whole: a plan may be as
    /// old as the connection, and from a time when the log was short.
    pub async fn connect_to_append(&self) -> Result<PgConnection, PgError> {
        if self.shared.is_pooled {
            return self.connect().await;
        }
        connect(&self.shared.options.clone().options(APPENDING), deadline()).await
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
    pub fn query(&self, text: &str) -> PgQuery {
        sqlx::query(self.sql(text)).persistent(!self.shared.is_pooled)
    }

    /// Begins a transaction at READ COMMITTED, whatever is usual there. Statements in it take [`query`](Self::query).
    pub async fn begin(&self) -> Result<Transaction, PgError> {
        Transaction::begin(&self.pool, self.begin_statement()).await
    }

    /// What a transaction of a connection begins with.
    pub fn begin_statement(&self) -> &'static str {
        match self.shared.durability {
            Durability::Full => BEGIN,
            Durability::Relaxed => BEGIN_RELAXED,
        }
    }

    /// Runs a statement that only reads. It is run again if the connection was lost.
    pub async fn rows(&self, query: impl Fn() -> PgQuery + Send) -> Result<Vec<PgRow>, PgError> {
        let until = deadline();
        match self.gathered(query(), BEGIN_READING, until).await {
            Err(error) if failure::is_lost(&error.cause) && Instant::now() < until => {
                Ok(self.gathered(query(), BEGIN_READING, until).await?)
            }
            gathered => Ok(gathered?),
        }
    }

    /// Runs a statement that may write, once.
    pub async fn rows_once(&self, query: PgQuery) -> Result<Vec<PgRow>, Unanswered> {
        self.rows_until(deadline(), query).await
    }

    /// The same, where the answer is waited for until then.
    pub async fn rows_until(&self, until: Instant, query: PgQuery) -> Result<Vec<PgRow>, Unanswered> {
        self.gathered(query, self.begin_statement(), until).await
    }

    async fn gathered(
        &self,
        query: PgQuery,
        begin: &'static str,
        until: Instant,
    ) -> Result<Vec<PgRow>, Unanswered> {
        let mut rows = Vec::new();
        let all = |row| {
            rows.push(row);
            ControlFlow::<()>::Continue(())
        };
        let _ = self.run(query, begin, until, all).await?;
        Ok(rows)
    }

    /// Runs a statement by itself, and hands its rows over until it has no more or none is wanted. Until the first one
    /// is there, it waits until then, and then for each as long as for any answer.
    pub async fn run<B>(
        &self,
        query: PgQuery,
        begin: &'static str,
        until: Instant,
        take: impl FnMut(PgRow) -> ControlFlow<B> + Send,
    ) -> Result<ControlFlow<B>, Unanswered> {
        let taken = if self.shared.is_pooled {
            self.run_in_transaction(query, begin, until, take).await
        } else {
            self.run_alone(query, until, take).await
        };
        taken.inspect_err(|error| self.pool.note(&error.cause))
    }

    async fn run_alone<B>(
        &self,
        query: PgQuery,
        until: Instant,
        take: impl FnMut(PgRow) -> ControlFlow<B> + Send,
    ) -> Result<ControlFlow<B>, Unanswered> {
        let mut lent = self.pool.lend(until).await?;
        let taken = scan::rows(&mut lent, query, until, take).await;
        let is_answered = match &taken {
            Ok(taken) => taken.is_continue(),
            Err(error) => !failure::is_lost(error),
        };
        if is_answered {
            lent.give_back();
        }
        Ok(taken?)
    }

    /// A pooler may send each half of a statement to another connection, if they are not in a transaction.
    async fn run_in_transaction<B>(
        &self,
        query: PgQuery,
        begin: &'static str,
        until: Instant,
        take: impl FnMut(PgRow) -> ControlFlow<B> + Send,
    ) -> Result<ControlFlow<B>, Unanswered> {
        let mut transaction = Transaction::begin_once(&self.pool, begin, until).await?;
        let taken = scan::rows(&mut transaction, query, until, take).await;
        match &taken {
            Ok(taken) if taken.is_continue() => transaction.commit().await?,
            Ok(_) => {}
            Err(error) if failure::is_lost(error) => {}
            // The statement's error says more than this one's.
            Err(_) => drop(transaction.roll_back().await),
        }
        taken.map_err(Unanswered::uncommitted)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Connects to a database that may have no store yet.
pub(super) async fn connect_to(url: &str, options: &PgOptions) -> Result<PgConnection, PgOpenError> {
    Ok(connect(&way(url, options)?, deadline()).await?)
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
