//! Pages of a stream, and single events.
//!
//! The leader says how far the stream goes; versions are dense, so it is known then which of them are in the page.
//! Where they begin is known from what was read before, or searched for: versions rise along the log.

use super::fetch;
use super::known;
use super::message::Head;
use super::server::Server;
use crate::id::{Position, StreamId};
use crate::store::limits::{MAX_PAGE_BYTES, PageRoom};
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
    let from = reader.start(window.low).await?;
    if read.backward {
        let (events, is_cut) = reader.backward(from, window.high).await?;
        page.more |= is_cut;
        page.events = events;
    } else {
        let (events, is_cut) = reader.forward(from, window.high, read.limit).await?;
        page.more |= is_cut;
        page.events = events;
    }
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
            let next = fetch::next(self.server, self.server.log(), &self.subject, middle).await?;
            let head = next.map(|next| next.head()).transpose()?.unwrap_or(found);
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
        let span = fetch::span(server, server.log(), &self.subject, from, to, most).await?;
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

    async fn forward(
        &self,
        mut from: u64,
        high: u64,
        limit: u32,
    ) -> Result<(Vec<StoredEvent>, bool), ReadError> {
        let mut room = PageRoom::new(limit);
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let wanted = high - events.last().map_or(0, |event| event.version).min(high);
            let (row, next) = self.row(from, usize::try_from(wanted).unwrap_or(usize::MAX)).await?;
            for (event, _) in row {
                follows(events.last(), &event)?;
                room.take(&event);
                let is_last = event.version >= high;
                events.push(event);
                if is_last || room.is_full() {
                    return Ok((events, !is_last));
                }
            }
            from = next;
        }
    }

    /// Reads to the last event of the page, and of what it reads keeps as much as the page holds.
    async fn backward(&self, mut from: u64, high: u64) -> Result<(Vec<StoredEvent>, bool), ReadError> {
        let mut events: VecDeque<StoredEvent> = VecDeque::new();
        let (mut bytes, mut is_cut) = (0, false);
        loop {
            let (row, next) = self.row(from, fetch::MAX_ROW).await?;
            for (event, _) in row {
                follows(events.back(), &event)?;
                bytes += size(&event);
                let is_last = event.version >= high;
                events.push_back(event);
                while let Some(first) =
                    events.front().map(size).filter(|first| bytes - first >= MAX_PAGE_BYTES)
                {
                    bytes -= first;
                    events.pop_front();
                    is_cut = true;
                }
                if is_last {
                    return Ok((events.into_iter().rev().collect(), is_cut));
                }
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

fn follows(before: Option<&StoredEvent>, event: &StoredEvent) -> Result<(), ReadError> {
    if before.is_none_or(|before| before.version + 1 == event.version) {
        return Ok(());
    }
    Err(ReadError::Corrupt { at: event.position, cause: "the version before it is missing".into() })
}

/// The event that is searched for. Where its stream is known, that is read once, as far as it is not known yet;
/// otherwise the whole log is.
pub(super) async fn event(server: &Server, search: EventSearch) -> Result<Option<StoredEvent>, ReadError> {
    let sequence = match &search.stream {
        Some(stream) => known::current(server, stream).await?.lock().position(search.id),
        None => scan(server, search.id, search.after).await?,
    };
    let Some(sequence) = sequence else { return Ok(None) };
    let Some(found) = fetch::at(server, server.log(), sequence).await? else { return Ok(None) };
    let mut event = found.event(server.names())?;
    if let Some(event) = &mut event {
        server.edits().current(server).await?.apply(event);
    }
    Ok(event)
}

/// Where in the log an event is.
async fn scan(server: &Server, id: Uuid, after: Position) -> Result<Option<u64>, ReadError> {
    let end = fetch::end(server).await?.position.0;
    let (mut from, subjects) = (after.0.saturating_add(1), server.names().events());
    while from <= end {
        let row = fetch::row(server, server.log(), &subjects, from, fetch::MAX_ROW).await?;
        let row = if row.is_empty() {
            fetch::next(server, server.log(), &subjects, from).await?.into_iter().collect()
        } else {
            row
        };
        for found in &row {
            if !found.is_control(server.names()) && found.id()? == id {
                return Ok(Some(found.sequence));
            }
        }
        // Behind the last one there may be edits.
        from = row.last().map_or(end, |found| found.sequence) + 1;
    }
    Ok(None)
}

pub(super) async fn head(server: &Server) -> Result<Position, ReadError> {
    Ok(fetch::end(server).await?.position)
}
