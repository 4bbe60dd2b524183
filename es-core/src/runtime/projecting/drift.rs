//! Whether what is kept is what the log gives.

use super::build::CHUNK;
use super::error::ProjectionError;
use super::events;
use super::ledger::Build;
use super::sheet::Sheet;
use crate::id::Position;
use crate::projection::Document;
use crate::runtime::Halt;
use crate::store::{BoxError, DocumentRange, EventStore, Filter, ReadError};
use serde_json::Value;
use std::collections::HashSet;

/// How often documents that changed in the meantime are compared again.
const ROUNDS: u32 = 20;

/// How many documents are read in one call.
const PAGE: u32 = 500;

/// Folds the log in memory as far as a build has come, and compares. The build may go on: what differs is
/// folded further and compared again, for as long as it moves.
pub(super) async fn drift<P: Document>(
    store: &dyn EventStore,
    build: &Build,
) -> Result<Vec<String>, ProjectionError> {
    let mut fold =
        Fold::<P> { sheet: Sheet::new(), filter: events::filter(P::METHODS), position: Position(0) };
    let halted = |halt| ProjectionError::of(P::NAME, halt);
    fold.go_on(store, position(store, build).await?).await.map_err(halted)?;
    let mut differing = fold.compare_all(store, build).await.map_err(halted)?;
    for _ in 0..ROUNDS {
        let now = position(store, build).await?;
        if differing.is_empty() || now == fold.position {
            break;
        }
        fold.go_on(store, now).await.map_err(halted)?;
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
struct Fold<P> {
    sheet: Sheet<P>,
    filter: Filter,
    position: Position,
}

impl<P: Document> Fold<P> {
    async fn go_on(&mut self, store: &dyn EventStore, to: Position) -> Result<(), Halt> {
        while self.position < to {
            let limit = u32::try_from(CHUNK).unwrap_or(u32::MAX);
            let mut page = store.read_log(self.position, &self.filter, limit).await?;
            if page.scanned_to <= self.position {
                return Err(Halt::Stopped(format!(
                    "the log ends before position {to}, where it has come to"
                )));
            }
            page.events.retain(|event| event.position <= to);
            let steps = self.sheet.plan(&page.events).map_err(|failure| failure.halt)?;
            self.sheet.apply(&steps).map_err(|failure| failure.halt)?;
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
                if !self.holds(&stored.key, Some(&stored.body))? {
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
                let body =
                    stored.iter().find(|document| document.key == *key).map(|document| &*document.body);
                if !self.holds(key, body)? {
                    differing.push(key.clone());
                }
            }
        }
        Ok(differing)
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
