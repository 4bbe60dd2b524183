//! Snapshots: what a stream folded to. They save time and decide nothing.

use crate::id::{Position, StreamId};
use bytes::Bytes;
use jiff::Timestamp;

/// A stored snapshot of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSnapshot {
    /// The stream.
    pub stream: StreamId,
    /// The shape of the state, and the declared version of its logic. Another fingerprint is another state.
    pub fingerprint: u64,
    /// The version that was folded up to.
    pub version: u64,
    /// The position of that version's event.
    pub position: Position,
    /// When that version's event was recorded.
    pub recorded_at: Timestamp,
    /// The stream's edits when the snapshot was taken.
    pub edits: u64,
    /// The state's bytes.
    pub payload: Bytes,
}

impl StoredSnapshot {
    /// Whether it goes in the place of `old`, another one of the same stream.
    pub(crate) fn replaces(&self, old: &Self) -> bool {
        self.fingerprint != old.fingerprint || self.version > old.version
    }
}
