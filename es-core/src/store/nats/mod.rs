//! A store in NATS JetStream.
//!
//! Events are messages of one stream, a subject for each stream of ours; what follows the log is in a second one,
//! a subject for each document and each processor. Both are made with atomic batches, which is what keeps a commit,
//! and an advance, whole.
//!
//! A commit goes through the rooms in this order: [`turns`] (one at a time for each stream), [`runs`] (and at times another
//! process), [`known`] (what this
//! process knows of its streams), [`append`] (whether it may be written, and behind which message), [`message`] (an
//! event as a message), [`batch`] (many messages, all or none). [`control`] and [`edits`] change what is there. Reads go through [`read`] and [`log`], and
//! both through [`fetch`]; [`keep`] has documents, leases and snapshots; [`names`] knows subjects, [`setup`] what must
//! be there, [`server`] the way to it, [`wake`] tells those who wait.

mod append;
mod batch;
mod control;
mod edits;
mod fetch;
mod keep;
mod known;
mod log;
mod message;
mod names;
mod options;
mod read;
mod runs;
mod server;
mod setup;
mod turns;
mod wake;

pub use async_nats::ConnectOptions as NatsConnect;
pub use options::{NatsOpenError, NatsOptions};

use super::{
    Advance, AdvanceError, AppendError, Appended, Capabilities, Checkpoint, Commit, DocumentRange,
    EventSearch, EventStore, Expected, Filter, Lease, LogPage, ReadError, Redaction, StoreFuture,
    StoredDocument, StoredEvent, StoredProcessor, StoredSnapshot, StreamPage, StreamRead, limits,
};
use crate::id::{Position, StreamId};
use keep::Keep;
use server::Server;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use wake::Wake;

/// A store in NATS JetStream. Clones are the same store.
///
/// ```no_run
/// use es_core::store::{EventStore, NatsOptions, NatsStore};
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let store = NatsStore::connect_with("nats://localhost", NatsOptions::new().namespace("bank")).await?;
/// println!("{} messages", store.head().await?);
/// # Ok(())
/// # }
/// ```
///
/// A user with permissions of its own needs to publish to `bank.>`, to `$JS.API.STREAM.INFO.*`, `$JS.API.STREAM.CREATE.*`,
/// `$JS.API.STREAM.MSG.GET.*`, `$JS.API.DIRECT.GET.*` and `$JS.API.STREAM.PURGE.KEEP_bank`, and to subscribe to
/// `bank.grown` and `_INBOX.>`; where the streams are there, nothing has to be created.
///
/// It is for those who run JetStream already. What it keeps is as safe as the servers make it, and these things are
/// other than on the other stores:
///
/// * Servers answer before a message is on the disk, unless `sync_interval` is `always`, and the store cannot see
///   what it is. Set it, and keep three replicas that do not lose power together.
/// * What closes, truncates or redacts takes positions, too: they rise, and are not dense. Nothing is ever deleted;
///   a redacted payload is hidden, and is still on the disk. What must be gone has to be encrypted under a key that
///   can be thrown away.
/// * An event id is recognised on its own stream for ever, on another one for ten minutes only.
/// * An event is at most as large as a message may be, `max_payload`, which is 1 MiB unless it was raised.
/// * An event may delete 499 documents of a projection. One that deletes more may be refused, and stops the
///   projection: it is more than servers take in one piece.
/// * [`stored_at`](StoredEvent::stored_at) is the leading server's clock, and goes back where the next leader's does.
/// * A commit under a lease looks at the lease just before it is written. Nothing keeps the two together: a holder
///   that is stopped between them may write one commit after the next holder has begun. Its duplicates and its
///   expected versions are looked at in the write itself, as everywhere.
/// * To find an event by its id alone is to read the log, and so is to redact one whose stream is not
///   [named](Redaction::stream).
/// * Each process remembers everything that was ever redacted or truncated: 130 bytes for a stream, 160 for an event,
///   and the metadata that is left of it. It reads that once, when it is needed first.
/// * Servers that have lost their leader may answer for a moment as of before. What a process has read or written
///   itself, or what was written before a lease that it has taken, it always sees; what another process has written
///   in that moment, perhaps not yet. Whatever it writes on top of that is refused, and decided again.
/// * A processor that another process has just forgotten may be [listed](EventStore::processors) for a moment, where a
///   replica is behind. It cannot be taken, and its documents are gone.
#[derive(Clone)]
pub struct NatsStore {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    keep: Keep,
    wake: Wake,
}

impl NatsStore {
    /// Opens a store with the usual [options](NatsOptions), and makes its streams if they are not there.
    ///
    /// # Errors
    /// [`NatsOpenError`]
    pub async fn connect(url: &str) -> Result<Self, NatsOpenError> {
        Self::connect_with(url, NatsOptions::new()).await
    }

    /// Opens a store, and makes its streams if they are not there.
    ///
    /// # Errors
    /// [`NatsOpenError`]
    pub async fn connect_with(url: &str, options: NatsOptions) -> Result<Self, NatsOpenError> {
        let server = Server::open(url, &options).await?;
        let wake = Wake::start(&server);
        Ok(Self { shared: Arc::new(Shared { server, keep: Keep::default(), wake }) })
    }

    /// Ends the store: what is on its way to the servers gets its answer, unless they take longer than the
    /// [deadline](NatsOptions::deadline), and the connection is closed. Everything that is asked of it, or of a
    /// clone, later answers that it is unavailable.
    pub async fn close(&self) {
        self.shared.wake.close();
        self.shared.server.close().await;
    }

    /// The server for one call, whose time begins now.
    fn call(&self) -> Server {
        self.shared.server.call()
    }
}

impl std::fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsStore")
            .field("namespace", &self.shared.server.names().namespace())
            .finish_non_exhaustive()
    }
}

impl EventStore for NatsStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { inline: false, dense_positions: false, writes: keep::MAX_WRITES }
    }

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            append::append(&self.call(), &self.shared.wake, commit).await
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(async move { read::stream(&self.call(), stream, read).await })
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(async move { log::page(&self.call(), after, filter, limit).await })
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(read::event(&self.shared.server, search))
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { read::head(&self.call()).await })
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
        Box::pin(async move { control::close(&self.call(), stream, expected, reason).await })
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move { control::truncate(&self.call(), stream, expected, before).await })
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        Box::pin(control::redact(&self.shared.server, redaction))
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        Box::pin(async move { keep::snapshots::load(&self.call(), stream, fingerprint).await })
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(async move { keep::snapshots::save(&self.call(), snapshot).await })
    }

    fn register<'a>(
        &'a self,
        processor: &'a str,
        start: Checkpoint,
    ) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        Box::pin(async move { keep::processors::register(&self.call(), processor, start).await })
    }

    fn processors<'a>(&'a self, prefix: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        Box::pin(keep::processors::list(&self.shared.server, &self.shared.keep, prefix))
    }

    fn acquire<'a>(
        &'a self,
        processor: &'a str,
        owner: Uuid,
        ttl: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        Box::pin(async move {
            keep::leases::acquire(&self.call(), &self.shared.keep, processor, owner, ttl).await
        })
    }

    fn renew<'a>(&'a self, lease: &'a Lease, ttl: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move { keep::leases::renew(&self.call(), &self.shared.keep, lease, ttl).await })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(async move { keep::leases::release(&self.call(), &self.shared.keep, lease).await })
    }

    fn advance(&self, advance: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        Box::pin(async move { keep::processors::advance(&self.call(), &self.shared.keep, advance).await })
    }

    fn documents<'a>(
        &'a self,
        collection: &'a str,
        keys: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(
            async move { keep::documents::find(&self.call(), &self.shared.keep, collection, keys).await },
        )
    }

    fn list_documents<'a>(
        &'a self,
        collection: &'a str,
        range: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        Box::pin(keep::documents::list(&self.shared.server, &self.shared.keep, collection, range))
    }

    fn forget<'a>(&'a self, processor: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        Box::pin(keep::forget::forget(&self.shared.server, &self.shared.keep, processor))
    }
}
