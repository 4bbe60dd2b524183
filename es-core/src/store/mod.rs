//! Where events live: one trait, [`EventStore`], and its implementations.
//!
//! A store keeps bytes. It knows streams, versions, positions and event names, and nothing of the types
//! behind them; what it must promise is written at each method, and `es_testing` checks it.

mod admit;
mod capabilities;
mod clock;
mod commit;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod durability;
mod error;
mod inline;
mod limits;
mod memory;
#[cfg(feature = "nats")]
mod nats;
mod page;
#[cfg(feature = "postgres")]
mod postgres;
mod processor;
mod rows;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use capabilities::Capabilities;
pub use commit::{Append, Appended, Commit, Expected, Fence, NewEvent, Redaction, StreamHead};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use durability::Durability;
pub use error::{AppendError, BoxError, ReadError, StoreClosed};
pub use inline::{DocumentRevision, Inline, InlineBuild, InlineFailure, InlineProjection, InlineStep};
pub use limits::{MAX_COMMIT_BYTES, MAX_COMMIT_EVENTS, MAX_PAGE_BYTES, MAX_STREAM_BYTES};
pub use memory::MemoryStore;
#[cfg(feature = "nats")]
pub use nats::{NatsConnect, NatsOpenError, NatsOptions, NatsStore};
pub use page::{Bound, EventSearch, Filter, LogPage, StoredEvent, StreamPage, StreamRead};
#[cfg(feature = "postgres")]
pub use postgres::{PgError, PgOpenError, PgOptions, PgStore, PgTx};
pub use processor::{
    Advance, AdvanceError, Checkpoint, DocumentRange, DocumentWrite, LEASE, Lease, StoredDocument,
    StoredProcessor,
};
pub(crate) use rows::may_pass;
pub use rows::{BuildTables, RowStore, RowWork, plain_work};
pub use snapshot::StoredSnapshot;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteError, SqliteOpenError, SqliteOptions, SqliteStore, SqliteTx};

use crate::id::{Position, StreamId};
use std::time::Duration;
use uuid::Uuid;

/// A boxed future, so that stores are object-safe: `Arc<dyn EventStore>`.
pub type StoreFuture<'a, T> = crate::BoxFuture<'a, T>;

/// A durable log of events, split into streams, with room beside it for what follows the log.
///
/// The promises that every implementation keeps:
///
/// * A returned [`Appended`] is durable and visible to every later read of the same store.
/// * Positions follow commit order, and those of a commit follow each other; versions are dense in a stream and
///   start at 1. Neither is ever used twice.
/// * A commit is all or nothing, over all its streams. Dropping the future tears nothing: the commit
///   happens or it does not.
/// * [`AppendError::Unavailable`] means *not stored*, [`AppendError::Ambiguous`] means *unknown*; nothing
///   else hides an unknown outcome.
/// * A part whose first event id is stored already makes the whole commit a duplicate. This is looked at
///   before the [fence](Commit::fence), that before the expected version, that before the
///   [edits](Append::edits), and that before what goes [with it](Commit::inline).
///
/// # What a store may narrow
///
/// An [`App`](crate::App) relies on no more than is left then. A store that narrows one of these says so in its own
/// documentation:
///
/// * What [capabilities](Self::capabilities) are for: dense positions, what goes with a commit, the size of an
///   advance.
/// * How much of a power loss a commit survives, where that is a matter of options or of how servers are set up.
///   What was lost was never there: positions and versions are given again. A log in memory ends with it.
/// * [`StoredEvent::stored_at`] never goes back along the log of a store with one clock. Where several machines take
///   turns, it may by as much as their clocks differ.
/// * An event id that is stored is known on its own stream for ever, which is what makes repeating a commit safe.
///   That another stream uses it again is [`AppendError::Invalid`], and may be noticed for a limited time only.
/// * A commit under a [fence](Commit::fence) may be stored though the lease is somebody else's, if it was lost
///   between the look at it and the write. What an app sends under a fence carries ids that the next holder uses,
///   too, so that it is stored once whoever is first. An [advance](Self::advance) is never late.
/// * [`AppendError::TooLarge`] and [`AdvanceError::TooLarge`] may come before the limits of this module are reached.
pub trait EventStore: Send + Sync + 'static {
    /// What this store can do that others cannot; the default is all of it.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Appends a commit: every part to its stream, all parts or none.
    ///
    /// # Errors
    /// [`AppendError`] says whether anything can have been stored. A conflict carries the stream's head.
    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>>;

    /// Reads a page of one stream, in the order that `read` asks for, together with the stream's head.
    ///
    /// A stream that was never written is an empty page with an empty head, not an error. Truncated events
    /// are left out; redacted ones are there without payload. Where events are large, a page ends at
    /// [`MAX_PAGE_BYTES`], and says that there are more.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>>;

    /// Reads a page of the whole log: what matches `filter` behind `after`, up to `limit` events.
    ///
    /// The page comes from one snapshot and skips nothing: every match in `(after, scanned_to]` is in it. There
    /// may be fewer than `limit` though the log goes on: where events are large, a page ends at
    /// [`MAX_PAGE_BYTES`], with one event at least; and it looks at so many events only.
    ///
    /// A limit of 0 asks for what stands at the next position alone. That is one event, or none where something
    /// else has taken the position.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>>;

    /// Finds one event by its id, truncated ones included. What else the search says of it is true, or the
    /// event may be missed.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>>;

    /// The position of the last event; 0 in an empty log.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>>;

    /// Waits until there may be something behind `after`, at most `max`.
    ///
    /// A hint: it may return early or late, so the caller reads and sees.
    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()>;

    /// Closes a stream for good: reads go on, appends answer [`AppendError::Closed`]. Drops the stream's snapshots.
    /// Closing twice is fine: the first reason stays, and a snapshot that was kept since may be dropped or not.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if the stream is not as `expected`.
    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>>;

    /// Hides the versions below `before` from reads of this stream. The log, and event ids, keep them.
    ///
    /// Raises the stream's [`edits`](StreamHead::edits) and drops its snapshots, in one step. Going back is
    /// not possible: a lower `before` changes nothing. Neither is going ahead: one above the stream's next
    /// version counts as that.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if the stream is not as `expected`.
    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>>;

    /// Takes the payload of one event away, and puts other metadata in the place of its own.
    ///
    /// Raises the stream's [`edits`](StreamHead::edits) and drops its snapshots, in one step. Answers `false`
    /// if there is no such event, or if it was redacted before; a snapshot that was kept since may be dropped or not.
    ///
    /// # Errors
    /// [`AppendError`] if the store cannot answer.
    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>>;

    /// The snapshot of a stream, if one with this fingerprint is kept.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer. Callers treat an error as a missing snapshot.
    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>>;

    /// Keeps a snapshot, one per stream. An older version of the same fingerprint, or one taken before the
    /// stream's last edit, changes nothing.
    ///
    /// # Errors
    /// [`AppendError`] if the store cannot answer.
    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>>;

    /// Enters a processor at `start`, unless it is known, and answers where it is.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>>;

    /// The processors whose names begin with `prefix`, in the order of their names.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>>;

    /// Takes the lease of a registered processor for `ttl`. `None` while somebody else holds it, and for one
    /// that is not registered. Whoever holds it already takes it again, under a new epoch.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>>;

    /// Holds a lease for another `ttl`, from now.
    ///
    /// # Errors
    /// [`AdvanceError::Fenced`] if somebody else has taken it since.
    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>>;

    /// Gives a lease back, if it is still held.
    ///
    /// # Errors
    /// [`AdvanceError::Unavailable`]; the lease runs out then.
    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>>;

    /// Writes documents and the checkpoint: all of it, or nothing.
    ///
    /// # Errors
    /// [`AdvanceError`]; nothing was written, but for [`AdvanceError::Unavailable`].
    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>>;

    /// The documents that are there under these keys, in any order.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>>;

    /// A page of a collection, in the order of its keys' bytes.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot answer.
    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>>;

    /// Forgets a processor and every document of the collections whose names begin with its name. For builds
    /// that nobody reads any more; one whose lease is held stays. The processor goes last, so that one which
    /// was forgotten in part, since the process ended or the future was dropped, is still there to be forgotten.
    ///
    /// # Errors
    /// [`AdvanceError`] if the lease is held, or the store cannot answer.
    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>>;
}
