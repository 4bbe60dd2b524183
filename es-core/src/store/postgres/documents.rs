//! Documents, read.

use super::column::{self, value};
use super::database::Database;
use super::{failure, text};
use crate::id::Position;
use crate::store::{DocumentRange, ReadError, StoredDocument};
use bytes::Bytes;
use sqlx::postgres::{PgBindIterExt, PgConnection, PgRow};

const FIND: &str = "SELECT key, revision, position, body FROM {es}.documents
    WHERE collection = $1 AND key = ANY ($2)";

pub(super) async fn find(
    database: &Database,
    collection: &str,
    keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    let keys: Vec<_> = keys.iter().map(|key| text::escaped(key).into_owned()).collect();
    let query = || database.query(FIND).bind(text::escaped(collection).into_owned()).bind(keys.clone());
    let rows = database.rows(query).await.map_err(failure::of_read)?;
    rows.iter().map(document).collect()
}

/// The same, as a transaction sees them.
pub(super) async fn find_in(
    database: &Database,
    connection: &mut PgConnection,
    collection: &str,
    keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    let keys: Vec<_> = keys.iter().map(|key| text::escaped(key).into_owned()).collect();
    let find = database.query(FIND).bind(text::escaped(collection).into_owned()).bind(keys);
    let rows = find.fetch_all(connection).await.map_err(failure::of_read)?;
    rows.iter().map(document).collect()
}

/// Those that are there under these collections and keys, with their numbers in the list, as a transaction sees them.
pub(super) async fn find_each(
    database: &Database,
    connection: &mut PgConnection,
    places: &[(&str, &str)],
) -> Result<Vec<(usize, StoredDocument)>, ReadError> {
    const FIND_EACH: &str = "SELECT key, revision, position, body, n
        FROM unnest($1, $2) WITH ORDINALITY AS wanted (collection, key, n)
        JOIN {es}.documents AS stored USING (collection, key) ORDER BY n";
    let find = database
        .query(FIND_EACH)
        .bind(places.iter().map(|(collection, _)| text::escaped(collection)).bind_iter())
        .bind(places.iter().map(|(_, key)| text::escaped(key)).bind_iter());
    let rows = find.fetch_all(connection).await.map_err(failure::of_read)?;
    let numbered = |row: &PgRow| {
        let number: i64 = value(row, 4)?;
        Ok((usize::try_from(number - 1).unwrap_or(usize::MAX), document(row)?))
    };
    rows.iter().map(numbered).collect()
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
