//! A store in memory: for tests, and for what may be gone when the process ends.

use super::admit::{Admission, Ledger, admit, id_taken};
use super::{
    AppendError, Appended, Bound, Commit, EventStore, Expected, Filter, LogPage, ReadError, Redaction,
    StoreFuture, StoredEvent, StoredSnapshot, StreamHead, StreamPage, StreamRead, clock, limits,
};
use crate::id::{Position, StreamId};
use crate::store::{
    Advance, AdvanceError, Checkpoint, DocumentRange, Lease, StoredDocument, StoredProcessor,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// A store in memory. Clones are the same store; what it holds goes with the last of them.
///
/// It keeps every promise of [`EventStore`] but durability, and needs an async runtime only to
/// [`wait`](EventStore::wait).
///
/// ```
/// use es_core::store::{EventStore, MemoryStore};
/// use es_core::Position;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), es_core::store::ReadError> {
/// let store = MemoryStore::new();
/// assert_eq!(store.head().await?, Position(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    grown: Notify,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing panics while the lock is held, short of running out of memory: what a poisoned lock guards
    /// is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("head", &self.lock().end()).finish()
    }
}

impl EventStore for MemoryStore {
    fn register<'a>(&'a self, _: &'a str, _: Checkpoint) -> StoreFuture<'a, Result<Checkpoint, ReadError>> {
        todo!()
    }
    fn processors<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Result<Vec<StoredProcessor>, ReadError>> {
        todo!()
    }
    fn acquire<'a>(
        &'a self,
        _: &'a str,
        _: Uuid,
        _: Duration,
    ) -> StoreFuture<'a, Result<Option<Lease>, ReadError>> {
        todo!()
    }
    fn renew<'a>(&'a self, _: &'a Lease, _: Duration) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }
    fn release<'a>(&'a self, _: &'a Lease) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }
    fn advance(&self, _: Advance) -> StoreFuture<'_, Result<(), AdvanceError>> {
        todo!()
    }
    fn documents<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        todo!()
    }
    fn list_documents<'a>(
        &'a self,
        _: &'a str,
        _: &'a DocumentRange,
    ) -> StoreFuture<'a, Result<Vec<StoredDocument>, ReadError>> {
        todo!()
    }
    fn forget<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Result<(), AdvanceError>> {
        todo!()
    }

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            limits::check(&commit)?;
            let appended = self.lock().append(commit)?;
            if !appended.duplicate {
                self.shared.grown.notify_waiters();
            }
            Ok(appended)
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(async move { Ok(self.lock().read_stream(stream, read)) })
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(async move { Ok(self.lock().read_log(after, filter, limit)) })
    }

    fn find_event(&self, id: Uuid) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(async move {
            let inner = self.lock();
            Ok(inner.ids.get(&id).map(|&index| inner.log[index].clone()))
        })
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.lock().end()) })
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let grown = self.shared.grown.notified();
            tokio::pin!(grown);
            // Registered before the look at the head, so that nothing can come between the two unseen.
            grown.as_mut().enable();
            if self.lock().end() <= after {
                // Whether it grew or time ran out is for the caller to find out.
                let _ = tokio::time::timeout(max, grown).await;
            }
        })
    }

    fn close_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        _reason: &'a str,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            let mut inner = self.lock();
            inner.stream_head(stream).require(stream, expected)?;
            let entry = inner.streams.entry(stream.clone()).or_default();
            entry.closed = true;
            entry.snapshot = None;
            Ok(())
        })
    }

    fn truncate_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        before: u64,
    ) -> StoreFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(stream)?;
            let mut inner = self.lock();
            let head = inner.stream_head(stream);
            head.require(stream, expected)?;
            let Some(entry) = inner.streams.get_mut(stream) else { return Ok(()) };
            let before = before.min(head.version + 1);
            if before > entry.first() {
                entry.truncated_before = before;
                entry.edit();
            }
            Ok(())
        })
    }

    fn redact_event(&self, redaction: Redaction) -> StoreFuture<'_, Result<bool, AppendError>> {
        Box::pin(async move {
            limits::check_redaction(&redaction)?;
            Ok(self.lock().redact(redaction))
        })
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        Box::pin(async move {
            let inner = self.lock();
            let kept = inner.streams.get(stream).and_then(|entry| entry.snapshot.as_ref());
            Ok(kept.filter(|snapshot| snapshot.fingerprint == fingerprint).cloned())
        })
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            limits::check_stream(&snapshot.stream)?;
            let mut inner = self.lock();
            let entry = inner.streams.entry(snapshot.stream.clone()).or_default();
            if entry.edits == snapshot.edits
                && entry.snapshot.as_ref().is_none_or(|old| snapshot.replaces(old))
            {
                entry.snapshot = Some(snapshot);
            }
            Ok(())
        })
    }
}

#[derive(Default)]
struct Inner {
    /// The event at position `p` has the index `p - 1`.
    log: Vec<StoredEvent>,
    streams: HashMap<StreamId, Stream>,
    /// Where in the log an id is.
    ids: HashMap<Uuid, usize, BuildHasherDefault<IdHasher>>,
}

#[derive(Default)]
struct Stream {
    /// Where in the log its events are; version `v` has the index `v - 1`.
    events: Vec<usize>,
    edits: u64,
    truncated_before: u64,
    closed: bool,
    snapshot: Option<StoredSnapshot>,
}

impl Stream {
    fn head(&self) -> StreamHead {
        StreamHead { version: self.events.len() as u64, edits: self.edits, closed: self.closed }
    }

    /// The first version that reads of the stream show.
    fn first(&self) -> u64 {
        self.truncated_before.max(1)
    }

    fn edit(&mut self) {
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
}

impl Inner {
    fn end(&self) -> Position {
        Position(self.log.len() as u64)
    }

    fn stream_head(&self, stream: &StreamId) -> StreamHead {
        self.streams.get(stream).map(Stream::head).unwrap_or_default()
    }

    fn append(&mut self, commit: Commit) -> Result<Appended, AppendError> {
        let mut heads = match admit(self, &commit)? {
            Admission::Duplicate(heads) => {
                return Ok(Appended { duplicate: true, heads, position: self.end() });
            }
            Admission::New(heads) => heads,
        };
        self.claim_ids(&commit)?;
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
        Ok(Appended { duplicate: false, heads, position: self.end() })
    }

    /// Enters all ids of a commit, or, if one of them is taken, none.
    fn claim_ids(&mut self, commit: &Commit) -> Result<(), AppendError> {
        let ids = || commit.parts.iter().flat_map(|part| &part.events).map(|event| event.id);
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

    fn read_stream(&self, stream: &StreamId, read: StreamRead) -> StreamPage {
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
        let indices = &entry.events[window.indices()];
        let events = indices.iter().map(|&index| self.log[index].clone());
        let events = if read.backward { events.rev().collect() } else { events.collect() };
        StreamPage { events, head, more: window.more }
    }

    fn read_log(&self, after: Position, filter: &Filter, limit: u32) -> LogPage {
        let head = self.end();
        let mut page = LogPage { events: Vec::new(), scanned_to: after, scanned_id: None, head };
        let from = usize::try_from(after.0).unwrap_or(usize::MAX).min(self.log.len());
        for event in self.log[from..].iter().take(limits::MAX_SCAN) {
            page.scanned_to = event.position;
            if filter.accepts(event.stream.as_str(), event.stream.category(), &event.name) {
                page.events.push(event.clone());
                if page.events.len() >= limit.max(1) as usize {
                    break;
                }
            }
        }
        let scanned = page.scanned_to.0.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        page.scanned_id = scanned.and_then(|index| self.log.get(index)).map(|event| event.id);
        page
    }

    fn redact(&mut self, redaction: Redaction) -> bool {
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
