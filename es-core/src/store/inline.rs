//! What goes with a commit in its own transaction.

use super::{AppendError, DocumentWrite, StoredDocument};

/// What is stored together with the events of a commit, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Inline {
    /// Documents that the commit was decided on, as they shall be. Their position is the commit's last one,
    /// whatever they say. One that is not at its revision any more is [`AppendError::Changed`].
    pub writes: Vec<DocumentWrite>,
}

impl DocumentWrite {
    /// Makes sure that the document is as it was when the commit was decided.
    pub(crate) fn require(&self, stored: Option<&StoredDocument>) -> Result<(), AppendError> {
        if self.revision.is_none_or(|read_at| read_at == stored.map_or(0, |document| document.revision)) {
            return Ok(());
        }
        Err(AppendError::Changed { collection: self.collection.clone(), key: self.key.clone() })
    }
}
