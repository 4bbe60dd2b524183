//! How a processor and its documents are forgotten: step by step, since a large build has many.

use super::column::value;
use super::database::Database;
use super::pool::answered;
use super::{failure, processors, text};
use crate::store::processor::belongs;
use crate::store::{AdvanceError, LEASE, Lease, ReadError};
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// In whose name processors are forgotten: everybody's.
const FORGETTER: Uuid = Uuid::max();

/// The most documents that are forgotten in one step.
const FORGOTTEN: i64 = 2_000;

/// Forgets the documents of a processor, and then the processor itself. Its lease is held from the first step on,
/// so that nobody writes for it any more; whoever forgets goes on where another one was interrupted.
pub(super) async fn forget(database: &Database, processor: &str) -> Result<(), AdvanceError> {
    let lease = lease(database, processor).await?;
    let mut behind = None;
    while let Some(collection) = next_collection(database, processor, behind.as_deref()).await? {
        if belongs(&collection, processor) {
            while drop_some(database, lease.as_ref(), &collection).await? {}
        }
        behind = Some(collection);
    }
    let Some(lease) = lease else { return Ok(()) };
    let forget = database
        .query("DELETE FROM {es}.processors WHERE name = $1 AND epoch = $2 RETURNING 1")
        .bind(text::escaped(processor).into_owned())
        .bind(super::column::signed(lease.epoch));
    let forgotten = database.rows_once(forget).await.map_err(failure::of_advance)?;
    if forgotten.is_empty() { Err(processors::fenced(processor)) } else { Ok(()) }
}

/// The lease of the processor; `None` where there is no such processor, but there may be documents.
async fn lease(database: &Database, processor: &str) -> Result<Option<Lease>, AdvanceError> {
    let taken = processors::acquire(database, processor, FORGETTER, LEASE).await.map_err(unread)?;
    if taken.is_some() {
        return Ok(taken);
    }
    let query = || {
        database
            .query("SELECT 1 FROM {es}.processors WHERE name = $1")
            .bind(text::escaped(processor).into_owned())
    };
    let known = database.rows(query).await.map_err(failure::of_advance)?;
    if known.is_empty() { Ok(None) } else { Err(processors::fenced(processor)) }
}

fn unread(error: ReadError) -> AdvanceError {
    match error {
        ReadError::Unavailable(cause) => AdvanceError::Unavailable(cause),
        damaged @ ReadError::Corrupt { .. } => AdvanceError::Unavailable(damaged.into()),
    }
}

/// The first collection, or the next one, that has documents and a name that begins as the processor's.
async fn next_collection(
    database: &Database,
    processor: &str,
    behind: Option<&str>,
) -> Result<Option<String>, AdvanceError> {
    const FIRST: &str = "SELECT min(collection) FROM {es}.documents WHERE collection >= $1";
    const NEXT: &str = "SELECT min(collection) FROM {es}.documents WHERE collection > $1";
    let (sql, from) = behind.map_or((FIRST, processor), |behind| (NEXT, behind));
    let query = || database.query(sql).bind(text::escaped(from).into_owned());
    let rows = database.rows(query).await.map_err(failure::of_advance)?;
    let found = rows.first().map(|row: &PgRow| value::<Option<&str>>(row, 0)).transpose().map_err(unread)?;
    let name = found.flatten().map(|found| text::unescaped(found).into_owned());
    Ok(name.filter(|name| name.starts_with(processor)))
}

/// Drops the first documents of a collection: as many as do not take long. Answers whether there may be more.
async fn drop_some(
    database: &Database,
    lease: Option<&Lease>,
    collection: &str,
) -> Result<bool, AdvanceError> {
    const DROP: &str = "DELETE FROM {es}.documents WHERE collection = $1 AND key = ANY (
        ARRAY (SELECT key FROM {es}.documents WHERE collection = $1 ORDER BY key LIMIT $2))";
    let mut transaction = database.begin().await.map_err(failure::of_advance)?;
    if let Some(lease) = lease {
        let renew = processors::renewing(database, lease, LEASE).fetch_optional(&mut *transaction);
        if answered(renew).await.map_err(failure::of_advance)?.is_none() {
            return Err(processors::fenced(&lease.processor));
        }
    }
    let drop = database.query(DROP).bind(text::escaped(collection).into_owned()).bind(FORGOTTEN);
    let dropped =
        answered(drop.execute(&mut *transaction)).await.map_err(failure::of_advance)?.rows_affected();
    transaction.commit().await.map_err(failure::of_advance)?;
    Ok(dropped >= FORGOTTEN.unsigned_abs())
}
