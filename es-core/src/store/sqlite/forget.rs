//! How a processor and its documents are forgotten: step by step, since a large build has many.

use super::column;
use super::processors::{Outcome, acquire, is_known, renew};
use super::transaction::Transaction;
use crate::store::processor::belongs;
use crate::store::{AdvanceError, LEASE, Lease, MAX_COMMIT_BYTES};
use rusqlite::params;
use uuid::Uuid;

/// In whose name processors are forgotten: everybody's.
const FORGETTER: Uuid = Uuid::max();

/// The most documents that are forgotten in one step.
const FORGOTTEN: u32 = 2_000;

/// How far the forgetting of a processor has come.
#[derive(Clone)]
pub(super) struct Forgetting {
    /// None where there is no such processor, but there may be documents.
    lease: Option<Lease>,
    pub is_done: bool,
}

/// Forgets some documents of a processor, and, where none is left, the processor itself. Its lease is held from
/// the first step on, so that nobody writes for it any more; whoever forgets goes on where another one was
/// interrupted.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    name: &str,
    before: Option<&Forgetting>,
) -> Outcome<Forgetting> {
    let lease = match before {
        None => begin(transaction, name)?,
        Some(Forgetting { lease: Some(lease), .. }) => {
            renew(transaction, lease, LEASE)?;
            Some(lease.clone())
        }
        Some(Forgetting { lease: None, .. }) => None,
    };
    let mut room = FORGOTTEN;
    while room > 0 {
        let Some(collection) = collection_of(transaction, name)? else {
            transaction.prepare("DELETE FROM processors WHERE name = ?1")?.execute([name])?;
            return Ok(Forgetting { lease, is_done: true });
        };
        room = drop_some(transaction, &collection, room)?;
    }
    Ok(Forgetting { lease, is_done: false })
}

fn begin(transaction: &Transaction<'_>, name: &str) -> Outcome<Option<Lease>> {
    if !is_known(transaction, name)? {
        return Ok(None);
    }
    let lease = acquire(transaction, name, FORGETTER, LEASE)?;
    lease.map(Some).ok_or_else(|| AdvanceError::Fenced { processor: name.into() }.into())
}

/// A collection that goes with a processor, and has documents.
fn collection_of(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<String>> {
    let mut next = transaction.prepare("SELECT min(collection) FROM documents WHERE collection >= ?1")?;
    let mut behind = transaction.prepare("SELECT min(collection) FROM documents WHERE collection > ?1")?;
    let mut found: Option<String> = next.query_row([name], |row| row.get(0))?;
    while let Some(collection) = found.filter(|collection| collection.starts_with(name)) {
        if belongs(&collection, name) {
            return Ok(Some(collection));
        }
        found = behind.query_row([&collection], |row| row.get(0))?;
    }
    Ok(None)
}

/// Drops the first documents of a collection: as many as do not hold up the others who write. Answers how many
/// more there is room for.
fn drop_some(transaction: &Transaction<'_>, collection: &str, room: u32) -> rusqlite::Result<u32> {
    let mut find = transaction
        .prepare("SELECT key, length(body) FROM documents WHERE collection = ?1 ORDER BY key LIMIT ?2")?;
    let mut rows = find.query(params![collection, room])?;
    let (mut last, mut left, mut bytes) = (None, room, 0);
    while let Some(row) = rows.next()? {
        last = Some(row.get::<_, String>(0)?);
        left -= 1;
        bytes += row.get(1).map(column::unsigned)?;
        if bytes >= MAX_COMMIT_BYTES as u64 {
            left = 0;
            break;
        }
    }
    drop(rows);
    let mut delete = transaction.prepare("DELETE FROM documents WHERE collection = ?1 AND key <= ?2")?;
    delete.execute(params![collection, last])?;
    Ok(left)
}
