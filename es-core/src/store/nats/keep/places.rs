//! Which messages documents are in, as far as this process has read and written them.

use super::super::server::Server;
use super::document::Stored;
use super::{many, subjects, unread};
use crate::store::{AdvanceError, DocumentWrite};
use quick_cache::sync::Cache;
use std::collections::HashMap;

/// How many documents are remembered: those of some steps of a projection.
const REMEMBERED: usize = 20_000;

/// By subject.
pub struct Places {
    known: Cache<String, Place>,
}

/// Where a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of the subject's last message; 0 if there is none.
    pub sequence: u64,
    /// Of the document; 0 if there is none.
    pub revision: u64,
}

/// A write that has something to write, and the place of what it replaces.
pub struct Due<'a> {
    pub write: &'a DocumentWrite,
    pub subject: String,
    pub place: Place,
}

impl Default for Places {
    fn default() -> Self {
        Self { known: Cache::new(REMEMBERED) }
    }
}

impl Place {
    pub const NONE: Self = Self { sequence: 0, revision: 0 };

    /// Whether it is certain without the document itself that this is to be written here. What is sent again may
    /// be stored already, and to delete nothing is nothing to do.
    fn is_enough_for(self, write: &DocumentWrite) -> bool {
        let is_read_here = write.revision.is_none_or(|revision| revision == self.revision);
        is_read_here && (write.body.is_some() || self.revision > 0)
    }
}

impl Places {
    pub fn remember(&self, subject: String, place: Place) {
        self.known.insert(subject, place);
    }

    /// What is to be written of an advance, and where. If `fresh`, nothing counts that is remembered. `sure` is a
    /// subject that has a message.
    ///
    /// # Errors
    /// [`AdvanceError::Changed`] if a document is not at the revision it was read at.
    pub async fn due<'a>(
        &self,
        server: &Server,
        writes: &'a [DocumentWrite],
        sure: &str,
        fresh: bool,
    ) -> Result<Vec<Due<'a>>, AdvanceError> {
        let mut due = Vec::with_capacity(writes.len());
        let (mut unknown, mut asked) = (Vec::new(), Vec::new());
        for write in writes {
            let subject = subjects::written(server.names(), &write.collection, &write.key)?;
            let known = self.known.get(&subject).filter(|place| !fresh && place.is_enough_for(write));
            if let Some(place) = known {
                due.push(Due { write, subject, place });
            } else {
                asked.push(subject);
                unknown.push(write);
            }
        }
        if asked.is_empty() {
            return Ok(due);
        }
        let mut stored = HashMap::with_capacity(asked.len());
        for message in many::many(server, &asked, sure).await.map_err(unread)? {
            stored.insert(message.subject.clone(), Stored::of(&message).map_err(unread)?);
        }
        for (write, subject) in unknown.into_iter().zip(asked) {
            let found = stored.get(&subject);
            let document = found.and_then(|stored| stored.document.as_ref());
            if write.is_due(document)? && (write.body.is_some() || document.is_some()) {
                due.push(Due { write, subject, place: found.map_or(Place::NONE, Stored::place) });
            }
        }
        Ok(due)
    }

    /// Remembers what was written: the first message was stored with this sequence, and each next one behind it.
    pub fn written(&self, due: Vec<Due<'_>>, first: u64) {
        for (Due { write, subject, place }, sequence) in due.into_iter().zip(first..) {
            let revision = if write.body.is_some() { place.revision + 1 } else { 0 };
            self.remember(subject, Place { sequence, revision });
        }
    }
}
