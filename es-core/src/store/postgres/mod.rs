//! A store in a PostgreSQL database.
//!
//! A commit goes through the rooms in this order: [`lane`] (the task that appends, and its queue), [`append`]
//! (many commits, one call of `append` in the [`schema`]), [`settle`] (what became of a call whose answer is
//! lost); one with documents or projections goes through [`inline`] instead, which takes builds [`along`].
//! [`edit`] changes what is there.
//! Reads go through [`read`], [`log`], [`processors`], [`documents`] and [`snapshot`], each one statement of the
//! [`database`] on a connection of its [`pool`], whose rows [`scan`] gives one by one. Work of projections runs in
//! [`rows`], in a [`transaction`] that it is lent, [`tx`]. [`column`] knows a row, [`text`] a name in it, [`failure`]
//! an error, [`wake`] tells those who wait.

mod along;
mod append;
mod column;
mod database;
mod documents;
mod edit;
mod failure;
mod forget;
mod inline;
mod lane;
mod log;
mod options;
mod pool;
mod processors;
mod read;
mod rows;
mod scan;
mod schema;
mod settle;
mod snapshot;
mod text;
mod transaction;
mod tx;
mod wake;

pub use options::{PgOpenError, PgOptions};
pub(super) use rows::may_pass;
pub use tx::PgTx;

/// What PostgreSQL, or the way to it, answers where it cannot do something.
///
/// It shows whatever the server says, values included.
pub type PgError = sqlx::Error;

use super::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventSearch, EventStore,
    Expected, Filter, Lease, LogPage, ReadError, Redaction, RowStore, RowWork, StoreFuture, StoredDocument,
    StoredEvent, StoredProcessor, StoredSnapshot, StreamPage, StreamRead, limits,
};
use crate::id::{Position, StreamId};
use database::Database;
use lane::Lane;
use pool::Pool;
use sqlx::postgres::PgConnection;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use wake::Wake;

/// A store in a PostgreSQL database. Clones are the same store.
///
/// Its tables are made beforehand, and by a role that may do that:
///
/// ```no_run
/// use es_core::store::{EventStore, PgOptions, PgStore};
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// PgStore::migrate("postgres://owner@localhost/bank", &PgOptions::new().app_role("app")).await?;
/// let store = PgStore::connect("postgres://app@localhost/bank").await?;
/// println!("{} events", store.head().await?);
/// # Ok(())
/// # }
/// ```
///
/// # How long an answer takes at most
/// A commit waits ten seconds at most for those before it, in a queue of 16 MiB and for room in that; then it is
/// [unavailable](AppendError::Unavailable), and was not sent: more is asked of the store than the server does. From the
/// moment that it is sent, it is answered within about ten seconds. A call whose answer is lost, or does not come for
/// seven, is sent again by another connection in this time, and what is stored is known by its ids. If it is still open
/// then what became of it, that is what is said: [`AppendError::Ambiguous`]. A process that is gone in the middle of a
/// commit holds up those of others for five seconds at most.
///
/// Whatever else is asked is unavailable when nothing is heard for ten seconds: until the first row, the wait for a
/// free connection included, and from row to row. A page that is long on its way is no fault. The connection is thrown
/// away then, and so it is when the caller stops waiting.
///
/// What a projection does with its rows, and what is read of them, takes as long as it takes. How long one statement
/// may, and a pause between two, is in the hands of the server: fifteen and five seconds, if the statements before it
/// do not set it otherwise, by `SET LOCAL`. Where the server does not know the transaction any more, or does not
/// answer at all, that ends within about twenty seconds, too.
///
/// # Replicas
/// A store can be opened on a replica, to read and to follow. Whatever writes is [unavailable](AppendError::Unavailable)
/// there, at once, and so are leases; that ends when the replica is promoted. What is new is seen by looking, four times
/// a second, since a replica does not know `LISTEN`.
#[derive(Clone)]
pub struct PgStore {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    lane: Lane,
    wake: Wake,
    workroom: Pool,
    row_readers: Pool,
}

impl PgStore {
    /// Makes the tables and functions of the store, or brings them up; by a role that may do so. Several processes may
    /// do so at once, and others may use the store meanwhile. It takes PostgreSQL 13 or newer, and one that is not a
    /// standby.
    ///
    /// # Errors
    /// [`PgOpenError`]
    pub async fn migrate(url: &str, options: &PgOptions) -> Result<(), PgOpenError> {
        schema::migrate(url, options).await
    }

    /// Opens a database with the usual [options](PgOptions).
    ///
    /// # Errors
    /// [`PgOpenError`]
    pub async fn connect(url: &str) -> Result<Self, PgOpenError> {
        Self::connect_with(url, PgOptions::new()).await
    }

    /// Opens a database.
    ///
    /// # Errors
    /// [`PgOpenError`]
    pub async fn connect_with(url: &str, options: PgOptions) -> Result<Self, PgOpenError> {
        let database = Database::open(url, &options).await?;
        let wake = Wake::start(&database);
        let lane = Lane::start(&database, wake.clone());
        let (workroom, row_readers) = (database.pool_for_others(), database.pool_for_others());
        Ok(Self { shared: Arc::new(Shared { database, lane, wake, workroom, row_readers }) })
    }

    /// Reads the rows that projections keep: runs `read` on a connection that only reads, in a transaction that
    /// sees them all at one moment. Tables are known there as the projection calls them. The server ends a statement
    /// that takes more than fifteen seconds, unless `SET LOCAL statement_timeout` allows it more.
    ///
    /// ```no_run
    /// # async fn example(store: es_core::store::PgStore) -> Result<(), es_core::store::ReadError> {
    /// use es_core::sqlx;
    ///
    /// let sum: i64 = store
    ///     .read(async |rows| sqlx::query_scalar("SELECT sum(balance)::bigint FROM balances").fetch_one(rows).await)
    ///     .await?;
    /// # let _ = sum;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] with the error of `read`, or if the database does not answer.
    pub async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PgError>,
    ) -> Result<T, ReadError> {
        rows::read(&self.shared.database, &self.shared.row_readers, read).await
    }

    /// Ends the store: what was begun is finished, the connections are closed. Everything that is asked of it,
    /// or of a clone, later answers that it is unavailable.
    pub async fn close(&self) {
        self.shared.lane.close().await;
        self.shared.wake.close();
        self.shared.workroom.close().await;
        self.shared.row_readers.close().await;
        self.shared.database.close().await;
    }
}

impl std::fmt::Debug for PgStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgStore").field("schema", &self.shared.database.schema()).finish_non_exhaustive()
    }
}

impl EventStore for PgStore {
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            let Shared { database, lane, wake, workroom, .. } = &*self.shared;
            if commit.inline.is_none() {
                return lane.append(commit).await;
            }
            let appended = inline::append(database, workroom, &commit).await?;
            wake.reached(appended.position);
            Ok(appended)
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(read::stream(&self.shared.database, stream, read))
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(log::page(&self.shared.database, after, filter, limit))
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(read::event(&self.shared.database, search.id))
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(log::head(&self.shared.database))
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        Box::pin(self.shared.wake.wait(after, max))
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(edit::close(&self.shared.database, stream, expected, reason))
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(edit::truncate(&self.shared.database, stream, expected, before))
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        Box::pin(edit::redact(&self.shared.database, redaction))
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        Box::pin(snapshot::load(&self.shared.database, stream, fingerprint))
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(snapshot::save(&self.shared.database, snapshot))
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        Box::pin(processors::register(&self.shared.database, processor, start))
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        Box::pin(processors::list(&self.shared.database, prefix))
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        Box::pin(processors::acquire(&self.shared.database, processor, owner, ttl))
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(processors::renew(&self.shared.database, lease, ttl))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(processors::release(&self.shared.database, lease))
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(processors::advance(&self.shared.database, advance))
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(documents::find(&self.shared.database, collection, keys))
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(documents::list(&self.shared.database, collection, range))
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(forget::forget(&self.shared.database, processor))
    }
}

impl RowStore for PgStore {
    type Tx = PgTx;

    fn advance_with(
        &self,
        advance: Advance,
        build: String,
        work: RowWork<PgTx>,
    ) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let Shared { database, workroom, .. } = &*self.shared;
        Box::pin(rows::advance(database, workroom, advance, build, work))
    }
}
