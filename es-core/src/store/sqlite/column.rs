//! Between the values of a row and ours. SQLite's integers have a sign, so ours go up to `i64::MAX`; no count
//! of events comes near it.

use crate::id::{Position, StreamId};
use crate::store::{BoxError, ReadError, StoredEvent, clock};
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The columns that [`event`] reads, in its order.
macro_rules! event_columns {
    () => {
        "position, stream, version, event_id, name, schema, recorded_at, stored_at, metadata, payload"
    };
}
pub(super) use event_columns;

/// The event in a row of [`event_columns`]. A `stream` that is the row's is shared with the event.
pub(super) fn event(row: &Row<'_>, stream: &mut Option<StreamId>) -> Result<StoredEvent, ReadError> {
    let position = Position(unsigned(row.get(0).map_err(|error| ReadError::Unavailable(error.into()))?));
    decode(row, position, stream).map_err(|cause| ReadError::Corrupt { at: position, cause })
}

fn decode(row: &Row<'_>, position: Position, stream: &mut Option<StreamId>) -> Result<StoredEvent, BoxError> {
    let name = row.get_ref(1)?.as_str()?;
    let stream = match stream {
        Some(known) if known.as_str() == name => known.clone(),
        other => other.insert(StreamId::named(name)).clone(),
    };
    Ok(StoredEvent {
        position,
        stream,
        version: row.get::<_, i64>(2)?.try_into()?,
        id: Uuid::from_slice(row.get_ref(3)?.as_blob()?)?,
        name: row.get::<_, String>(4)?.into(),
        schema: row.get(5)?,
        recorded_at: time(row, 6)?,
        stored_at: time(row, 7)?,
        metadata: Bytes::copy_from_slice(row.get_ref(8)?.as_blob()?),
        payload: match row.get_ref(9)? {
            ValueRef::Null => None,
            bytes => Some(Bytes::copy_from_slice(bytes.as_blob()?)),
        },
    })
}

fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(clock::from_micros)
}
