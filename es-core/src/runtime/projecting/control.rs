//! The ledger of a projection's builds, in the store.

use super::error::ProjectionError;
use super::ledger::{Build, BuildId, Ledger};
use crate::id::Position;
use crate::store::{
    Advance, AdvanceError, BoxError, Checkpoint, DocumentWrite, EventStore, LEASE, ReadError, StoredDocument,
    StoredProcessor,
};
use std::sync::Arc;
use uuid::Uuid;

/// The collection that the ledgers stand in, one for each projection, and the processor that they are written
/// for outside of a build.
pub(super) const LEDGERS: &str = "projections";

/// Everybody takes the lease of the ledgers in this one's name, so that nobody waits for it: whoever was
/// fenced in between decides again, on the ledger as it is then.
const ANYBODY: Uuid = Uuid::nil();

/// How often a change is decided again before it counts as hopeless.
const ATTEMPTS: u32 = 50;

/// Where the builds of one projection are written down.
pub(crate) struct Control {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) name: &'static str,
}

/// The ledger with the revision that it was read at.
pub(super) struct Known {
    pub ledger: Ledger,
    revision: u64,
}

impl Known {
    /// The ledger in a document.
    pub fn of(document: &StoredDocument) -> Result<Self, serde_json::Error> {
        Ok(Self { ledger: serde_json::from_slice(&document.body)?, revision: document.revision })
    }

    /// Puts another ledger in the place of this one, if nobody else has.
    pub fn replace(&self, name: &str, by: &Ledger) -> Result<DocumentWrite, ProjectionError> {
        write(name, self.revision, by)
    }
}

impl Control {
    pub(super) fn build(&self, id: BuildId) -> Build {
        Build::of(self.name, id)
    }

    /// The ledger, if the projection was ever built.
    pub(super) async fn read(&self) -> Result<Option<Known>, ProjectionError> {
        let stored = self.store.documents(LEDGERS, &[self.name.to_owned()]).await?;
        let Some(document) = stored.into_iter().next() else { return Ok(None) };
        let unread = |error| self.failed(format!("the ledger of its builds cannot be read: {error}"));
        Known::of(&document).map(Some).map_err(unread)
    }

    /// The ledger of a projection that an app has opened.
    pub(super) async fn known(&self) -> Result<Known, ProjectionError> {
        let missing = || self.failed("the ledger of its builds is gone: build the app again".into());
        self.read().await?.ok_or_else(missing)
    }

    /// Changes the ledger. `decide` is asked again where somebody else was faster; answers it the same ledger,
    /// nothing is written.
    pub(super) async fn change(
        &self,
        decide: impl Fn(Option<&Ledger>) -> Result<Ledger, ProjectionError>,
    ) -> Result<Ledger, ProjectionError> {
        for _ in 0..ATTEMPTS {
            let known = self.read().await?;
            let ledger = decide(known.as_ref().map(|known| &known.ledger))?;
            if known.as_ref().is_some_and(|known| known.ledger == ledger) {
                return Ok(ledger);
            }
            let revision = known.map_or(0, |known| known.revision);
            match self.put(write(self.name, revision, &ledger)?).await {
                Ok(()) => return Ok(ledger),
                Err(AdvanceError::Fenced { .. } | AdvanceError::Changed { .. }) => {
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.failed("others change the ledger of its builds all the time".into()))
    }

    /// Writes outside of a build's own lease.
    async fn put(&self, write: DocumentWrite) -> Result<(), AdvanceError> {
        let unread = |error: ReadError| AdvanceError::Unavailable(Box::new(error) as BoxError);
        self.store.register(LEDGERS, Checkpoint::default()).await.map_err(unread)?;
        let lease = self.store.acquire(LEDGERS, ANYBODY, LEASE).await.map_err(unread)?;
        let lease = lease.ok_or_else(|| AdvanceError::Fenced { processor: LEDGERS.into() })?;
        let mut advance = Advance::under(&lease);
        advance.writes.push(write);
        let done = self.store.advance(advance).await;
        // If this fails, the lease runs out by itself, and nobody waits for it.
        let _ = self.store.release(&lease).await;
        done
    }

    /// How far a build has come; `None` if it is not stored.
    pub(super) async fn checkpoint(&self, build: BuildId) -> Result<Option<Checkpoint>, ReadError> {
        Ok(self.processor(build).await?.map(|stored| stored.checkpoint))
    }

    /// How far a build has come, and whether somebody takes it further; `None` if it is not stored.
    pub(super) async fn processor(&self, build: BuildId) -> Result<Option<StoredProcessor>, ReadError> {
        let processor = self.build(build).processor;
        let stored = self.store.processors(&processor).await?;
        Ok(stored.into_iter().find(|stored| stored.name == processor))
    }

    /// The live build's document under a key. A switch in between is noticed: what it leaves behind may be
    /// forgotten already.
    pub(super) async fn document(
        &self,
        key: &str,
    ) -> Result<(Build, Option<StoredDocument>), ProjectionError> {
        let keys = [key.to_owned()];
        let mut live = self.known().await?.ledger.live;
        loop {
            let build = self.build(live);
            let stored = self.store.documents(&build.processor, &keys).await?;
            if let Some(document) = stored.into_iter().next() {
                return Ok((build, Some(document)));
            }
            let now = self.known().await?.ledger.live;
            if now == live {
                return Ok((build, None));
            }
            live = now;
        }
    }

    fn failed(&self, reason: String) -> ProjectionError {
        ProjectionError::Failed { name: self.name, reason }
    }
}

fn write(name: &str, revision: u64, ledger: &Ledger) -> Result<DocumentWrite, ProjectionError> {
    let body = serde_json::to_vec(ledger).map_err(|source| {
        ProjectionError::Store(crate::StoreError::Encode { what: format!("the builds of {name}"), source })
    })?;
    Ok(DocumentWrite {
        collection: LEDGERS.into(),
        key: name.to_owned(),
        revision: Some(revision),
        position: Position(0),
        body: Some(body.into()),
    })
}
