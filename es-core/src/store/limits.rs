//! The limits that are the same on every store, and the checks that every store makes first.

use super::processor::repeated;
use super::{AppendError, Commit, Redaction, StoredEvent};
use crate::id::StreamId;
use std::collections::HashSet;

/// The most events that one commit may hold.
pub const MAX_COMMIT_EVENTS: usize = 1_000;

/// The most bytes that the payloads and metadata of one commit may have, 4 MiB.
pub const MAX_COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes that a stream's name may have.
pub const MAX_STREAM_BYTES: usize = 1_000;

/// The most events that one page of the log looks at, so that a page which matches little is short, too.
pub(crate) const MAX_SCAN: usize = 10_000;

/// The bytes of payloads and metadata at which a page of events ends, 8 MiB. The event that reaches it is in
/// the page, so that a page is never larger than this and one commit.
pub const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// What a page of events may still take in.
pub(crate) struct PageRoom {
    events: usize,
    bytes: usize,
}

impl PageRoom {
    pub fn new(limit: u32) -> Self {
        Self { events: limit.max(1) as usize, bytes: MAX_PAGE_BYTES }
    }

    /// Takes an event in.
    pub fn take(&mut self, event: &StoredEvent) {
        let bytes = event.payload.as_ref().map_or(0, bytes::Bytes::len) + event.metadata.len();
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub fn is_full(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }
}

/// Checks what needs no look into the store: shape and size.
pub(crate) fn check(commit: &Commit) -> Result<(), AppendError> {
    let mut events = 0;
    let mut bytes = 0;
    let mut streams = HashSet::with_capacity(if commit.parts.len() > 1 { commit.parts.len() } else { 0 });
    if commit.parts.is_empty() {
        return invalid("it has no parts");
    }
    for part in &commit.parts {
        if part.events.is_empty() {
            return invalid(&format!("its part for stream {} has no events", part.stream));
        }
        if commit.parts.len() > 1 && !streams.insert(&part.stream) {
            return invalid(&format!("stream {} stands in it twice", part.stream));
        }
        check_stream(&part.stream)?;
        events += part.events.len();
        bytes += part.events.iter().map(|event| event.payload.len() + event.metadata.len()).sum::<usize>();
    }
    let beside = commit.inline.as_ref().map_or(&[][..], |inline| &inline.writes);
    if let Some(write) = repeated(beside) {
        return invalid(&format!("document \"{}\" of {} stands in it twice", write.key, write.collection));
    }
    for write in beside {
        bytes += write.key.len() + write.body.as_ref().map_or(0, bytes::Bytes::len);
    }
    within("events in one commit", events, MAX_COMMIT_EVENTS)?;
    within("commit (bytes)", bytes, MAX_COMMIT_BYTES)
}

/// Checks the name of a stream.
pub(crate) fn check_stream(stream: &StreamId) -> Result<(), AppendError> {
    within("stream name (bytes)", stream.as_str().len(), MAX_STREAM_BYTES)
}

/// Checks the metadata that a redaction leaves.
pub(crate) fn check_redaction(redaction: &Redaction) -> Result<(), AppendError> {
    let beside = redaction.beside.as_ref().map_or(0, |(_, metadata)| metadata.len());
    within("metadata (bytes)", redaction.metadata.len() + beside, MAX_COMMIT_BYTES)
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), AppendError> {
    if size > limit { Err(AppendError::TooLarge { what, size, limit }) } else { Ok(()) }
}

fn invalid(reason: &str) -> Result<(), AppendError> {
    Err(AppendError::Invalid { reason: reason.to_owned() })
}
