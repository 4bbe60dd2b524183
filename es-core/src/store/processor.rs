//! What follows the log: how far it has come, who may write for it, and the documents it keeps.

use super::{BoxError, ReadError};
use crate::id::Position;
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How far a processor has come.
///
/// The id beside the position tells a log that is not the one it followed: restored to an earlier point, or
/// another file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last position that needs no more work.
    pub position: Position,
    /// The id of the event there; `None` before the first.
    pub event: Option<Uuid>,
}

/// The right to write for a processor, until somebody else takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The processor.
    pub processor: Arc<str>,
    /// Who holds it: one id for each start of a process.
    pub owner: Uuid,
    /// Rises with each holder. A write under an older one is refused.
    pub epoch: u64,
    /// How far the processor had come when the lease was taken.
    pub checkpoint: Checkpoint,
}

/// What is known of a processor without holding its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProcessor {
    /// Its name.
    pub name: Arc<str>,
    /// How far it has come.
    pub checkpoint: Checkpoint,
    /// Whoever holds the lease, if it has not run out.
    pub owner: Option<Uuid>,
}

/// What is written under a lease, all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// The lease's processor.
    pub processor: Arc<str>,
    /// The lease's epoch.
    pub epoch: u64,
    /// Only while the processor is just here; `None` does not look. For one that commits take along, too,
    /// without a lease.
    pub from: Option<Checkpoint>,
    /// How far the processor has come with this; `None` leaves the checkpoint. It never goes back.
    pub to: Option<Checkpoint>,
    /// The documents that change, each of them once: one that stands here twice is [`AdvanceError::Repeated`].
    pub writes: Vec<DocumentWrite>,
}

impl Checkpoint {
    /// Goes on to `to`, unless it has been farther.
    pub(crate) fn reach(&mut self, to: Self) {
        if to.position >= self.position {
            *self = to;
        }
    }
}

impl Advance {
    /// Nothing yet, under this lease.
    pub fn under(lease: &Lease) -> Self {
        Self {
            processor: lease.processor.clone(),
            epoch: lease.epoch,
            from: None,
            to: None,
            writes: Vec::new(),
        }
    }

    /// Makes sure that no document is in it twice.
    pub(crate) fn check(&self) -> Result<(), AdvanceError> {
        match repeated(&self.writes) {
            None => Ok(()),
            Some(DocumentWrite { collection, key, .. }) => {
                Err(AdvanceError::Repeated { collection: collection.clone(), key: key.clone() })
            }
        }
    }

    /// Makes sure that the processor is where the advance begins.
    pub(crate) fn require(&self, stored: Checkpoint) -> Result<(), AdvanceError> {
        if self.from.is_none_or(|from| from == stored) {
            return Ok(());
        }
        Err(AdvanceError::Moved { processor: self.processor.clone() })
    }
}

/// One document, as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentWrite {
    /// What it belongs to.
    pub collection: Arc<str>,
    /// Its key in the collection.
    pub key: String,
    /// The revision it was read at, 0 if there was none; `None` does not look. One that is by now, a single
    /// revision on, just as it shall be is taken for written, so that an advance can be sent again.
    pub revision: Option<u64>,
    /// The position of the last event that is in it.
    pub position: Position,
    /// What it holds; `None` deletes it.
    pub body: Option<Bytes>,
}

impl DocumentWrite {
    /// Whether there is anything to write where this document is stored now.
    pub(crate) fn is_due(&self, stored: Option<&StoredDocument>) -> Result<bool, AdvanceError> {
        let Some(read_at) = self.revision else { return Ok(true) };
        if read_at == stored.map_or(0, |document| document.revision) {
            return Ok(true);
        }
        let is_written = match (&self.body, stored) {
            (None, None) => true,
            (Some(body), Some(document)) => {
                document.revision == read_at + 1
                    && document.position == self.position
                    && document.body == *body
            }
            _ => false,
        };
        if is_written {
            return Ok(false);
        }
        Err(AdvanceError::Changed { collection: self.collection.clone(), key: self.key.clone() })
    }

    /// What is stored in the place of `stored`.
    pub(crate) fn over(self, stored: Option<&StoredDocument>) -> Option<StoredDocument> {
        let revision = stored.map_or(0, |document| document.revision) + 1;
        self.body.map(|body| StoredDocument { key: self.key, revision, position: self.position, body })
    }
}

/// A document that is written twice.
pub(crate) fn repeated(writes: &[DocumentWrite]) -> Option<&DocumentWrite> {
    if writes.len() < 2 {
        return None;
    }
    let mut seen = HashSet::with_capacity(writes.len());
    writes.iter().find(|write| !seen.insert((&*write.collection, &*write.key)))
}

/// Whether a collection goes with its processor: it has the same name, or one that goes on behind it. A build
/// 1 leaves those of build 10 alone.
pub(crate) fn belongs(collection: &str, processor: &str) -> bool {
    collection.strip_prefix(processor).is_some_and(|rest| {
        let is_part = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
        !(is_part(rest.chars().next()) && is_part(processor.chars().next_back()))
    })
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDocument {
    /// Its key in the collection.
    pub key: String,
    /// Rises with each write, from 1.
    pub revision: u64,
    /// The position of the last event that is in it.
    pub position: Position,
    /// What it holds.
    pub body: Bytes,
}

/// Which documents of a collection to list, in the order of their keys' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentRange {
    /// Only keys behind this one; it is not included.
    pub after: Option<String>,
    /// Only keys up to this one, which is included.
    pub until: Option<String>,
    /// The most documents in one page; at least 1.
    pub limit: u32,
}

/// Why a processor could not write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdvanceError {
    /// Somebody else holds the lease by now. Nothing was written.
    #[error("the lease of {processor} is somebody else's")]
    Fenced {
        /// The processor.
        processor: Arc<str>,
    },
    /// The processor is not where the advance [begins](Advance::from): a commit has taken it along, or this
    /// advance was stored before. Nothing was written now.
    #[error("{processor} has moved")]
    Moved {
        /// The processor.
        processor: Arc<str>,
    },
    /// A document is not at the revision it was read at. Nothing was written.
    #[error("document \"{key}\" of {collection} has changed since it was read")]
    Changed {
        /// The collection.
        collection: Arc<str>,
        /// The document's key.
        key: String,
    },
    /// A document stands in the advance twice. Nothing was written, and nothing will be by sending it again.
    #[error("document \"{key}\" of {collection} stands in one advance twice")]
    Repeated {
        /// The collection.
        collection: Arc<str>,
        /// The document's key.
        key: String,
    },
    /// The advance goes over a limit of the store. Nothing was written, and nothing will be by sending it again.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// What is too large, as in "documents in one advance".
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// What a projection does in its own tables has failed. Nothing was written.
    #[error("the projection's own work failed")]
    Work(#[source] BoxError),
    /// The store does not answer now. What was written may be stored; writing it again settles that.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
}

impl From<AdvanceError> for ReadError {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::Unavailable(cause) => Self::Unavailable(cause),
            refused => Self::Unavailable(refused.into()),
        }
    }
}

/// How long a lease is held without being renewed.
pub const LEASE: Duration = Duration::from_secs(10);
