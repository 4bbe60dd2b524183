//! How those who wait hear that the log has grown: from the lane of this process, and, by `LISTEN` or by
//! looking, from those of others.

use super::PgOptions;
use super::database::Database;
use crate::id::Position;
use std::time::Duration;

/// The end of the log as far as it is known here. Clones are the same.
#[derive(Clone)]
pub(super) struct Wake {}

impl Wake {
    pub fn start(_database: &Database, _options: &PgOptions) -> Self {
        todo!()
    }

    /// Says that a commit of this process took the log up to `end`; other processes are told soon.
    pub fn reached(&self, _end: Position) {
        todo!()
    }

    /// Waits until the log goes further than `after`, or so long.
    pub async fn wait(&self, _after: Position, _max: Duration) {
        todo!()
    }

    pub fn close(&self) {
        todo!()
    }
}
