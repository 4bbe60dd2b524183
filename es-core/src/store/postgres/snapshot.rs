//! Snapshots, one for each stream.

use super::column::{self, value};
use super::database::Database;
use super::{failure, text};
use crate::id::{Position, StreamId};
use crate::store::{AppendError, ReadError, StoredSnapshot, clock, limits};
use bytes::Bytes;

pub(super) async fn load(
    database: &Database,
    stream: &StreamId,
    fingerprint: u64,
) -> Result<Option<StoredSnapshot>, ReadError> {
    const LOAD: &str = "SELECT version, position, recorded_at, edits, payload FROM {es}.snapshots
        WHERE stream = $1 AND fingerprint = $2";
    let name = text::escaped(stream.as_str());
    let query = || database.query(LOAD).bind(name.clone().into_owned()).bind(fingerprint.cast_signed());
    let rows = database.rows(query).await.map_err(failure::of_read)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let number = |index| value(row, index).map(column::unsigned);
    Ok(Some(StoredSnapshot {
        stream: stream.clone(),
        fingerprint,
        version: number(0)?,
        position: Position(number(1)?),
        recorded_at: clock::from_micros(value(row, 2)?),
        edits: number(3)?,
        payload: Bytes::copy_from_slice(value(row, 4)?),
    }))
}

pub(super) async fn save(database: &Database, snapshot: StoredSnapshot) -> Result<(), AppendError> {
    limits::check_stream(&snapshot.stream)?;
    let save = database
        .query("SELECT {es}.save_snapshot($1, $2, $3, $4, $5, $6, $7)")
        .bind(text::escaped(snapshot.stream.as_str()).into_owned())
        .bind(snapshot.fingerprint.cast_signed())
        .bind(column::signed(snapshot.version))
        .bind(column::signed(snapshot.position.0))
        .bind(snapshot.recorded_at.as_microsecond())
        .bind(column::signed(snapshot.edits))
        .bind(Vec::from(snapshot.payload));
    database.rows_once(save).await.map_err(failure::of_edit)?;
    Ok(())
}
