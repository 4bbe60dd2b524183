//! Whether a commit may be written: the one decision that every store makes in the same order.

use super::{AppendError, Commit, Fence, StreamHead};
use crate::id::StreamId;
use uuid::Uuid;

/// What the decision asks of a store. All answers of one decision come from one state of it.
pub(crate) trait Ledger {
    /// How a look into the store fails.
    type Error: From<AppendError>;

    /// Whether the event with this id is on `stream`; `None` if there is no such event.
    fn holds(&mut self, id: Uuid, stream: &StreamId) -> Result<Option<bool>, Self::Error>;

    /// The head of a stream.
    fn head(&mut self, stream: &StreamId) -> Result<StreamHead, Self::Error>;

    /// Whether nobody has taken the lease since.
    fn allows(&mut self, fence: &Fence) -> Result<bool, Self::Error>;
}

/// What is to be done with a commit, with the heads of its streams in the order of its parts.
pub(crate) enum Admission {
    /// Write it.
    New(Vec<StreamHead>),
    /// Leave it: it is stored.
    Duplicate(Vec<StreamHead>),
}

/// Decides about a commit that is within the limits.
///
/// Left to the writing is one check: that no event id but the first of each part is stored. A store has to
/// keep ids apart anyway, and sees it there for nothing.
pub(crate) fn admit<L: Ledger>(ledger: &mut L, commit: &Commit) -> Result<Admission, L::Error> {
    let mut elsewhere = None;
    let mut duplicate = false;
    for part in &commit.parts {
        let Some(first) = part.events.first() else { continue };
        match ledger.holds(first.id, &part.stream)? {
            Some(true) => duplicate = true,
            Some(false) => elsewhere = elsewhere.or(Some(first.id)),
            None => {}
        }
    }
    let heads = commit.parts.iter().map(|part| ledger.head(&part.stream)).collect::<Result<Vec<_>, _>>()?;
    if duplicate {
        return Ok(Admission::Duplicate(heads));
    }
    // Behind the look for duplicates: what is stored is stored, whoever asks.
    if let Some(fence) = &commit.fence
        && !ledger.allows(fence)?
    {
        return Err(AppendError::Fenced { processor: fence.processor.clone() }.into());
    }
    if let Some(id) = elsewhere {
        return Err(id_taken(id).into());
    }
    for (part, head) in commit.parts.iter().zip(&heads) {
        if head.closed {
            return Err(AppendError::Closed { stream: part.stream.clone() }.into());
        }
        part.require(head)?;
    }
    Ok(Admission::New(heads))
}

/// The answer to a commit with an event id that the store, or the commit itself, has already.
pub(crate) fn id_taken(id: Uuid) -> AppendError {
    AppendError::Invalid { reason: format!("event id {id} is already in use") }
}
