//! Whether what is kept is what the log gives.

use super::documents::STEP;
use super::error::ProjectionError;
use super::events;
use super::ledger::Build;
use super::sheet::{Plan, Sheet};
use crate::id::Position;
use crate::projection::Document;
use crate::runtime::Halt;
use crate::store::{BoxError, DocumentRange, EventStore, Filter, ReadError, StoredDocument};
use serde_json::Value;
use std::collections::HashSet;

/// How often documents that changed in the meantime are compared again.
const ROUNDS: u32 = 20;

/// How many documents are read in one call.
const PAGE: u32 = 500;

/// Folds the log in memory as far as a build has come, and compares. The build may go on: what differs is
/// folded further and compared again, for as long as it or the log moves.
pub(super) async fn drift<P: Document>(
    store: &dyn EventStore,
    build: &Build,
) -> Result<Vec<String>, ProjectionError> {
    let mut fold = Fold::<P> {
        sheet: Sheet::new(),
        filter: events::filter(P::METHODS),
        position: Position(0),
        head: store.head().await?,
    };
    let halted = |halt| ProjectionError::of(P::NAME, halt);
    fold.go_on(store, position(store, build).await?).await.map_err(halted)?;
    let mut differing = fold.compare_all(store, build).await.map_err(halted)?;
    for _ in 0..ROUNDS {
        if differing.is_empty() {
            break;
        }
        // A document of an event behind the end that was known is not compared until that event is known.
        let (now, head) = (position(store, build).await?, store.head().await?);
        if now == fold.position && head == fold.head {
            break;
        }
        fold.go_on(store, now).await.map_err(halted)?;
        fold.head = fold.head.max(head);
        differing = fold.compare(store, build, &differing).await.map_err(halted)?;
    }
    differing.sort();
    Ok(differing)
}

async fn position(store: &dyn EventStore, build: &Build) -> Result<Position, ReadError> {
    let stored = store.processors(&build.processor).await?;
    let stored = stored.into_iter().find(|stored| stored.name == build.processor);
    let gone = || ReadError::Unavailable(BoxError::from("the build was forgotten meanwhile"));
    Ok(stored.ok_or_else(gone)?.checkpoint.position)
}

/// What the log gives.
struct Fold<P: Document> {
    sheet: Sheet<P>,
    filter: Filter,
    position: Position,
    /// The end of the log.
    head: Position,
}

impl<P: Document> Fold<P> {
    async fn go_on(&mut self, store: &dyn EventStore, to: Position) -> Result<(), Halt> {
        while self.position < to {
            let mut page = store.read_log(self.position, &self.filter, STEP).await?;
            if page.scanned_to <= self.position {
                return Err(Halt::Stopped(format!(
                    "the log ends before position {to}, where it has come to"
                )));
            }
            self.head = page.head;
            page.events.retain(|event| event.position <= to);
            let mut plan = Plan::new();
            for stored in &page.events {
                self.sheet.plan(&mut plan, stored)?;
                self.sheet.apply(&mut plan).map_err(|failure| failure.halt)?;
            }
            self.position = page.scanned_to.min(to);
        }
        Ok(())
    }

    async fn compare_all(&self, store: &dyn EventStore, build: &Build) -> Result<Vec<String>, Halt> {
        let mut differing = Vec::new();
        let mut seen = HashSet::new();
        let mut range = DocumentRange { after: None, until: None, limit: PAGE };
        loop {
            let page = store.list_documents(&build.processor, &range).await?;
            let Some(last) = page.last() else { break };
            range.after = Some(last.key.clone());
            for stored in page {
                if !self.is_ahead(&stored) && !self.holds(&stored.key, Some(&stored.body))? {
                    differing.push(stored.key.clone());
                }
                seen.insert(stored.key);
            }
        }
        for key in self.sheet.keys() {
            if !seen.contains(&key) && !self.holds(&key, None)? {
                differing.push(key);
            }
        }
        Ok(differing)
    }

    async fn compare(
        &self,
        store: &dyn EventStore,
        build: &Build,
        keys: &[String],
    ) -> Result<Vec<String>, Halt> {
        let mut differing = Vec::new();
        for keys in keys.chunks(PAGE as usize) {
            let stored = store.documents(&build.processor, keys).await?;
            for key in keys {
                let stored = stored.iter().find(|document| document.key == *key);
                if stored.is_some_and(|stored| self.is_ahead(stored)) {
                    continue;
                }
                if !self.holds(key, stored.map(|stored| &*stored.body))? {
                    differing.push(key.clone());
                }
            }
        }
        Ok(differing)
    }

    /// Whether it was written before the checkpoint behind it. No projection writes what no event has caused.
    fn is_ahead(&self, stored: &StoredDocument) -> bool {
        self.position < stored.position && stored.position <= self.head
    }

    /// Whether the document of a key is just this. The order of the fields of a map says nothing.
    fn holds(&self, key: &str, stored: Option<&[u8]>) -> Result<bool, Halt> {
        let folded = self.sheet.body(key).transpose()?;
        Ok(match (folded, stored) {
            (None, None) => true,
            (Some(folded), Some(stored)) => {
                folded == stored || {
                    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
                    value(stored).is_some_and(|stored| Some(stored) == value(&folded))
                }
            }
            _ => false,
        })
    }
}
