//! Builds that keep documents.

use super::build::{Kind, begun};
use super::error::ProjectionError;
use super::events::{self, Failure};
use super::ledger::Build;
use super::sheet::{Sheet, Step};
use super::turn::{Shows, Turn};
use crate::id::Position;
use crate::projection::Document;
use crate::store::{
    Advance, AdvanceError, DocumentWrite, EventStore, Filter, InlineFailure, InlineStep, Lease,
    MAX_COMMIT_BYTES, StoredDocument, StoredEvent,
};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// How many documents are read in one call.
const LOADED: usize = 500;

/// Documents of a `P`, in a store.
pub(super) struct Documents<P> {
    pub store: Arc<dyn EventStore>,
    pub projection: PhantomData<fn() -> P>,
}

impl<P: Document> Kind for Documents<P> {
    type Projection = P;
    type Prepared = Vec<DocumentWrite>;
    const KEEPS_DOCUMENTS: bool = true;

    fn filter() -> Filter {
        events::filter(P::METHODS)
    }

    async fn prepare(
        &self,
        build: &Build,
        lease: &Lease,
        events: &[StoredEvent],
    ) -> Result<Vec<DocumentWrite>, Failure> {
        let mut sheet = Sheet::<P>::new();
        let steps = sheet.plan(events)?;
        for keys in sheet.keys().chunks(LOADED) {
            for stored in self.store.documents(&build.processor, keys).await? {
                sheet.put(&stored)?;
            }
        }
        sheet.apply(&steps)?;
        let writes = sheet.into_writes(&build.processor)?;
        Ok(self.write_ahead(lease, writes).await?)
    }

    async fn commit(
        &self,
        _: &Build,
        mut advance: Advance,
        prepared: &Vec<DocumentWrite>,
        _: Shows,
    ) -> Result<(), AdvanceError> {
        advance.writes.extend(prepared.iter().cloned());
        self.store.advance(advance).await
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
        let mut sheet = Sheet::<P>::new();
        let steps = sheet.plan(events).map_err(|failure| {
            InlineFailure::at(failure, |done| events.get(done).map(|event| event.position))
        })?;
        Ok(Box::new(Planned { sheet, steps, collection: build.processor.clone(), ledger: turn.write }))
    }

    async fn forget(&self, _: &Lease, build: &Build) -> Result<(), AdvanceError> {
        self.store.forget(&build.processor).await
    }

    async fn drift(&self, build: &Build) -> Result<Vec<String>, ProjectionError> {
        super::drift::drift::<P>(&*self.store, build).await
    }
}

impl<P: Document> Documents<P> {
    /// Writes as much ahead of the checkpoint as does not fit into one advance, and answers the rest. What is
    /// written ahead carries its position and is not changed again; a deleted document carries none, so it
    /// goes with the checkpoint.
    async fn write_ahead(
        &self,
        lease: &Lease,
        writes: Vec<DocumentWrite>,
    ) -> Result<Vec<DocumentWrite>, AdvanceError> {
        let (kept, deleted): (Vec<_>, Vec<_>) = writes.into_iter().partition(|write| write.body.is_some());
        let mut batch = begun::<P>(lease);
        let mut bytes = 0;
        for write in kept {
            let size = write.key.len() + write.body.as_ref().map_or(0, bytes::Bytes::len);
            if bytes + size > MAX_COMMIT_BYTES && !batch.writes.is_empty() {
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
    steps: Vec<Step<P>>,
    collection: Arc<str>,
    ledger: Option<DocumentWrite>,
}

impl<P: Document> InlineStep for Planned<P> {
    fn keys(&self) -> Vec<String> {
        self.sheet.keys()
    }

    fn finish(
        self: Box<Self>,
        documents: Vec<StoredDocument>,
        _: Option<&dyn Any>,
    ) -> Result<Vec<DocumentWrite>, InlineFailure> {
        let Self { mut sheet, steps, collection, ledger } = *self;
        for stored in &documents {
            sheet.put(stored)?;
        }
        sheet
            .apply(&steps)
            .map_err(|failure| InlineFailure::at(failure, |done| steps.get(done).map(Step::position)))?;
        let mut writes = sheet.into_writes(&collection)?;
        writes.extend(ledger);
        Ok(writes)
    }
}
