//! Documents, read.

use super::column::{self, value};
use super::database::Database;
use super::{failure, text};
use crate::id::Position;
use crate::store::{DocumentRange, ReadError, StoredDocument};
use bytes::Bytes;
use sqlx::postgres::{PgConnection, PgRow};

pub(super) async fn find(
    database: &Database,
    collection: &str,
    keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    const FIND: &str = "SELECT key, revision, position, body FROM {es}.documents
        WHERE collection = $1 AND key = ANY ($2)";
    let keys: Vec<_> = keys.iter().map(|key| text::escaped(key).into_owned()).collect();
    let query = || database.query(FIND).bind(text::escaped(collection).into_owned()).bind(keys.clone());
    let rows = database.rows(query).await.map_err(failure::of_read)?;
    rows.iter().map(document).collect()
}

/// The same, as a transaction sees them; it may keep others from changing them.
pub(super) async fn find_in(
    database: &Database,
    connection: &mut PgConnection,
    collection: &str,
    keys: &[String],
    is_held: bool,
) -> Result<Vec<StoredDocument>, ReadError> {
    const FIND: &str = "SELECT key, revision, position, body FROM {es}.documents
        WHERE collection = $1 AND key = ANY ($2)";
    const HOLD: &str = "SELECT key, revision, position, body FROM {es}.documents
        WHERE collection = $1 AND key = ANY ($2) ORDER BY key FOR UPDATE";
    let keys: Vec<_> = keys.iter().map(|key| text::escaped(key).into_owned()).collect();
    let find = database.query(if is_held { HOLD } else { FIND });
    let find = find.bind(text::escaped(collection).into_owned()).bind(keys);
    let rows = find.fetch_all(connection).await.map_err(failure::of_read)?;
    rows.iter().map(document).collect()
}

pub(super) async fn list(
    database: &Database,
    collection: &str,
    range: &DocumentRange,
) -> Result<Vec<StoredDocument>, ReadError> {
    // No text is smaller than the empty one, which is a key like any other.
    let (behind, after) = range.after.as_deref().map_or((">=", ""), |after| (">", after));
    let until = if range.until.is_some() { "AND key <= $4" } else { "" };
    let sql = format!(
        "SELECT key, revision, position, body FROM {{es}}.documents
         WHERE collection = $1 AND key {behind} $2 {until} ORDER BY key LIMIT $3"
    );
    let query = || {
        let query = database
            .query(&sql)
            .bind(text::escaped(collection).into_owned())
            .bind(text::escaped(after).into_owned())
            .bind(i64::from(range.limit.max(1)));
        match &range.until {
            Some(until) => query.bind(text::escaped(until).into_owned()),
            None => query,
        }
    };
    let rows = database.rows(query).await.map_err(failure::of_read)?;
    rows.iter().map(document).collect()
}

fn document(row: &PgRow) -> Result<StoredDocument, ReadError> {
    let number = |index| value(row, index).map(column::unsigned);
    Ok(StoredDocument {
        key: text::unescaped(value(row, 0)?).into_owned(),
        revision: number(1)?,
        position: Position(number(2)?),
        body: Bytes::copy_from_slice(value(row, 3)?),
    })
}
