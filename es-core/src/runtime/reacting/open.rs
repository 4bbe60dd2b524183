//! Keys that have something to do without an event. They are marked, so that whoever takes the lease finds them
//! without reading all the others, which may be millions.

use super::desk::Desk;
use super::document::{Cell, Document};
use super::origin::Origin;
use super::{Names, PAGE};
use crate::id::Position;
use crate::runtime::Halt;
use crate::store::{DocumentRange, DocumentWrite};

/// The most marks that are read at once.
const MARKS: u32 = 1_000;

impl Document {
    /// Whether there is more to it than state: timers, commands that are left, or that it can go. That of an
    /// inline reactor never goes.
    pub fn is_open(&self, inline: bool) -> bool {
        (self.state.is_none() && !inline) || !self.pending.is_empty() || !self.timers.is_empty()
    }
}

/// The mark of a key, or that it has none. It is written together with the key.
pub(super) fn mark(names: &Names, key: &str, position: Position, is_open: bool) -> DocumentWrite {
    DocumentWrite {
        collection: names.open.clone(),
        key: key.to_owned(),
        revision: None,
        position,
        body: is_open.then(|| "{}".into()),
    }
}

/// Finds the keys that are open, some at a time: there may be many, with much in each.
pub(super) async fn load(desk: &Desk, origin: &Origin, mut found: impl FnMut(Cell)) -> Result<(), Halt> {
    if !origin.marks_open {
        mark_all(desk, origin).await?;
    }
    let mut range = DocumentRange { limit: MARKS, ..DocumentRange::default() };
    loop {
        let marked = desk.app.store().list_documents(&desk.names.open, &range).await?;
        let Some(last) = marked.last() else { return Ok(()) };
        range.after = Some(last.key.clone());
        for some in marked.chunks(PAGE as usize) {
            let keys: Vec<_> = some.iter().map(|marked| marked.key.clone()).collect();
            for stored in desk.app.store().documents(&desk.names.keys, &keys).await? {
                found(Cell::of(stored)?);
            }
        }
    }
}

/// Marks the keys of a reactor that was entered before there were marks.
async fn mark_all(desk: &Desk, origin: &Origin) -> Result<(), Halt> {
    let mut range = DocumentRange { limit: PAGE, ..DocumentRange::default() };
    loop {
        let page = desk.app.store().list_documents(&desk.names.keys, &range).await?;
        let Some(last) = page.last() else { break };
        range.after = Some(last.key.clone());
        let mut writes = Vec::new();
        for stored in page {
            let cell = Cell::of(stored)?;
            if cell.document.is_open(desk.inline) {
                writes.push(mark(&desk.names, &cell.key, cell.document.position, true));
            }
        }
        desk.write(writes).await?;
    }
    let write = origin.marked().put(&desk.names, None).map_err(|error| Halt::Stopped(error.to_string()))?;
    desk.write(vec![write]).await
}
