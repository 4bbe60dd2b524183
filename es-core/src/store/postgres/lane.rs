//! The task that appends: commits of all callers, one call at a time.

use super::PgOptions;
use super::database::Database;
use super::wake::Wake;
use crate::store::{AppendError, Appended, Commit};

/// The callers' end of the task.
pub(super) struct Lane {}

impl Lane {
    pub fn start(_database: &Database, _options: &PgOptions, _wake: Wake) -> Self {
        todo!()
    }

    /// Hands a commit over, once there is room for it, and waits for the answer. From the moment that it is
    /// handed over it is done, whether anybody waits or not.
    pub async fn append(&self, _commit: Commit) -> Result<Appended, AppendError> {
        todo!()
    }

    /// Has everything done that was handed over, and ends the task.
    pub async fn close(&self) {
        todo!()
    }
}
