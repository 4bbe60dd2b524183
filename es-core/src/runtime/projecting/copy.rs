//! A copy of a projection as it was at a time.

use super::build::{Kind, Ready, Shared};
use super::error::{DocumentError, ProjectionError};
use super::ledger::Build;
use super::read::{self, Documents};
use super::turn::Shows;
use crate::projection::{Document, Projection};
use crate::runtime::Halt;
use crate::store::{Advance, AdvanceError, Checkpoint, EventStore, LEASE, Lease, LogPage};
use jiff::Timestamp;
use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// A copy of a projection's documents, made of the events up to a time. Made by
/// [`App::rebuild_until`](crate::App::rebuild_until).
///
/// It stays in the store until it is [discarded](Self::discard).
#[must_use = "the copy stays in the store until it is discarded"]
pub struct ScratchCopy {
    pub(super) store: Arc<dyn EventStore>,
    /// Its processor, and the collection of its documents.
    pub(super) processor: Arc<str>,
    name: &'static str,
    type_id: TypeId,
}

impl ScratchCopy {
    /// The document of a key, as it was.
    ///
    /// # Errors
    /// [`DocumentError`] if the store does not answer, or the copy is not one of `P`.
    pub async fn document<P: Document>(&self, key: &P::Key) -> Result<Option<P>, DocumentError> {
        use crate::key::Key;
        self.is_of::<P>()?;
        let stored = self.store.documents(&self.processor, &[key.text()]).await?;
        stored.first().map(|document| read::decode(&self.processor, document)).transpose()
    }

    /// All documents, as they were, in the order of their keys' texts.
    ///
    /// # Errors
    /// As [`document`](Self::document), when awaited.
    pub fn documents<P: Document>(&self) -> Documents<P> {
        let source = self.is_of::<P>().map(|()| (self.store.clone(), self.processor.clone()));
        Documents::of_copy(source)
    }

    /// Forgets the copy.
    ///
    /// # Errors
    /// [`ProjectionError`] if the store does not answer.
    pub async fn discard(self) -> Result<(), ProjectionError> {
        Ok(self.store.forget(&self.processor).await?)
    }

    fn is_of<P: Document>(&self) -> Result<(), DocumentError> {
        if self.type_id == TypeId::of::<P>() {
            Ok(())
        } else {
            Err(DocumentError::NotCopied { projection: P::NAME, copied: self.name })
        }
    }
}

impl fmt::Debug for ScratchCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScratchCopy").field("processor", &self.processor).finish_non_exhaustive()
    }
}

/// Builds a copy up to the head that the log has now. What fails on the way leaves no copy behind.
pub(super) async fn build<K: Kind>(
    shared: &Shared<K>,
    until: Timestamp,
) -> Result<ScratchCopy, ProjectionError> {
    let (store, name) = (&shared.control.store, K::Projection::NAME);
    if !K::KEEPS_DOCUMENTS {
        return Err(ProjectionError::KeepsRows { name });
    }
    let owner = Uuid::new_v4();
    let processor: Arc<str> = format!("copy.{name}@{owner}").into();
    store.register(&processor, Checkpoint::default()).await?;
    let fenced = || AdvanceError::Fenced { processor: processor.clone() };
    let lease = store.acquire(&processor, owner, LEASE).await?.ok_or_else(fenced)?;
    let filled = fill(shared, lease.clone(), until).await;
    let released = store.release(&lease).await;
    let copy = ScratchCopy { store: store.clone(), processor, name, type_id: TypeId::of::<K::Projection>() };
    let error = match (filled, released) {
        (Ok(()), Ok(())) => return Ok(copy),
        (Err(halt), Ok(())) => ProjectionError::of(name, halt),
        (filled, Err(error)) => {
            // Once more: what somebody holds cannot be forgotten.
            let _ = store.release(&lease).await;
            filled.err().map_or_else(|| error.into(), |halt| ProjectionError::of(name, halt))
        }
    };
    if let Err(error) = copy.discard().await {
        tracing::warn!(name, error = &error as &dyn std::error::Error, "a copy that failed stays");
    }
    Err(error)
}

/// What steps have left in memory; it goes with this, also where nobody waits for the copy any more.
struct Left<'a, K: Kind> {
    kind: &'a K,
    processor: &'a str,
}

impl<K: Kind> Drop for Left<'_, K> {
    fn drop(&mut self) {
        self.kind.drop_kept(self.processor);
    }
}

async fn fill<K: Kind>(shared: &Shared<K>, mut lease: Lease, until: Timestamp) -> Result<(), Halt> {
    let store = &shared.control.store;
    // The build of a copy is nobody's: it stands in no ledger.
    let build = Build { processor: lease.processor.clone(), ..shared.control.build(super::ledger::COPY) };
    let _left = Left { kind: &shared.kind, processor: &build.processor };
    let head = store.head().await?;
    while lease.checkpoint.position < head {
        let after = lease.checkpoint.position;
        let LogPage { mut events, scanned_to, scanned_id, .. } =
            store.read_log(after, &shared.filter, K::STEP).await?;
        events.retain(|event| event.recorded_at <= until && event.position <= head);
        let ready = shared.kind.prepare(&build, &lease, &events, scanned_to < head).await;
        let Ready { effect, taken } = ready.map_err(|failure| failure.halt)?;
        let to = match events.get(..taken).and_then(<[_]>::last) {
            Some(last) if taken < events.len() => {
                Checkpoint { position: last.position, event: Some(last.id) }
            }
            _ => Checkpoint { position: scanned_to, event: scanned_id },
        };
        let advance = Advance { to: Some(to), ..Advance::under(&lease) };
        shared.kind.commit(&build, advance, &effect, Shows::Nothing).await?;
        store.renew(&lease, LEASE).await?;
        lease.checkpoint = to;
    }
    Ok(())
}
