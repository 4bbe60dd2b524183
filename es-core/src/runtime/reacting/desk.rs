//! What every lane of a reactor works with.

use super::Inner;
use super::document::Cell;
use super::methods::Delivered;
use super::park::Row;
use crate::app::App;
use crate::event::RawEvent;
use crate::id::Position;
use crate::runtime::{Halt, raw};
use crate::store::{Advance, DocumentRange, DocumentWrite, Filter, StoredDocument};
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

/// The reactor, the app, and the right to write.
#[derive(Clone)]
pub(super) struct Desk {
    pub inner: Arc<Inner>,
    pub app: App,
    pub epoch: u64,
    /// Up to here nothing is issued and nothing has effects.
    pub silent_until: Position,
    /// What was passed over up to there, by a version before.
    pub skipped: Arc<HashSet<String>>,
}

impl Deref for Desk {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Desk {
    /// Writes documents, all of them or none, if the lease is still held.
    pub async fn write(&self, writes: Vec<DocumentWrite>) -> Result<(), Halt> {
        if writes.is_empty() {
            return Ok(());
        }
        let processor = self.names.processor.clone();
        Ok(self
            .app
            .store()
            .advance(Advance { processor, epoch: self.epoch, from: None, to: None, writes })
            .await?)
    }

    /// Whether a version before has passed over this, so that folding the past does so, too.
    pub fn was_skipped(&self, row: &Row) -> bool {
        row.position <= self.silent_until && self.skipped.contains(&row.id())
    }

    /// Revision and position of a document, if nothing would be lost with it. One that commits write stays: where
    /// its revisions began anew, a commit that was decided on an older one could take it for that.
    pub fn deletable(&self, cell: &Cell) -> Option<(u64, Position)> {
        let nothing = cell.revision > 0 && cell.document.is_empty() && !self.inline;
        nothing.then_some((cell.revision, cell.document.position))
    }

    /// The event at a position.
    pub async fn event(&self, position: Position) -> Result<Arc<RawEvent>, Halt> {
        let before = Position(position.0.saturating_sub(1));
        let page = self.app.store().read_log(before, &Filter::default(), 1).await?;
        match page.events.first() {
            Some(stored) if stored.position == position => Ok(Arc::new(raw(stored)?)),
            _ => Err(Halt::Stopped(format!("there is no event at position {position} any more"))),
        }
    }

    /// What the event at a position is for one key; `None` if it is not for it any more, or if there is no event:
    /// what a key has taken over from the version before stands at position 0 until its first own event.
    pub async fn delivered(&self, position: Position, key: &str) -> Result<Option<Delivered>, Halt> {
        if position == Position(0) {
            return Ok(None);
        }
        let event = self.event(position).await?;
        let all = self.methods.deliveries(&event)?;
        Ok(all.into_iter().find(|(of, _)| of == key).map(|(_, delivered)| delivered))
    }

    /// All documents of a collection.
    pub async fn list(&self, collection: &str) -> Result<Vec<StoredDocument>, Halt> {
        list(&self.app, collection).await
    }
}

/// All documents of a collection, page by page.
pub(super) async fn list(app: &App, collection: &str) -> Result<Vec<StoredDocument>, Halt> {
    let mut all: Vec<StoredDocument> = Vec::new();
    loop {
        let after = all.last().map(|last| last.key.clone());
        let range = DocumentRange { after, until: None, limit: 1_000 };
        let page = app.store().list_documents(collection, &range).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
