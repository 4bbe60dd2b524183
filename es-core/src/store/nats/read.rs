//! Pages of a stream, and single events.
//!
//! The leader says how far the stream goes; versions are dense, so it is known then which of them are in the page.
//! Where they begin is known from what was read before, or searched for: versions rise along the log.

use super::fetch::{self, Found};
use super::known;
use super::message::Head;
use super::server::Server;
use crate::id::{Position, StreamId};
use crate::store::limits::{MAX_PAGE_BYTES, PageRoom};
use crate::store::page::Window;
use crate::store::{Bound, EventSearch, ReadError, StoredEvent, StreamHead, StreamPage, StreamRead};
use bytes::Bytes;
use std::collections::VecDeque;
use uuid::Uuid;

type Row = Vec<(StoredEvent, Head)>;

pub(super) async fn stream(
    server: &Server,
    stream: &StreamId,
    read: StreamRead,
) -> Result<StreamPage, ReadError> {
    let reader = Reader::open(server, stream).await?;
    let head = reader.head.stream;
    let last = reader.last(read.until).await?;
    let window = read.window(reader.first().await?, last);
    let mut page = StreamPage { events: Vec::new(), head, more: window.more };
    if window.low > window.high {
        return Ok(page);
    }
    let (events, is_cut) = if read.backward {
        reader.backward(&window).await?
    } else {
        reader.forward(&window, read.limit).await?
    };
    page.more |= is_cut;
    page.events = events;
    reader.show(&mut page.events).await?;
    Ok(page)
}

/// How far a stream goes.
pub(super) async fn stream_head(server: &Server, stream: &StreamId) -> Result<StreamHead, ReadError> {
    Ok(Reader::open(server, stream).await?.head.stream)
}

/// Reads of one stream, which has this head.
struct Reader<'a> {
    server: &'a Server,
    stream: &'a StreamId,
    subject: String,
    head: Head,
}

impl<'a> Reader<'a> {
    async fn open(server: &'a Server, stream: &'a StreamId) -> Result<Self, ReadError> {
        let subject = server.names().stream(stream);
        let reached = server.known().entry(stream).lock().head.sequence;
        let head = known::last(server, &subject, reached).await?;
        Ok(Self { server, stream, subject, head })
    }

    /// The first version that is shown.
    async fn first(&self) -> Result<u64, ReadError> {
        if self.head.stream.edits == 0 {
            return Ok(1);
        }
        Ok(self.server.edits().current(self.server).await?.first(self.stream))
    }

    /// The last version within the bound.
    async fn last(&self, until: Bound) -> Result<u64, ReadError> {
        let last = self.head.stream.version;
        match until {
            Bound::End => Ok(last),
            Bound::Version(version) => Ok(version.min(last)),
            Bound::Time(time) => {
                let later = self.first_where(|head| head.recorded_at > time).await?;
                Ok(later.map_or(last, |head| head.stream.version.saturating_sub(1)))
            }
        }
    }

    /// Where to begin, so as to read from this version on.
    async fn start(&self, version: u64) -> Result<u64, ReadError> {
        if version <= 1 {
            return Ok(1);
        }
        if let Some(sequence) = self.server.known().entry(self.stream).lock().start(version) {
            return Ok(sequence);
        }
        let found = self.first_where(|head| head.stream.version >= version).await?;
        Ok(found.map_or(1, |head| head.sequence))
    }

    /// The first message for which something holds, that holds for all behind it, too.
    async fn first_where(&self, holds: impl Fn(&Head) -> bool) -> Result<Option<Head>, ReadError> {
        if self.head.sequence == 0 || !holds(&self.head) {
            return Ok(None);
        }
        // `found` is the first message at or behind `to`; what lies before `from` does not hold.
        let (mut from, mut to, mut found) = (1, self.head.sequence, self.head);
        while from < to {
            let middle = from + (to - from) / 2;
            let next = fetch::span(self.server, &self.subject, middle, found.sequence, 1).await?;
            let head = next.first().map(Found::head).transpose()?.unwrap_or(found);
            if head.sequence >= found.sequence || holds(&head) {
                (to, found) = (middle, head);
            } else {
                from = head.sequence + 1;
            }
        }
        Ok(Some(found))
    }

    /// The next events, from a sequence on.
    async fn row(&self, from: u64, most: usize) -> Result<(Row, u64), ReadError> {
        let (server, to) = (self.server, self.head.sequence);
        let span = fetch::span(server, &self.subject, from, to, most).await?;
        let reached = span.last().map_or(from, |found| found.sequence);
        let mut row = Vec::with_capacity(span.len());
        for found in span {
            let head = found.head()?;
            if let Some(event) = found.event(server.names())? {
                row.push((event, head));
            }
        }
        server.known().learn(self.stream, &row);
        Ok((row, reached + 1))
    }

    async fn forward(&self, window: &Window, limit: u32) -> Result<(Vec<StoredEvent>, bool), ReadError> {
        let (mut from, mut version) = (self.start(window.low).await?, window.low);
        let (mut room, mut events) = (PageRoom::new(limit), Vec::new());
        loop {
            let wanted = usize::try_from(window.high - version).unwrap_or(usize::MAX).saturating_add(1);
            let (row, next) = self.row(from, wanted).await?;
            for (event, _) in row {
                is_next(&event, version)?;
                room.take(&event);
                events.push(event);
                if version == window.high || room.is_full() {
                    return Ok((events, version < window.high));
                }
                version += 1;
            }
            from = next;
        }
    }

    /// Reads to the last event of the page, and of what it reads keeps as much as the page holds.
    async fn backward(&self, window: &Window) -> Result<(Vec<StoredEvent>, bool), ReadError> {
        let (mut from, mut version) = (self.start(window.low).await?, window.low);
        let mut events: VecDeque<StoredEvent> = VecDeque::new();
        let (mut bytes, mut is_cut) = (0, false);
        loop {
            let (row, next) = self.row(from, fetch::MAX_ROW).await?;
            for (event, _) in row {
                is_next(&event, version)?;
                bytes += size(&event);
                events.push_back(event);
                while let Some(first) =
                    events.front().map(size).filter(|first| bytes - first >= MAX_PAGE_BYTES)
                {
                    bytes -= first;
                    events.pop_front();
                    is_cut = true;
                }
                if version == window.high {
                    return Ok((events.into_iter().rev().collect(), is_cut));
                }
                version += 1;
            }
            from = next;
        }
    }

    /// Puts events as they are to be seen.
    async fn show(&self, events: &mut [StoredEvent]) -> Result<(), ReadError> {
        if self.head.stream.edits > 0 {
            let edits = self.server.edits().current(self.server).await?;
            for event in events {
                edits.apply(event);
            }
        }
        Ok(())
    }
}

fn size(event: &StoredEvent) -> usize {
    event.payload.as_ref().map_or(0, Bytes::len) + event.metadata.len()
}

fn is_next(event: &StoredEvent, version: u64) -> Result<(), ReadError> {
    if event.version == version {
        return Ok(());
    }
    let cause = format!("it has version {}, where {version} is next", event.version);
    Err(ReadError::Corrupt { at: event.position, cause: cause.into() })
}

/// The event that is searched for. Where its stream is known, that is read once, as far as it is not known yet;
/// otherwise the whole log is.
pub(super) async fn event(server: &Server, search: EventSearch) -> Result<Option<StoredEvent>, ReadError> {
    let sequence = match &search.stream {
        Some(stream) => known::current(server, stream).await?.lock().position(search.id),
        None => scan(server, search.id, search.after).await?,
    };
    let Some(sequence) = sequence else { return Ok(None) };
    let mut event = fetch::there(server, sequence).await?.event(server.names())?;
    if let Some(event) = &mut event {
        server.edits().current(server).await?.apply(event);
    }
    Ok(event)
}

/// Where in the log an event is.
async fn scan(server: &Server, id: Uuid, after: Position) -> Result<Option<u64>, ReadError> {
    let end = fetch::end(server).await?.position.0;
    let mut from = after.0.saturating_add(1);
    while from <= end {
        for found in fetch::dense(server, from, end, fetch::MAX_ROW).await? {
            if !found.is_control(server.names()) && found.id()? == id {
                return Ok(Some(found.sequence));
            }
            from = found.sequence + 1;
        }
    }
    Ok(None)
}

pub(super) async fn head(server: &Server) -> Result<Position, ReadError> {
    fetch::whole_end(server).await
}
