//! What an error of the driver means for whoever asked.

use crate::store::{AdvanceError, AppendError, ReadError};

/// A read that was not answered.
pub(super) fn of_read(error: sqlx::Error) -> ReadError {
    ReadError::Unavailable(error.into())
}

/// A write that can be sent again, whether it is stored or not.
pub(super) fn of_advance(error: sqlx::Error) -> AdvanceError {
    AdvanceError::Unavailable(error.into())
}

/// A write of which it must be said whether it can be stored.
pub(super) fn of_edit(error: sqlx::Error) -> AppendError {
    AppendError::Ambiguous { cause: error.into() }
}
