//! What goes into a store: commits of new events, under an expected version.

use super::{AppendError, Inline, Lease};
use crate::id::{Position, StreamId};
use bytes::Bytes;
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// One event on its way into a stream. The store gives it a version and a position.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Unique in the whole store. Fixed before the first attempt, so that a repeated commit is recognised.
    pub id: Uuid,
    /// The event's stored name.
    pub name: Cow<'static, str>,
    /// The version of the payload's shape, from 1.
    pub schema: u16,
    /// When it was decided, by the app's clock: whole microseconds, never below the stream's last event.
    pub recorded_at: Timestamp,
    /// The payload's bytes.
    pub payload: Bytes,
    /// The metadata's bytes.
    pub metadata: Bytes,
}

/// The part of a commit that goes to one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The stream. It stands in a commit at most once.
    pub stream: StreamId,
    /// What the stream must be for the commit to happen.
    pub expected: Expected,
    /// The [edits](StreamHead::edits) that the decision knew of; `None` does not look. A version says nothing
    /// of them: what it was decided on may have been redacted or truncated since.
    pub edits: Option<u64>,
    /// The events, in order; at least one.
    pub events: Vec<NewEvent>,
}

impl Append {
    /// The conflict, if the stream, which has this head, is not as expected.
    pub(crate) fn require(&self, head: &StreamHead) -> Result<(), AppendError> {
        head.require(&self.stream, self.expected)?;
        if self.edits.is_none_or(|edits| edits == head.edits) {
            return Ok(());
        }
        Err(AppendError::Conflict {
            stream: self.stream.clone(),
            expected: self.expected,
            actual: head.version,
        })
    }
}

/// Events for one or several streams, stored together or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    /// One part for each stream.
    pub parts: Vec<Append>,
    /// The lease that it must be written under; `None` for whoever holds none.
    pub fence: Option<Fence>,
    /// What goes with it in the same transaction.
    pub inline: Option<Box<Inline>>,
}

/// A lease, as far as a commit under it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's processor.
    pub processor: Arc<str>,
    /// The lease's epoch.
    pub epoch: u64,
}

impl Commit {
    /// A commit to one stream, however often that was edited.
    pub fn one(stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        Self::all(vec![Append { stream, expected, edits: None, events }])
    }

    /// A commit of these parts.
    pub fn all(parts: Vec<Append>) -> Self {
        Self { parts, fence: None, inline: None }
    }

    /// Only while nobody else has taken this lease; [`AppendError::Fenced`] otherwise, within what the store
    /// [may narrow](super::EventStore#what-a-store-may-narrow). A commit that is stored already is a duplicate all
    /// the same.
    #[must_use]
    pub fn under(mut self, lease: &Lease) -> Self {
        self.fence = Some(Fence { processor: lease.processor.clone(), epoch: lease.epoch });
        self
    }

    /// Only if each of its streams was edited so often, which is what the decision knew of.
    #[must_use]
    pub fn knowing(mut self, edits: u64) -> Self {
        for part in &mut self.parts {
            part.edits = Some(edits);
        }
        self
    }
}

/// What an append expects of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing; the events go behind whatever is there.
    Any,
    /// That it was never written.
    NoStream,
    /// That it has at least one event.
    Exists,
    /// That it is at this version; `Exact(0)` is [`Expected::NoStream`].
    Exact(u64),
}

impl Expected {
    /// Whether a stream at `version` is as expected.
    pub fn holds(self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => version == 0,
            Self::Exists => version > 0,
            Self::Exact(expected) => version == expected,
        }
    }
}

/// A commit that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Appended {
    /// Whether it was stored before, by an earlier commit with the same first event id. Nothing was added
    /// now; the heads are the streams' present ones.
    pub duplicate: bool,
    /// The head of each part's stream, in the order of the parts.
    pub heads: Vec<StreamHead>,
    /// The position of the commit's last event, before which the others stand, part by part; in a duplicate,
    /// of the last event of the log.
    pub position: Position,
}

/// How far a stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// The version of its last event; 0 if it was never written.
    pub version: u64,
    /// How often it was truncated or redacted. States that were folded under another count are outdated.
    pub edits: u64,
    /// Whether it was closed for good.
    pub closed: bool,
}

impl StreamHead {
    /// The conflict, if `stream`, which has this head, is not as expected.
    pub(crate) fn require(&self, stream: &StreamId, expected: Expected) -> Result<(), AppendError> {
        if expected.holds(self.version) {
            return Ok(());
        }
        Err(AppendError::Conflict { stream: stream.clone(), expected, actual: self.version })
    }
}

/// What is taken away from an event that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Redaction {
    /// The event whose payload goes.
    pub event: Uuid,
    /// What takes the place of its metadata.
    pub metadata: Bytes,
    /// Another event of the same stream, and what takes the place of its metadata; its payload stays. A
    /// command's reply stands in the metadata of its first event.
    pub beside: Option<(Uuid, Bytes)>,
    /// The event's stream, if the caller knows it, which saves some stores a look through the log. What it says
    /// is true, or the event may be missed.
    pub stream: Option<StreamId>,
}

impl Redaction {
    /// The payload of this event goes, and its metadata becomes `metadata`.
    pub fn of(event: Uuid, metadata: Bytes) -> Self {
        Self { event, metadata, beside: None, stream: None }
    }
}
