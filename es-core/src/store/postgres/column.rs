//! Between the values of a row and ours. PostgreSQL's integers have a sign, so ours go up to `i64::MAX`; no count
//! of events comes near it.

use super::{PgError, failure, text};
use crate::id::{Position, StreamId};
use crate::store::{BoxError, ReadError, StoredEvent};
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type, ValueRef};
use std::borrow::Cow;
use uuid::Uuid;

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn position(row: &PgRow, index: usize) -> Result<Position, PgError> {
    row.try_get(index).map(|position| Position(unsigned(position)))
}

/// The value in a column of a row that is no event.
pub(super) fn value<'r, T>(row: &'r PgRow, index: usize) -> Result<T, ReadError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(index).map_err(failure::of_read)
}

/// Whether there is no value in a column.
pub(super) fn is_null(row: &PgRow, index: usize) -> Result<bool, ReadError> {
    row.try_get_raw(index).map(|value| value.is_null()).map_err(failure::of_read)
}

/// The columns that [`event`] reads, in its order; behind them stands the stream where it is not known.
macro_rules! event_columns {
    () => {
        "position, version, recorded_at, stored_at, event_id, schema, name, metadata, payload"
    };
}
pub(super) use event_columns;

/// The columns that [`bare_event`] reads, in its order.
macro_rules! bare_columns {
    () => {
        "position, version, recorded_at, schema, name, payload"
    };
}
pub(super) use bare_columns;

/// The event in a row of [`event_columns`].
pub(super) fn event(row: &PgRow, stream: &StreamId) -> Result<StoredEvent, ReadError> {
    located(row, |position| {
        Ok(StoredEvent {
            position,
            stream: stream.clone(),
            version: number(row, 1)?.try_into()?,
            recorded_at: time(row, 2)?,
            stored_at: time(row, 3)?,
            id: Uuid::from_slice(bytes(row, 4)?)?,
            schema: schema(row, 5)?,
            name: name(row, 6)?,
            metadata: Bytes::copy_from_slice(bytes(row, 7)?),
            payload: payload(row, 8)?,
        })
    })
}

/// The event in a row of [`bare_columns`].
pub(super) fn bare_event(row: &PgRow, stream: &StreamId) -> Result<StoredEvent, ReadError> {
    located(row, |position| {
        Ok(StoredEvent {
            position,
            stream: stream.clone(),
            version: number(row, 1)?.try_into()?,
            recorded_at: time(row, 2)?,
            stored_at: Timestamp::UNIX_EPOCH,
            id: Uuid::nil(),
            schema: schema(row, 3)?,
            name: name(row, 4)?,
            metadata: Bytes::new(),
            payload: payload(row, 5)?,
        })
    })
}

/// The event in a row of [`event_columns`] and the stream. One that is in `last` is shared with the event.
pub(super) fn event_of_log(row: &PgRow, last: &mut Option<StreamId>) -> Result<StoredEvent, ReadError> {
    let name = text::unescaped(value(row, 9)?);
    let stream = match last {
        Some(known) if known.as_str() == name => known,
        other => other.insert(StreamId::named(&*name)),
    };
    event(row, stream)
}

/// What is read of a row, or where it is damaged.
fn located(
    row: &PgRow,
    read: impl FnOnce(Position) -> Result<StoredEvent, BoxError>,
) -> Result<StoredEvent, ReadError> {
    let at = number(row, 0).map_err(|cause| failure::of_read(PgError::Decode(cause)))?;
    let at = Position(unsigned(at));
    read(at).map_err(|cause| ReadError::Corrupt { at, cause })
}

/// A time that was stored. One that no clock of ours can have given is damage.
fn time(row: &PgRow, index: usize) -> Result<Timestamp, BoxError> {
    Ok(Timestamp::from_microsecond(number(row, index)?)?)
}

pub(super) fn schema(row: &PgRow, index: usize) -> Result<u16, BoxError> {
    Ok(u16::from_be_bytes(bytes(row, index)?.try_into()?))
}

fn name(row: &PgRow, index: usize) -> Result<Cow<'static, str>, BoxError> {
    Ok(text::unescaped(str::from_utf8(bytes(row, index)?)?).into_owned().into())
}

fn payload(row: &PgRow, index: usize) -> Result<Option<Bytes>, BoxError> {
    let value = row.try_get_raw(index)?;
    if value.is_null() { Ok(None) } else { Ok(Some(Bytes::copy_from_slice(value.as_bytes()?))) }
}

/// A `bigint`, as it is sent. The types are those of our own statements: the driver, which looks at them for each
/// value, takes twice as long.
pub(super) fn number(row: &PgRow, index: usize) -> Result<i64, BoxError> {
    Ok(i64::from_be_bytes(bytes(row, index)?.try_into()?))
}

/// A value that is not null, as it is sent.
fn bytes(row: &PgRow, index: usize) -> Result<&[u8], BoxError> {
    row.try_get_raw(index)?.as_bytes()
}
