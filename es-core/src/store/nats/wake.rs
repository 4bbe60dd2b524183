//! How those who wait hear that the log has grown: from the messages of
//! the stream, which every subscriber sees, and by looking.

use super::server::Server;
use crate::id::Position;
use std::time::Duration;

/// The end of the log as far as it is known here. Clones are the same.
#[derive(Clone)]
pub(super) struct Wake {}

impl Wake {
    pub fn start(_server: &Server) -> Self {
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
