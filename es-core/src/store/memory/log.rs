//! The log in memory, and what is kept of each stream.

use super::inline::Taken;
use super::processors::Processors;
use crate::id::{ByStream, Position, StreamId};
use crate::store::admit::{Admission, Ledger, admit, id_taken};
use crate::store::limits::PageRoom;
use crate::store::{
    Append, AppendError, Appended, Bound, Checkpoint, Commit, DocumentWrite, Fence, Filter, LogPage,
    Redaction, StoredEvent, StoredSnapshot, StreamHead, StreamPage, StreamRead, clock, limits,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use uuid::Uuid;

/// All that a store holds.
#[derive(Default)]
pub(super) struct Inner {
    /// The event at position `p` has the index `p - 1`.
    log: Vec<StoredEvent>,
    pub streams: HashMap<StreamId, Stream, ByStream>,
    /// Where in the log an id is.
    ids: HashMap<Uuid, usize, BuildHasherDefault<IdHasher>>,
    pub processors: Processors,
}

#[derive(Default)]
pub(super) struct Stream {
    /// Where in the log its events are; version `v` has the index `v - 1`.
    events: Vec<usize>,
    pub edits: u64,
    pub truncated_before: u64,
    pub closed: bool,
    pub snapshot: Option<StoredSnapshot>,
}

impl Stream {
    fn head(&self) -> StreamHead {
        StreamHead { version: self.events.len() as u64, edits: self.edits, closed: self.closed }
    }

    /// The first version that reads of the stream show.
    pub fn first(&self) -> u64 {
        self.truncated_before.max(1)
    }

    pub fn edit(&mut self) {
        self.edits += 1;
        self.snapshot = None;
    }
}

impl Ledger for Inner {
    type Error = AppendError;

    fn holds(&mut self, id: Uuid, stream: &StreamId) -> Result<Option<bool>, AppendError> {
        Ok(self.ids.get(&id).map(|&index| self.log[index].stream == *stream))
    }

    fn head(&mut self, stream: &StreamId) -> Result<StreamHead, AppendError> {
        Ok(self.stream_head(stream))
    }

    fn allows(&mut self, fence: &Fence) -> Result<bool, AppendError> {
        Ok(self.processors.holds(&fence.processor, fence.epoch))
    }
}

impl Inner {
    pub fn end(&self) -> Position {
        Position(self.log.len() as u64)
    }

    /// The checkpoint of whoever is at the end.
    pub fn last(&self) -> Checkpoint {
        Checkpoint { position: self.end(), event: self.log.last().map(|event| event.id) }
    }

    /// The events behind a position.
    pub fn behind(&self, position: Position) -> &[StoredEvent] {
        let from = usize::try_from(position.0).unwrap_or(usize::MAX).min(self.log.len());
        &self.log[from..]
    }

    pub fn stream_head(&self, stream: &StreamId) -> StreamHead {
        self.streams.get(stream).map(Stream::head).unwrap_or_default()
    }

    pub fn append(&mut self, commit: Commit) -> Result<Appended, AppendError> {
        let mut heads = match admit(self, &commit)? {
            Admission::Duplicate(heads) => {
                return Ok(Appended { duplicate: true, heads, position: self.end() });
            }
            Admission::New(heads) => heads,
        };
        let inline = commit.inline.map(|inline| *inline).unwrap_or_default();
        self.processors.require(&inline)?;
        self.claim_ids(&commit.parts)?;
        let before = self.end();
        let stored_at = self.log.last().map_or(Timestamp::MIN, |last| last.stored_at).max(clock::now());
        for (part, head) in commit.parts.into_iter().zip(&mut heads) {
            let indices = self.log.len()..self.log.len() + part.events.len();
            self.log.extend(part.events.into_iter().zip(indices.clone()).map(|(event, index)| {
                head.version += 1;
                StoredEvent {
                    position: Position(index as u64 + 1),
                    stream: part.stream.clone(),
                    version: head.version,
                    id: event.id,
                    name: event.name,
                    schema: event.schema,
                    recorded_at: event.recorded_at,
                    stored_at,
                    payload: Some(event.payload),
                    metadata: event.metadata,
                }
            }));
            self.streams.entry(part.stream).or_default().events.extend(indices);
        }
        let taken = match self.taken_along(&inline.projections, before) {
            Ok(taken) => taken,
            Err(refused) => {
                self.take_back(before);
                return Err(refused);
            }
        };
        let position = self.end();
        self.processors.put(inline.writes.into_iter().map(|write| DocumentWrite { position, ..write }));
        for Taken { processor, to, writes } in taken {
            self.processors.put(writes);
            self.processors.reach(&processor, to);
        }
        Ok(Appended { duplicate: false, heads, position })
    }

    /// Takes the events behind a position out of the log again.
    fn take_back(&mut self, before: Position) {
        let kept = self.log.len() - self.behind(before).len();
        for event in self.log.drain(kept..) {
            self.ids.remove(&event.id);
            if let Some(stream) = self.streams.get_mut(&event.stream) {
                stream.events.pop();
            }
        }
    }

    /// Enters all ids of a commit, or, if one of them is taken, none.
    fn claim_ids(&mut self, parts: &[Append]) -> Result<(), AppendError> {
        let ids = || parts.iter().flat_map(|part| &part.events).map(|event| event.id);
        for (index, id) in (self.log.len()..).zip(ids()) {
            match self.ids.entry(id) {
                Entry::Vacant(entry) => entry.insert(index),
                Entry::Occupied(_) => {
                    for claimed in ids().take(index - self.log.len()) {
                        self.ids.remove(&claimed);
                    }
                    return Err(id_taken(id));
                }
            };
        }
        Ok(())
    }

    pub fn find(&self, id: Uuid) -> Option<StoredEvent> {
        self.ids.get(&id).map(|&index| self.log[index].clone())
    }

    pub fn read_stream(&self, stream: &StreamId, read: StreamRead) -> StreamPage {
        let Some(entry) = self.streams.get(stream) else {
            return StreamPage { events: Vec::new(), head: StreamHead::default(), more: false };
        };
        let head = entry.head();
        let last = match read.until {
            Bound::End => head.version,
            Bound::Version(version) => version.min(head.version),
            Bound::Time(time) => {
                entry.events.partition_point(|&index| self.log[index].recorded_at <= time) as u64
            }
        };
        let window = read.window(entry.first(), last);
        let mut indices = entry.events[window.indices()].iter();
        let mut page = StreamPage { events: Vec::new(), head, more: window.more };
        let mut room = PageRoom::new(read.limit);
        while let Some(&index) = if read.backward { indices.next_back() } else { indices.next() } {
            if room.is_full() {
                page.more = true;
                break;
            }
            room.take(&self.log[index]);
            page.events.push(self.log[index].clone());
        }
        page
    }

    pub fn read_log(&self, after: Position, filter: &Filter, limit: u32) -> LogPage {
        let head = self.end();
        let mut page = LogPage { events: Vec::new(), scanned_to: after, scanned_id: None, head };
        let mut room = PageRoom::new(limit);
        for event in self.behind(after).iter().take(limits::MAX_SCAN) {
            page.scanned_to = event.position;
            if filter.accepts(event.stream.as_str(), event.stream.category(), &event.name) {
                room.take(event);
                page.events.push(event.clone());
                if room.is_full() {
                    break;
                }
            }
        }
        let scanned = page.scanned_to.0.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        page.scanned_id = scanned.and_then(|index| self.log.get(index)).map(|event| event.id);
        page
    }

    pub fn redact(&mut self, redaction: Redaction) -> bool {
        let Some(&index) = self.ids.get(&redaction.event) else { return false };
        let event = &mut self.log[index];
        if event.payload.take().is_none() {
            return false;
        }
        event.metadata = redaction.metadata;
        let stream = event.stream.clone();
        if let Some((beside, metadata)) = redaction.beside
            && let Some(&index) = self.ids.get(&beside)
            && self.log[index].stream == stream
        {
            self.log[index].metadata = metadata;
        }
        self.streams.entry(stream).or_default().edit();
        true
    }
}

/// Hashes the ids of events, whose bits are random already, or counted: it only has to spread them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, _length: usize) {
        // The length prefix of sixteen bytes tells nothing.
    }

    fn finish(&self) -> u64 {
        // The table takes its bucket from the low bits and its tag from the high ones.
        self.0 ^ (self.0 >> 32)
    }
}
