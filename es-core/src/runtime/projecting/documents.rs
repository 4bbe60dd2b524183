//! Builds that keep documents.

use super::build::{Kind, Ready, begun};
use super::error::ProjectionError;
use super::events::{self, Failure};
use super::ledger::Build;
use super::sheet::{Plan, Sheet};
use super::turn::{Shows, Turn};
use crate::id::Position;
use crate::projection::Document;
use crate::runtime::Halt;
use crate::service::BoxFuture;
use crate::store::{
    Advance, AdvanceError, DocumentWrite, EventStore, Filter, InlineFailure, InlineStep, Lease,
    MAX_COMMIT_BYTES, StoredDocument, StoredEvent,
};
use std::any::Any;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many documents are read in one call.
const LOADED: usize = 500;

/// The most events of one step. A document that many of them change is read and written once.
pub(super) const STEP: u32 = 10_000;

/// The most events that wait for documents to be read.
const PART: usize = 500;

/// As many wait at the beginning of a step. It is twice as many each time, so that documents which take much
/// memory are seen to do so before there are too many of them.
const FIRST_PART: usize = 32;

/// The most bytes of documents that are kept from one step to the next. A step ends as soon as its documents
/// take more.
const KEPT: usize = 32 * 1024 * 1024;

/// Documents of a `P`, in a store.
pub(super) struct Documents<P: Document> {
    store: Arc<dyn EventStore>,
    /// What the last step of a build that catches up has left behind it.
    kept: Mutex<HashMap<Arc<str>, Kept<P>>>,
}

/// Documents as they are stored while a lease is held: nobody else writes them.
struct Kept<P: Document> {
    epoch: u64,
    position: Position,
    sheet: Sheet<P>,
}

/// What is to be written with a step.
pub(super) struct Prepared<P: Document> {
    writes: Vec<DocumentWrite>,
    /// The documents that they are of, where another step follows at once.
    sheet: Mutex<Option<Sheet<P>>>,
}

impl<P: Document> Kind for Documents<P> {
    type Projection = P;
    type Prepared = Prepared<P>;
    const KEEPS_DOCUMENTS: bool = true;
    const STEP: u32 = STEP;

    fn filter() -> Filter {
        events::filter(P::METHODS)
    }

    async fn prepare(
        &self,
        build: &Build,
        lease: &Lease,
        events: &[StoredEvent],
        is_followed: bool,
    ) -> Result<Ready<Prepared<P>>, Failure> {
        let mut sheet = self.take_kept(lease).unwrap_or_else(Sheet::new);
        let taken = self.apply(&mut sheet, build, events).await?;
        let writes = sheet.writes(&build.processor)?;
        let writes = self.write_ahead(lease, writes).await?;
        let is_kept = is_followed && sheet.size() <= KEPT;
        let effect = Prepared { writes, sheet: Mutex::new(is_kept.then_some(sheet)) };
        Ok(Ready { effect, taken })
    }

    async fn commit(
        &self,
        _: &Build,
        mut advance: Advance,
        prepared: &Prepared<P>,
        _: Shows,
    ) -> Result<(), AdvanceError> {
        advance.writes.extend(prepared.writes.iter().cloned());
        let (processor, epoch, to) = (advance.processor.clone(), advance.epoch, advance.to);
        self.store.advance(advance).await?;
        if let Some(to) = to
            && let Some(mut sheet) = lock(&prepared.sheet).take()
        {
            sheet.written();
            lock(&self.kept).insert(processor, Kept { epoch, position: to.position, sheet });
        }
        Ok(())
    }

    fn tables(_: &Build) -> Option<String> {
        None
    }

    fn begin(
        &self,
        build: &Build,
        _: Position,
        events: &[StoredEvent],
        turn: Turn,
    ) -> Result<Box<dyn InlineStep>, InlineFailure> {
        let (mut sheet, mut plan) = (Sheet::<P>::new(), Plan::new());
        for (done, stored) in events.iter().enumerate() {
            sheet
                .plan(&mut plan, stored)
                .map_err(|halt| InlineFailure::at(Failure { done, halt }, |_| Some(stored.position)))?;
        }
        Ok(Box::new(Planned { sheet, plan, collection: build.processor.clone(), ledger: turn.write }))
    }

    fn drop_kept(&self, processor: &str) {
        lock(&self.kept).remove(processor);
    }

    async fn forget(&self, _: &Lease, build: &Build) -> Result<(), AdvanceError> {
        self.drop_kept(&build.processor);
        self.store.forget(&build.processor).await
    }

    async fn drift(&self, build: &Build) -> Result<Vec<String>, ProjectionError> {
        super::drift::drift::<P>(&*self.store, build).await
    }
}

/// Nothing panics while one of these locks is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: Document> Documents<P> {
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// What was kept, if the lease is still that one, and its checkpoint.
    fn take_kept(&self, lease: &Lease) -> Option<Sheet<P>> {
        let kept = lock(&self.kept).remove(&lease.processor)?;
        let is_current = kept.epoch == lease.epoch && kept.position == lease.checkpoint.position;
        is_current.then_some(kept.sheet)
    }

    /// Applies each event at once where its documents are known, and else some of them together. Answers how
    /// many it has applied before their documents became too many, to keep or to write at once.
    async fn apply(
        &self,
        sheet: &mut Sheet<P>,
        build: &Build,
        events: &[StoredEvent],
    ) -> Result<usize, Failure> {
        let (mut plan, mut part) = (Plan::new(), FIRST_PART);
        let most = self.store.capabilities().writes;
        for (n, stored) in events.iter().enumerate() {
            if n % PART == 0 {
                // So that the lease is kept meanwhile.
                tokio::task::yield_now().await;
            }
            sheet.plan(&mut plan, stored).map_err(|halt| Failure { done: n, halt })?;
            let before = n + 1 - plan.len();
            let is_full = sheet.changed().saturating_add(plan.changes()) >= most;
            if !is_full && !sheet.is_read() && plan.len() < part && n + 1 < events.len() {
                continue;
            }
            if !sheet.is_read() {
                self.read(sheet, build).await?;
                part = (part * 2).min(PART);
            }
            sheet.apply(&mut plan).map_err(|failure| Failure { done: before + failure.done, ..failure })?;
            if sheet.size() > KEPT || sheet.changed() >= most {
                return Ok(n + 1);
            }
        }
        Ok(events.len())
    }

    async fn read(&self, sheet: &mut Sheet<P>, build: &Build) -> Result<(), Halt> {
        for keys in sheet.take_unread().chunks(LOADED) {
            for stored in self.store.documents(&build.processor, keys).await? {
                sheet.put(&stored)?;
            }
        }
        Ok(())
    }

    /// Whether no step has left anything behind.
    #[cfg(test)]
    pub fn keeps_nothing(&self) -> bool {
        lock(&self.kept).is_empty()
    }

    /// Writes as much ahead of the checkpoint as does not fit into one advance, and answers the rest. What is
    /// written ahead carries its position and is not changed again; a deleted document carries none, so it
    /// goes with the checkpoint.
    async fn write_ahead(
        &self,
        lease: &Lease,
        writes: Vec<DocumentWrite>,
    ) -> Result<Vec<DocumentWrite>, AdvanceError> {
        let (kept, deleted): (Vec<_>, Vec<_>) = writes.into_iter().partition(|write| write.body.is_some());
        let most = self.store.capabilities().writes;
        let mut batch = begun::<P>(lease);
        let mut bytes = 0;
        for write in kept {
            let size = write.key.len() + write.body.as_ref().map_or(0, bytes::Bytes::len);
            let is_full = bytes + size > MAX_COMMIT_BYTES || batch.writes.len() >= most;
            if is_full && !batch.writes.is_empty() {
                let full = std::mem::replace(&mut batch, begun::<P>(lease));
                self.store.advance(full).await?;
                bytes = 0;
            }
            bytes += size;
            batch.writes.push(write);
        }
        batch.writes.extend(deleted);
        Ok(batch.writes)
    }
}

/// Events of a commit, with the documents that they change.
struct Planned<P: Document> {
    sheet: Sheet<P>,
    plan: Plan<P>,
    collection: Arc<str>,
    ledger: Option<DocumentWrite>,
}

impl<P: Document> Planned<P> {
    fn writes(self, documents: &[StoredDocument]) -> Result<Vec<DocumentWrite>, InlineFailure> {
        let Self { mut sheet, mut plan, collection, ledger } = self;
        for stored in documents {
            sheet.put(stored)?;
        }
        let applied = sheet.apply(&mut plan);
        applied.map_err(|failure| InlineFailure::at(failure, |done| plan.position(done)))?;
        let mut writes = sheet.writes(&collection)?;
        writes.extend(ledger);
        Ok(writes)
    }
}

impl<P: Document> InlineStep for Planned<P> {
    fn keys(&self) -> Vec<String> {
        self.sheet.keys()
    }

    fn finish(
        self: Box<Self>,
        documents: Vec<StoredDocument>,
        _: Option<&mut (dyn Any + Send)>,
    ) -> BoxFuture<'_, Result<Vec<DocumentWrite>, InlineFailure>> {
        Box::pin(ready(self.writes(&documents)))
    }
}
