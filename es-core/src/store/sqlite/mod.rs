//! A store in one SQLite file.
//!
//! A request goes through the rooms in this order: [`writer`] (the thread and its queue), [`batch`] (many
//! requests, one commit), [`transaction`] (each request whole or not at all), then [`append`] (with [`inline`]
//! projections), [`edit`], [`processors`], [`forget`] or [`tx`] (work of a projection, behind its [`guard`]).
//! Reads go through [`readers`] to [`read`] or [`processors`]. [`schema`] knows the file, [`doubt`] its log,
//! [`heading`] a stream, [`column`] a row; [`growth`] wakes those who wait.

mod append;
mod batch;
mod column;
mod doubt;
mod edit;
mod forget;
mod growth;
mod guard;
mod heading;
mod inline;
mod options;
mod processors;
mod read;
mod readers;
mod schema;
mod transaction;
mod tx;
mod writer;

pub use options::{SqliteOpenError, SqliteOptions};
pub use tx::SqliteTx;
pub(super) use tx::may_pass;

/// What SQLite answers where it cannot do something.
pub type SqliteError = rusqlite::Error;

use super::{
    Advance, AdvanceError, AppendError, Appended, Checkpoint, Commit, DocumentRange, EventSearch, EventStore,
    Expected, Filter, Lease, LogPage, ReadError, Redaction, RowStore, RowWork, StoreFuture, StoredDocument,
    StoredEvent, StoredProcessor, StoredSnapshot, StreamPage, StreamRead, limits,
};
use crate::id::{Position, StreamId};
use batch::File;
use edit::Edit;
use forget::Forgetting;
use growth::Growth;
use processors::Step;
use readers::Readers;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use transaction::{Fault, Transaction};
use tx::Rows;
use uuid::Uuid;
use writer::Writer;

/// A store in one SQLite file. Clones are the same store.
///
/// One thread writes: whatever waits for it goes into one transaction, so that many callers share one sync
/// of the disk. Several processes on one machine may use a file at the same time. One that is suspended in the
/// middle of a write keeps the others from writing until it goes on. The file must not be on a network file
/// system.
///
/// When the last clone is dropped, what was begun is still stored; [`close`](Self::close) waits for that.
/// Reads and [`wait`](EventStore::wait) belong into a tokio runtime.
///
/// ```
/// use es_core::store::{EventStore, SqliteStore};
/// use es_core::Position;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("bank.db");
/// let store = SqliteStore::open(path).await?;
/// assert_eq!(store.head().await?, Position(0));
/// store.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    row_readers: Readers,
    growth: Growth,
}

impl SqliteStore {
    /// Opens a file with the usual [options](SqliteOptions), and makes it if it is not there.
    ///
    /// # Errors
    /// [`SqliteOpenError`] if the file is something else, or cannot be used.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqliteOpenError> {
        Self::open_with(path, SqliteOptions::new()).await
    }

    /// Opens a file, and makes it if it is not there.
    ///
    /// # Errors
    /// [`SqliteOpenError`] if the file is something else, or cannot be used.
    pub async fn open_with(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, SqliteOpenError> {
        // The file stays the same wherever the process goes.
        let path = std::path::absolute(path)?;
        let growth = Growth::of(&path);
        let file = path.clone();
        let writer = Writer::start(move || File::open(file, options.durability), growth.clone()).await?;
        let readers = Readers::new(path.clone(), options.readers, schema::open_reader);
        let row_readers = Readers::new(path.clone(), options.readers, schema::open_reader_of_rows);
        Ok(Self { shared: Arc::new(Shared { path, writer, readers, row_readers, growth }) })
    }

    /// Reads the rows that projections keep: runs `read` on a connection that only reads, in a transaction of
    /// its own, on a thread where it may block. A read that takes long lets the write-ahead log grow.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] with the error of `read`, or if the file cannot be read.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, SqliteError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.shared.row_readers.run(move |connection| Ok(read(connection)?)).await
    }

    /// Ends the store: what was begun is finished, the file is let go. Everything that is asked of it, or of
    /// a clone, later answers that it is unavailable.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.row_readers.close().await;
        self.shared.growth.close();
        self.shared.writer.close().await;
    }

    async fn edit(&self, edit: Edit) -> Result<bool, AppendError> {
        self.shared.writer.ask(edit).await
    }

    async fn step<T: Send + 'static>(
        &self,
        size: usize,
        run: impl Fn(&mut Transaction<'_>) -> Result<T, Fault<AdvanceError>> + Send + 'static,
    ) -> Result<T, AdvanceError> {
        self.shared.writer.ask(Step { size, run }).await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.shared.path).finish()
    }
}

impl EventStore for SqliteStore {
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            self.shared.writer.ask(commit).await
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        let stream = stream.clone();
        Box::pin(self.shared.readers.run(move |connection| read::stream(connection, &stream, read)))
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        let filter = filter.clone();
        Box::pin(self.shared.readers.run(move |connection| read::log(connection, after, &filter, limit)))
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(self.shared.readers.run(move |connection| read::event(connection, search.id)))
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.shared.readers.run(read::end))
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        Box::pin(self.shared.growth.wait(after, max))
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            self.edit(Edit::Close { stream: stream.clone(), expected, reason: reason.to_owned() }).await?;
            Ok(())
        })
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            self.edit(Edit::Truncate { stream: stream.clone(), expected, before }).await?;
            Ok(())
        })
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        Box::pin(async move {
            limits::check_redaction(&redaction)?;
            self.edit(Edit::Redact(redaction)).await
        })
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        let stream = stream.clone();
        Box::pin(self.shared.readers.run(move |connection| read::snapshot(connection, &stream, fingerprint)))
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(&snapshot.stream)?;
            self.edit(Edit::Save(snapshot)).await?;
            Ok(())
        })
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        let name = processor.to_owned();
        Box::pin(async move {
            Ok(self.step(0, move |transaction| processors::register(transaction, &name, start)).await?)
        })
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        let prefix = prefix.to_owned();
        Box::pin(self.shared.readers.run(move |connection| processors::list(connection, &prefix)))
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        let name = processor.to_owned();
        Box::pin(async move {
            Ok(self.step(0, move |transaction| processors::acquire(transaction, &name, owner, ttl)).await?)
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        let lease = lease.clone();
        Box::pin(self.step(0, move |transaction| processors::renew(transaction, &lease, ttl)))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        let lease = lease.clone();
        Box::pin(self.step(0, move |transaction| processors::release(transaction, &lease)))
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        let size = processors::size(&advance);
        Box::pin(self.step(size, move |transaction| processors::advance(transaction, &advance)))
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let (collection, keys) = (collection.to_owned(), keys.to_owned());
        Box::pin(
            self.shared.readers.run(move |connection| processors::documents(connection, &collection, &keys)),
        )
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        let (collection, range) = (collection.to_owned(), range.clone());
        Box::pin(
            self.shared
                .readers
                .run(move |connection| processors::list_documents(connection, &collection, &range)),
        )
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move {
            let mut before: Option<Forgetting> = None;
            loop {
                let name = processor.to_owned();
                let step =
                    self.step(0, move |transaction| forget::forget(transaction, &name, before.as_ref()));
                let done = step.await?;
                if done.is_done {
                    return Ok(());
                }
                before = Some(done);
            }
        })
    }
}

impl RowStore for SqliteStore {
    type Tx = SqliteTx;

    fn advance_with(
        &self,
        advance: Advance,
        build: String,
        work: RowWork<SqliteTx>,
    ) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(self.shared.writer.ask(Rows { advance, build, work: RefCell::new(work) }))
    }
}
