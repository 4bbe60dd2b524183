//! Pages, each from one short read transaction.

use super::column::{self, event_columns};
use super::heading::Heading;
use crate::id::{Position, StreamId};
use crate::store::limits::PageRoom;
use crate::store::{
    Bound, Filter, LogPage, ReadError, StoredEvent, StoredSnapshot, StreamPage, StreamRead, clock, limits,
};
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Rows, params};
use uuid::Uuid;

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

pub(super) fn stream(
    connection: &Connection,
    stream: &StreamId,
    read: StreamRead,
) -> Result<StreamPage, ReadError> {
    let heading = Heading::of(connection, stream)?;
    let last = match read.until {
        Bound::End => heading.head.version,
        Bound::Version(version) => version.min(heading.head.version),
        Bound::Time(time) => recorded_until(connection, stream, heading.head.version, time)?,
    };
    let window = read.window(heading.first(), last);
    let mut page = StreamPage { events: Vec::new(), head: heading.head, more: window.more };
    if window.low > window.high {
        return Ok(page);
    }
    let mut statement = connection.prepare_cached(if read.backward { BACKWARD } else { FORWARD })?;
    let mut rows =
        statement.query(params![stream.as_str(), column::signed(window.low), column::signed(window.high)])?;
    page.events.reserve_exact(window.indices().len());
    let mut stream = Some(stream.clone());
    let mut room = PageRoom::new(read.limit);
    while let Some(row) = rows.next()? {
        if room.is_full() {
            page.more = true;
            break;
        }
        let event = column::event(row, &mut stream)?;
        room.take(&event);
        page.events.push(event);
    }
    Ok(page)
}

const FORWARD: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM events WHERE stream = ?1 AND version BETWEEN ?2 AND ?3 ORDER BY version"
);
const BACKWARD: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM events WHERE stream = ?1 AND version BETWEEN ?2 AND ?3 ORDER BY version DESC"
);

/// How many of a stream's first events were recorded at or before `time`. Versions are dense and times go
/// up with them, so this halves instead of reading all.
fn recorded_until(
    connection: &Connection,
    stream: &StreamId,
    head: u64,
    time: Timestamp,
) -> rusqlite::Result<u64> {
    let time = column::micros(time);
    let mut statement =
        connection.prepare_cached("SELECT recorded_at FROM events WHERE stream = ?1 AND version = ?2")?;
    let (mut within, mut beyond) = (0, head + 1);
    while beyond - within > 1 {
        let middle = within + (beyond - within) / 2;
        let recorded_at: i64 =
            statement.query_row(params![stream.as_str(), column::signed(middle)], |row| row.get(0))?;
        if recorded_at <= time { within = middle } else { beyond = middle }
    }
    Ok(within)
}

pub(super) fn log(
    connection: &Connection,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<LogPage, ReadError> {
    let head = end(connection)?;
    let mut page = LogPage { events: Vec::new(), scanned_to: after.max(head), scanned_id: None, head };
    let from = column::signed(after.0);
    if let [category] = &filter.categories[..] {
        let mut statement = connection.prepare_cached(OF_A_CATEGORY)?;
        scan(statement.query(params![from, category])?, filter, limit, &mut page)?;
    } else {
        let mut statement = connection.prepare_cached(OF_ALL)?;
        scan(statement.query([from])?, filter, limit, &mut page)?;
    }
    page.scanned_id = match page.events.last() {
        Some(last) if last.position == page.scanned_to => Some(last.id),
        _ => id_at(connection, page.scanned_to)?,
    };
    Ok(page)
}

const OF_ALL: &str =
    concat!("SELECT ", event_columns!(), ", category FROM events WHERE position > ?1 ORDER BY position");
const OF_A_CATEGORY: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", category FROM events WHERE category = ?2 AND position > ?1 ORDER BY position"
);

/// Takes what matches, until the page is full or has looked at enough.
fn scan(mut rows: Rows<'_>, filter: &Filter, limit: u32, page: &mut LogPage) -> Result<(), ReadError> {
    let mut stream = None;
    let mut room = PageRoom::new(limit);
    let mut scanned = 0;
    let takes_all = *filter == Filter::default();
    while let Some(row) = rows.next()? {
        scanned += 1;
        let text = |index| Ok::<_, ReadError>(row.get_ref(index)?.as_str().unwrap_or_default());
        if takes_all || filter.accepts(text(1)?, text(10)?, text(4)?) {
            let event = column::event(row, &mut stream)?;
            room.take(&event);
            page.events.push(event);
        }
        if room.is_full() || scanned >= limits::MAX_SCAN {
            page.scanned_to = Position(column::unsigned(row.get(0)?));
            return Ok(());
        }
    }
    Ok(())
}

fn id_at(connection: &Connection, position: Position) -> Result<Option<Uuid>, ReadError> {
    let mut statement = connection.prepare_cached("SELECT event_id FROM events WHERE position = ?1")?;
    let mut rows = statement.query([column::signed(position.0)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let id = row.get_ref(0)?.as_blob().map_err(Into::into).and_then(|id| Ok(Uuid::from_slice(id)?));
    id.map(Some).map_err(|cause| ReadError::Corrupt { at: position, cause })
}

pub(super) fn event(connection: &Connection, id: Uuid) -> Result<Option<StoredEvent>, ReadError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE event_id = ?1"
    ))?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(|row| column::event(row, &mut None)).transpose()
}

/// The position of the last event.
pub(super) fn end(connection: &Connection) -> Result<Position, ReadError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?;
    Ok(Position(column::unsigned(statement.query_row([], |row| row.get(0))?)))
}

pub(super) fn snapshot(
    connection: &Connection,
    stream: &StreamId,
    fingerprint: u64,
) -> Result<Option<StoredSnapshot>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT version, position, recorded_at, edits, payload FROM snapshots
         WHERE stream = ?1 AND fingerprint = ?2",
    )?;
    let snapshot = statement.query_row(params![stream.as_str(), fingerprint.cast_signed()], |row| {
        Ok(StoredSnapshot {
            stream: stream.clone(),
            fingerprint,
            version: row.get(0).map(column::unsigned)?,
            position: row.get(1).map(|position| Position(column::unsigned(position)))?,
            recorded_at: row.get(2).map(clock::from_micros)?,
            edits: row.get(3).map(column::unsigned)?,
            payload: row.get(4).map(Vec::into).map(|payload: Bytes| payload)?,
        })
    });
    Ok(snapshot.optional()?)
}
