//! How a store fails. What matters is whether anything can have been written.

use super::Expected;
use crate::id::{Position, StreamId};
use std::sync::Arc;

/// The error of a driver or an operating system.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a commit was not, or perhaps not, stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A stream is not as expected. Nothing was stored.
    #[error("{}", difference(stream, *expected, *actual))]
    Conflict {
        /// The first stream that differs.
        stream: StreamId,
        /// What was expected. Where it holds at `actual`, the stream was edited since it was read.
        expected: Expected,
        /// Its version.
        actual: u64,
    },
    /// A document that goes with the commit has changed since it was decided. Nothing was stored.
    #[error("document \"{key}\" of {collection} has changed since it was read")]
    Changed {
        /// The collection.
        collection: Arc<str>,
        /// The document's key.
        key: String,
    },
    /// An inline projection has failed on an event of the commit. Nothing was stored.
    #[error("the inline projection {projection} failed")]
    Inline {
        /// Its name.
        projection: String,
        /// What went wrong.
        #[source]
        cause: BoxError,
    },
    /// A stream was closed for good. Nothing was stored.
    #[error("stream {stream} is closed")]
    Closed {
        /// The stream.
        stream: StreamId,
    },
    /// It was to be written under a lease that is somebody else's by now. Nothing was stored, and nothing of
    /// it will be by sending it again.
    #[error("the lease of {processor} is somebody else's")]
    Fenced {
        /// The processor.
        processor: Arc<str>,
    },
    /// The commit goes over a limit. Nothing was stored.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// What is too large, as in "events in one commit".
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The commit makes no sense: a part without events, a stream twice, an event id on two streams, a document
    /// that goes with it twice.
    /// Nothing was stored.
    #[error("the commit is invalid: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// It may be stored and it may not. Sending the same commit again settles it.
    #[error("it is unknown whether the commit was stored")]
    Ambiguous {
        /// What went wrong.
        #[source]
        cause: BoxError,
    },
    /// Certainly not stored; the same commit may succeed later.
    #[error("the store is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        cause: BoxError,
    },
}

fn difference(stream: &StreamId, expected: Expected, actual: u64) -> String {
    if expected.holds(actual) {
        format!("stream {stream}, at version {actual}, was edited since it was read")
    } else {
        format!("stream {stream} is at version {actual}, expected {expected:?}")
    }
}

/// Why a read was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// What is stored at a position cannot be what was written there.
    #[error("the event at position {at} is damaged")]
    Corrupt {
        /// The position.
        at: Position,
        /// What is wrong with it.
        #[source]
        cause: BoxError,
    },
    /// The store does not answer now.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
}

impl ReadError {
    /// Whether the store was closed, so that to ask again is of no use.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Unavailable(cause) if cause.is::<StoreClosed>())
    }
}

/// The cause that a store gives for not answering once it was closed. It does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct StoreClosed;

impl From<StoreClosed> for ReadError {
    fn from(closed: StoreClosed) -> Self {
        Self::Unavailable(closed.into())
    }
}
