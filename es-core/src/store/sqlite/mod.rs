//! A store in one SQLite file.
//!
//! A request goes through the rooms in this order: [`writer`] (the thread and its queue), [`batch`] (many
//! requests, one commit), [`transaction`] (each request whole or not at all), then [`append`] or [`edit`].
//! Reads go through [`readers`] to [`read`]. [`schema`] knows the file, [`doubt`] its log, [`heading`] a
//! stream, [`column`] a row; [`growth`] wakes those who wait.

mod append;
mod batch;
mod column;
mod doubt;
mod edit;
mod growth;
mod heading;
mod options;
mod read;
mod readers;
mod schema;
mod transaction;
mod writer;

pub use options::{Durability, SqliteOpenError, SqliteOptions};

use super::{
    AppendError, Appended, Commit, EventStore, Expected, Filter, LogPage, ReadError, Redaction, StoreFuture,
    StoredEvent, StoredSnapshot, StreamPage, StreamRead, limits,
};
use crate::id::{Position, StreamId};
use crate::store::{
    Advance, AdvanceError, Checkpoint, DocumentRange, Lease, StoredDocument, StoredProcessor,
};
use batch::{File, Job};
use edit::Edit;
use growth::Growth;
use readers::Readers;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use writer::Writer;

/// A store in one SQLite file. Clones are the same store.
///
/// One thread writes: whatever waits for it goes into one transaction, so that many callers share one sync
/// of the disk. Several processes on one machine may use a file at the same time. It must not be on a
/// network file system.
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
        let readers = Readers::new(path.clone(), options.readers);
        Ok(Self { shared: Arc::new(Shared { path, writer, readers, growth }) })
    }

    /// Ends the store: what was begun is finished, the file is let go. Everything that is asked of it, or of
    /// a clone, later answers that it is unavailable.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.growth.close();
        self.shared.writer.close().await;
    }

    async fn edit(&self, edit: Edit) -> Result<bool, AppendError> {
        self.shared.writer.ask(edit, Job::Edit).await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.shared.path).finish()
    }
}

/// The answer of a store that was closed.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

fn closed() -> Closed {
    Closed
}

impl From<Closed> for AppendError {
    fn from(closed: Closed) -> Self {
        Self::Unavailable { cause: closed.into() }
    }
}

impl From<Closed> for ReadError {
    fn from(closed: Closed) -> Self {
        Self::Unavailable(closed.into())
    }
}

impl EventStore for SqliteStore {
    fn register<'a>(&'a self, _: &'a str, _: Checkpoint) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        todo!()
    }
    fn processors<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        todo!()
    }
    fn acquire<'a>(
        &'a self,
        _: &'a str,
        _: Uuid,
        _: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        todo!()
    }
    fn renew<'a>(&'a self, _: &'a Lease, _: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }
    fn release<'a>(&'a self, _: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }
    fn advance(&self, _: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        todo!()
    }
    fn documents<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        todo!()
    }
    fn list_documents<'a>(
        &'a self,
        _: &'a str,
        _: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        todo!()
    }
    fn forget<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            self.shared.writer.ask(commit, Job::Append).await
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

    fn find_event(&self, id: Uuid) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(self.shared.readers.run(move |connection| read::event(connection, id)))
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
}
