//! What commands that share a commit tell each other.

use super::append::is_conflict;
use super::copies::Copies;
use crate::error::StoreError;
use crate::store::AppendError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// How somebody else decides a command that waits; nobody is to be told if that cannot be.
pub(super) type Offer = Box<dyn FnOnce(&mut Copies) -> Option<Answer> + Send>;

/// Tells whoever gave a command what became of the commit that it shared.
pub(super) type Answer = Box<dyn FnOnce(&Arc<Outcome>) + Send>;

/// What became of a shared commit.
pub(super) enum Outcome {
    /// It is stored behind this position.
    Stored(u64),
    /// The store has it from an earlier attempt, whose answer was lost.
    Recognised,
    /// Somebody else was faster.
    Outrun,
    /// It was not stored, which may be one command's doing.
    Refused,
    Unavailable(Cause),
    Unknown(Cause),
}

impl Outcome {
    pub(super) fn of(error: StoreError) -> Self {
        match error {
            error if is_conflict(&error) => Self::Outrun,
            StoreError::Append(AppendError::Unavailable { cause }) => Self::Unavailable(Cause(cause.into())),
            StoreError::Append(AppendError::Ambiguous { cause }) => Self::Unknown(Cause(cause.into())),
            _ => Self::Refused,
        }
    }
}

/// The cause of a failure that several hear.
#[derive(Clone, Debug)]
pub(super) struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    pub(super) fn new(cause: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(cause))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
