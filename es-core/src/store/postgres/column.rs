//! Between the values of a row and ours. PostgreSQL's integers have a sign, so ours go up to `i64::MAX`; no count
//! of events comes near it.

use super::{PgError, failure, text};
use crate::id::{Position, StreamId};
use crate::store::{BoxError, ReadError, StoredEvent};
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};

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

/// The columns that [`event`] reads, in its order; behind them stands the stream where it is not known.
macro_rules! event_columns {
    () => {
        "position, version, recorded_at, stored_at, event_id, schema, name, metadata, payload"
    };
}
pub(super) use event_columns;

/// The event in a row of [`event_columns`].
pub(super) fn event(row: &PgRow, stream: &StreamId) -> Result<StoredEvent, ReadError> {
    let at = position(row, 0).map_err(failure::of_read)?;
    decode(row, at, stream.clone()).map_err(|cause| ReadError::Corrupt { at, cause })
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

fn decode(row: &PgRow, position: Position, stream: StreamId) -> Result<StoredEvent, BoxError> {
    Ok(StoredEvent {
        position,
        stream,
        version: row.try_get::<i64, _>(1)?.try_into()?,
        recorded_at: time(row, 2)?,
        stored_at: time(row, 3)?,
        id: row.try_get(4)?,
        schema: row.try_get::<i16, _>(5)?.cast_unsigned(),
        name: text::unescaped(row.try_get(6)?).into_owned().into(),
        metadata: Bytes::copy_from_slice(row.try_get(7)?),
        payload: row.try_get::<Option<&[u8]>, _>(8)?.map(Bytes::copy_from_slice),
    })
}

/// A time that was stored. One that no clock of ours can have given is damage.
fn time(row: &PgRow, index: usize) -> Result<Timestamp, BoxError> {
    Ok(Timestamp::from_microsecond(row.try_get(index)?)?)
}
