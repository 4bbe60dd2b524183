//! From a stream to a state: cached, or a snapshot and its tail, or every event.

use super::App;
use super::loaded::Loaded;
use crate::aggregate::{Applier, Life};
use crate::error::LoadError;
use crate::event::Recorded;
use crate::fold::{self, Folded};
use crate::id::StreamId;
use crate::service::BoxFuture;
use crate::store::{Bound, StoredSnapshot, StreamHead, StreamPage, StreamRead};
use jiff::Timestamp;
use std::sync::Arc;

/// The most events in a page: what lies between two pages costs more than most streams do.
const PAGE: u32 = 10_000;

/// What is read of a stream to fold it.
fn read<A: Applier>(after: u64, until: Bound) -> StreamRead {
    StreamRead { bare: !A::READS_ENVELOPE, limit: PAGE, ..StreamRead::after(after).until(until) }
}

/// The point in an aggregate's history to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Behind this version.
    Version(u64),
    /// At this time: with every event that was recorded at or before it.
    Time(Timestamp),
}

impl App {
    /// The state of an aggregate now; `None` if it is not there, or not any more.
    ///
    /// # Errors
    /// [`LoadError`] if the store does not answer, or if an event cannot be read.
    pub async fn load<A: Applier>(&self, id: &A::Id) -> Result<Option<Loaded<A>>, LoadError> {
        self.mounted::<A>()?;
        let folded = self.current::<A>(&A::stream(id)).await?;
        Ok(Loaded::of(folded))
    }

    /// The state of an aggregate at an earlier point; `None` where it was not there yet, or had ended.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_as_of<A: Applier>(
        &self,
        id: &A::Id,
        as_of: AsOf,
    ) -> Result<Option<Loaded<A>>, LoadError> {
        self.mounted::<A>()?;
        let stream = A::stream(id);
        let bound = match as_of {
            AsOf::Version(version) => Bound::Version(version),
            AsOf::Time(time) => Bound::Time(time),
        };
        let reached = |snapshot: &Folded<A>| match as_of {
            AsOf::Version(version) => snapshot.version <= version,
            AsOf::Time(time) => snapshot.recorded_at <= time,
        };
        let start = self.snapshot(&stream).await.filter(reached).unwrap_or_else(Folded::start);
        let page = self.store().read_stream(&stream, read::<A>(start.version, bound)).await?;
        let mut folded = self.replay(&stream, start, page, bound).await?;
        // Whether the stream was closed since says nothing of that point.
        folded.closed = false;
        Ok(Loaded::of(Arc::new(folded)))
    }

    /// Everything that is recorded of an aggregate, in order. Redacted and truncated events are left out.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn history<A: Applier>(&self, id: &A::Id) -> Result<Vec<Recorded<A::Event>>, LoadError> {
        self.mounted::<A>()?;
        let stream = A::stream(id);
        let mut history = Vec::new();
        let mut after = 0;
        loop {
            let page = self.store().read_stream(&stream, StreamRead::after(after)).await?;
            fold::leads_on(&page, &stream, after)?;
            for stored in &page.events {
                after = stored.version;
                history.extend(fold::decode::<A>(stored)?);
            }
            if !page.more {
                return Ok(history);
            }
        }
    }

    /// The state now: what is known, brought up to date.
    pub(super) async fn current<A: Applier>(&self, stream: &StreamId) -> Result<Arc<Folded<A>>, LoadError> {
        match self.cache().get::<A>(stream) {
            Some(known) => self.refresh(stream, known).await,
            None => self.fetch(stream).await,
        }
    }

    /// Reads a stream that nothing is known of.
    pub(super) async fn fetch<A: Applier>(&self, stream: &StreamId) -> Result<Arc<Folded<A>>, LoadError> {
        let snapshot = self.snapshot(stream).await;
        let from_snapshot = snapshot.is_some();
        let start = Arc::new(snapshot.unwrap_or_else(Folded::start));
        let folded = match self.refresh(stream, start).await {
            // The snapshot may be what is wrong, and it decides nothing.
            Err(LoadError::Decode(_)) if from_snapshot => {
                self.refresh(stream, Arc::new(Folded::start())).await?
            }
            folded => folded?,
        };
        if folded.version > 0 {
            self.cache().put(stream, &folded);
        }
        Ok(folded)
    }

    /// Adds what was appended behind a known state. The answer is the same `Arc` if nothing was.
    pub(super) async fn refresh<A: Applier>(
        &self,
        stream: &StreamId,
        known: Arc<Folded<A>>,
    ) -> Result<Arc<Folded<A>>, LoadError> {
        let page = self.store().read_stream(stream, read::<A>(known.version, Bound::End)).await?;
        if is_current(&known, page.head) {
            return Ok(known);
        }
        let from = known.version;
        let folded = Arc::new(self.replay(stream, Folded::clone(&known), page, Bound::End).await?);
        self.cache().put(stream, &folded);
        if let Some(snapshot) = due_snapshot(stream, from, &folded) {
            self.save_snapshot(snapshot).await;
        }
        Ok(folded)
    }

    /// Folds a page, and the pages behind it, onto a state. Where the stream was edited since the state was
    /// folded, or does not reach as far as the state, everything is folded anew.
    async fn replay<A: Applier>(
        &self,
        stream: &StreamId,
        mut folded: Folded<A>,
        mut page: StreamPage,
        bound: Bound,
    ) -> Result<Folded<A>, LoadError> {
        loop {
            if folded.version == 0 {
                // Nothing was folded yet that an edit could have made wrong.
                folded.edits = page.head.edits;
            }
            if page.head.edits != folded.edits || page.head.version < folded.version {
                folded = Folded::start();
                folded.edits = page.head.edits;
                page = self.store().read_stream(stream, read::<A>(0, bound)).await?;
                continue;
            }
            folded.add(&page.events)?;
            fold::leads_on(&page, stream, folded.version)?;
            folded.closed = page.head.closed;
            if !page.more {
                break;
            }
            page = self.store().read_stream(stream, read::<A>(folded.version, bound)).await?;
        }
        if bound == Bound::End {
            // Events that are hidden at the end count, too.
            folded.version = page.head.version;
        }
        Ok(folded)
    }

    /// The stored snapshot, if there is one that can be read. Whatever is wrong with it costs time only.
    async fn snapshot<A: Applier>(&self, stream: &StreamId) -> Option<Folded<A>> {
        let snapshots = A::SNAPSHOT?;
        let stored = match self.store().load_snapshot(stream, snapshots.fingerprint).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(%stream, error = &error as &dyn std::error::Error, "snapshot not read");
                return None;
            }
        };
        let state = match (snapshots.decode)(&stored.payload) {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(%stream, version = stored.version, %error, "snapshot is damaged; replaying");
                return None;
            }
        };
        // There is no state before the first event.
        (stored.version > 0).then_some(Folded {
            life: Life::Living(state),
            version: stored.version,
            position: stored.position,
            recorded_at: stored.recorded_at,
            edits: stored.edits,
            closed: false,
        })
    }

    /// Keeps a snapshot. Whatever goes wrong with it costs time only.
    pub(super) fn save_snapshot(&self, snapshot: StoredSnapshot) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let stream = snapshot.stream.clone();
            if let Err(error) = self.store().save_snapshot(snapshot).await {
                tracing::warn!(%stream, error = &error as &dyn std::error::Error, "snapshot not written");
            }
        })
    }
}

/// The snapshot of a state that has passed a multiple of the declared number since `from`.
pub(super) fn due_snapshot<A: Applier>(
    stream: &StreamId,
    from: u64,
    folded: &Folded<A>,
) -> Option<StoredSnapshot> {
    let snapshots = A::SNAPSHOT?;
    let state = folded.living()?;
    if folded.version / snapshots.every <= from / snapshots.every {
        return None;
    }
    let payload = match (snapshots.encode)(state) {
        Ok(payload) => payload.into(),
        Err(error) => {
            tracing::warn!(%stream, %error, "snapshot not written: the state is not JSON");
            return None;
        }
    };
    Some(StoredSnapshot {
        stream: stream.clone(),
        fingerprint: snapshots.fingerprint,
        version: folded.version,
        position: folded.position,
        recorded_at: folded.recorded_at,
        edits: folded.edits,
        payload,
    })
}

/// Whether the stream is just where the state is.
fn is_current<A>(known: &Folded<A>, head: StreamHead) -> bool {
    known.version == head.version && known.edits == head.edits && known.closed == head.closed
}
