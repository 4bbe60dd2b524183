//! What this process knows of streams: how far they go, and where the ids of their events are.
//!
//! It saves an append its look at the stream, and is never relied on: the server decides by the sequence that an
//! append expects, and whoever is refused looks again. What is known of a stream is all of it up to some message,
//! since nothing before that can change.

use super::fetch::{self, Found};
use super::message::Head;
use super::server::Server;
use crate::id::{ByStream, Position, StreamId};
use crate::store::{ReadError, StoredEvent};
use quick_cache::Weighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// About how many events of how many streams are known at most; some 60 bytes each.
const EVENTS: u64 = 1_000_000;
const STREAMS: usize = 10_000;

/// What a stream counts for at most, so that even the longest is known: whoever writes it would read all of it each time.
const LONGEST: u64 = EVENTS / 4;

/// A stream, up to its message with the head's sequence.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub head: Head,
    /// Where the event with this id is.
    positions: HashMap<Uuid, u64>,
    /// Where the event of this version is; that of the first has the index 0.
    versions: Vec<u64>,
}

impl Known {
    pub fn position(&self, id: Uuid) -> Option<u64> {
        self.positions.get(&id).copied()
    }

    /// Where to begin, so as to read from this version on.
    pub fn start(&self, version: u64) -> Option<u64> {
        let before = usize::try_from(version.checked_sub(1)?).ok()?;
        match self.versions.get(before) {
            Some(&sequence) => Some(sequence),
            None if before == self.versions.len() => Some(self.head.sequence + 1),
            None => None,
        }
    }

    /// Goes on with the next event, behind which the stream has this head.
    pub fn push(&mut self, id: Uuid, head: Head) {
        self.positions.insert(id, head.sequence);
        self.versions.push(head.sequence);
        self.head = head;
    }

    /// Goes on with a message, unless it is known. None is left out between the two.
    fn take(&mut self, found: &Found, is_control: bool) -> Result<(), ReadError> {
        let head = found.head()?;
        if head.sequence <= self.head.sequence {
            return Ok(());
        }
        let version = self.head.stream.version + u64::from(!is_control);
        if head.stream.version != version {
            let cause = format!("it has version {}, where {version} is next", head.stream.version);
            return Err(ReadError::Corrupt { at: Position(found.sequence), cause: cause.into() });
        }
        if is_control {
            self.head = head;
        } else {
            self.push(found.id()?, head);
        }
        Ok(())
    }
}

/// What is known of one stream, for all who ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry(Arc<Mutex<Known>>);

impl Entry {
    /// Nothing panics while it is held: what a poisoned lock guards is whole.
    pub fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The streams that are known, bounded by the number of their events: of all together, since in a part of the room the
/// long ones would find none.
pub(super) struct Streams {
    streams: Mutex<Cache<StreamId, Kept, ByEvents, ByStream>>,
}

#[derive(Clone)]
struct Kept {
    entry: Entry,
    /// What it weighed when it was kept: the cache relies on a weight that stays, and what is known grows.
    weight: u64,
}

#[derive(Clone)]
struct ByEvents;

impl Weighter<StreamId, Kept> for ByEvents {
    fn weight(&self, _stream: &StreamId, kept: &Kept) -> u64 {
        kept.weight
    }
}

impl Streams {
    pub fn new() -> Self {
        let (hasher, lifecycle) = (ByStream::default(), DefaultLifecycle::default());
        Self { streams: Mutex::new(Cache::with(STREAMS, EVENTS, ByEvents, hasher, lifecycle)) }
    }

    fn streams(&self) -> MutexGuard<'_, Cache<StreamId, Kept, ByEvents, ByStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a stream, which may be nothing.
    pub fn entry(&self, stream: &StreamId) -> Entry {
        self.streams().get(stream).map(|kept| kept.entry.clone()).unwrap_or_default()
    }

    /// Keeps what is known now. To be called each time that it has grown.
    pub fn keep(&self, stream: &StreamId, entry: Entry) {
        let weight = (entry.lock().versions.len() as u64 + 4).min(LONGEST);
        self.streams().insert(stream.clone(), Kept { entry, weight });
    }

    /// Takes over what somebody has read of a stream: events that follow each other, all that there are.
    pub fn learn(&self, stream: &StreamId, read: &[(StoredEvent, Head)]) {
        let Some((first, _)) = read.first() else { return };
        let entry = self.entry(stream);
        let mut known = entry.lock();
        let known_to = known.head.stream.version;
        if first.version > known_to + 1 {
            return;
        }
        for (event, head) in read.iter().filter(|(event, _)| event.version > known_to) {
            known.push(event.id, *head);
        }
        drop(known);
        self.keep(stream, entry);
    }
}

/// A stream as it is now, by what its leader says.
pub(super) async fn current(server: &Server, stream: &StreamId) -> Result<Entry, ReadError> {
    let subject = server.names().stream(stream);
    let entry = server.known().entry(stream);
    let mut reached = entry.lock().head.sequence;
    let head = last(server, &subject, reached).await?;
    while reached < head.sequence {
        let (from, to) = (reached + 1, head.sequence);
        let span = fetch::span(server, &subject, from, to, fetch::MAX_ROW).await?;
        let mut known = entry.lock();
        for found in span {
            known.take(&found, found.is_control(server.names()))?;
        }
        reached = known.head.sequence;
        drop(known);
        // Whoever has not the time to read all of a long stream has less to read when it comes again.
        server.known().keep(stream, entry.clone());
    }
    Ok(entry)
}

/// The head of a stream by its leader, which must have come as far as this.
pub(super) async fn last(server: &Server, subject: &str, reached: u64) -> Result<Head, ReadError> {
    let last = fetch::last_since(server, subject, reached).await?;
    Ok(last.map(|found| found.head()).transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Entry, LONGEST, Streams};
    use crate::id::StreamId;
    use crate::store::StreamHead;
    use crate::store::nats::message::Head;
    use uuid::Uuid;

    fn of_length(events: u64) -> Entry {
        let entry = Entry::default();
        for version in 1..=events {
            let stream = StreamHead { version, ..StreamHead::default() };
            entry
                .lock()
                .push(Uuid::from_u128(version.into()), Head { sequence: version, stream, ..Head::default() });
        }
        entry
    }

    #[test]
    fn a_long_stream_is_known_beside_many_short_ones() {
        let (streams, long) = (Streams::new(), StreamId::named("long-1"));
        streams.keep(&long, of_length(LONGEST + 1));
        for n in 0..1_000 {
            streams.keep(&StreamId::named(format!("short-{n}")), of_length(10));
            assert_eq!(streams.entry(&long).lock().head.stream.version, LONGEST + 1);
        }
    }

    #[test]
    fn what_is_known_is_bounded() {
        let (streams, long) = (Streams::new(), of_length(LONGEST / 2));
        for n in 0..10 {
            streams.keep(&StreamId::named(format!("long-{n}")), long.clone());
        }
        let known = |n: &u32| streams.entry(&StreamId::named(format!("long-{n}"))).lock().head.sequence > 0;
        let left = (0..10).filter(known).count();
        assert!((1..=8).contains(&left), "{left}");
    }
}
