//! What follows the log: places, leases, documents.
//!
//! A lease ends by the clock of the machine, on which all processes that share a file run. It is looked at
//! under the write lock. A clock that is set forward ends leases early; a clock that is set back would keep
//! them for longer than they were taken for, so whoever is refused one then cuts it down to that. Either way
//! the epoch alone decides who may write.

use super::column;
use super::transaction::{Fault, Request, Transaction};
use crate::id::Position;
use crate::store::{
    Advance, AdvanceError, Checkpoint, DocumentRange, DocumentWrite, Lease, ReadError, StoredDocument,
    StoredProcessor, clock,
};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;
use uuid::Uuid;

pub(super) type Outcome<T> = Result<T, Fault<AdvanceError>>;

/// A step of a processor. Each is one that can be done twice, so what is found of the first time needs no
/// settling.
pub(super) struct Step<F> {
    /// About how many bytes it holds.
    pub size: usize,
    pub run: F,
}

impl<T, F> Request for Step<F>
where
    T: Send + 'static,
    F: Fn(&mut Transaction<'_>) -> Outcome<T> + Send + 'static,
{
    type Answer = T;
    type Refusal = AdvanceError;

    fn has_steps(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        self.size
    }

    fn key(&self) -> Option<Uuid> {
        None
    }

    fn run(&self, transaction: &mut Transaction<'_>) -> Outcome<T> {
        (self.run)(transaction)
    }

    fn settle(&self, _: &Transaction<'_>, _: &T, again: T) -> Outcome<T> {
        Ok(again)
    }
}

/// About how many bytes the documents of an advance have.
pub(super) fn size(advance: &Advance) -> usize {
    let size = |write: &DocumentWrite| write.key.len() + write.body.as_ref().map_or(0, Bytes::len) + 64;
    advance.writes.iter().map(size).sum()
}

/// A row of `processors`, without its name.
pub(super) struct Processor {
    pub checkpoint: Checkpoint,
    owner: Option<Uuid>,
    lease_until: i64,
    lease_for: i64,
}

impl Processor {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id = |index| row.get::<_, Option<[u8; 16]>>(index).map(|id| id.map(Uuid::from_bytes));
        Ok(Self {
            checkpoint: Checkpoint { position: position(row, 0)?, event: id(1)? },
            owner: id(2)?,
            lease_until: row.get(3)?,
            lease_for: row.get(4)?,
        })
    }

    pub fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        let mut find = connection.prepare_cached(
            "SELECT position, event_id, owner, lease_until, lease_for FROM processors WHERE name = ?1",
        )?;
        find.query_row([name], Self::of).optional()
    }

    /// Whoever holds the lease, if it has not run out.
    fn holder(&self, now: i64) -> Option<Uuid> {
        self.owner.filter(|_| now < self.lease_until)
    }
}

fn position(row: &Row<'_>, index: usize) -> rusqlite::Result<Position> {
    row.get(index).map(|position| Position(column::unsigned(position)))
}

fn now() -> i64 {
    column::micros(clock::now())
}

fn micros(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn register(transaction: &Transaction<'_>, name: &str, start: Checkpoint) -> Outcome<Checkpoint> {
    if let Some(known) = Processor::find(transaction.guarded, name)? {
        return Ok(known.checkpoint);
    }
    let event = start.event.as_ref().map(Uuid::as_bytes);
    transaction
        .prepare("INSERT INTO processors (name, position, event_id) VALUES (?1, ?2, ?3)")?
        .execute(params![name, column::signed(start.position.0), event])?;
    Ok(start)
}

pub(super) fn acquire(
    transaction: &Transaction<'_>,
    name: &str,
    owner: Uuid,
    ttl: Duration,
) -> Outcome<Option<Lease>> {
    let now = now();
    let Some(known) = Processor::find(transaction.guarded, name)? else { return Ok(None) };
    if known.holder(now).is_some_and(|holder| holder != owner) {
        if known.lease_until.saturating_sub(now) > known.lease_for {
            transaction
                .prepare("UPDATE processors SET lease_until = ?2 WHERE name = ?1")?
                .execute(params![name, now.saturating_add(known.lease_for)])?;
        }
        return Ok(None);
    }
    let epoch: i64 = transaction
        .prepare("UPDATE leases SET last_epoch = last_epoch + 1 RETURNING last_epoch")?
        .query_row([], |row| row.get(0))?;
    transaction
        .prepare(
            "UPDATE processors SET owner = ?2, epoch = ?3, lease_until = ?4, lease_for = ?5 WHERE name = ?1",
        )?
        .execute(params![name, owner.as_bytes(), epoch, now.saturating_add(micros(ttl)), micros(ttl)])?;
    let epoch = column::unsigned(epoch);
    Ok(Some(Lease { processor: name.into(), owner, epoch, checkpoint: known.checkpoint }))
}

pub(super) fn renew(transaction: &Transaction<'_>, lease: &Lease, ttl: Duration) -> Outcome<()> {
    require(transaction, &lease.processor, lease.epoch)?;
    transaction
        .prepare("UPDATE processors SET lease_until = ?2, lease_for = ?3 WHERE name = ?1")?
        .execute(params![lease.processor, now().saturating_add(micros(ttl)), micros(ttl)])?;
    Ok(())
}

pub(super) fn release(transaction: &Transaction<'_>, lease: &Lease) -> Outcome<()> {
    transaction
        .prepare("UPDATE processors SET owner = NULL, epoch = 0 WHERE name = ?1 AND epoch = ?2")?
        .execute(params![lease.processor, column::signed(lease.epoch)])?;
    Ok(())
}

/// Whether there is a processor of this name.
pub(super) fn is_known(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<bool> {
    transaction.prepare("SELECT 1 FROM processors WHERE name = ?1")?.exists([name])
}

/// Whether what is written under this epoch may still be written.
pub(super) fn holds(transaction: &Transaction<'_>, name: &str, epoch: u64) -> rusqlite::Result<bool> {
    let mut find =
        transaction.prepare("SELECT 1 FROM processors WHERE name = ?1 AND epoch = ?2 AND epoch > 0")?;
    find.exists(params![name, column::signed(epoch)])
}

fn require(transaction: &Transaction<'_>, name: &str, epoch: u64) -> Outcome<()> {
    if holds(transaction, name, epoch)? {
        return Ok(());
    }
    Err(AdvanceError::Fenced { processor: name.into() }.into())
}

/// Where the processor of an advance is, if whoever sends this may write for it, and it begins there.
pub(super) fn reached(transaction: &Transaction<'_>, advance: &Advance) -> Outcome<Position> {
    require(transaction, &advance.processor, advance.epoch)?;
    let known = Processor::find(transaction.guarded, &advance.processor)?;
    let checkpoint = known.map(|processor| processor.checkpoint).unwrap_or_default();
    advance.require(checkpoint)?;
    Ok(checkpoint.position)
}

pub(super) fn advance(transaction: &Transaction<'_>, advance: &Advance) -> Outcome<()> {
    advance.check()?;
    if advance.from.is_some() {
        reached(transaction, advance)?;
    } else {
        require(transaction, &advance.processor, advance.epoch)?;
    }
    for write in &advance.writes {
        write_document(transaction, write)?;
    }
    if let Some(to) = advance.to {
        reach(transaction, &advance.processor, to)?;
    }
    Ok(())
}

/// Takes a processor on to `to`, unless it has been farther.
pub(super) fn reach(transaction: &Transaction<'_>, name: &str, to: Checkpoint) -> rusqlite::Result<()> {
    let event = to.event.as_ref().map(Uuid::as_bytes);
    transaction
        .prepare("UPDATE processors SET position = ?2, event_id = ?3 WHERE name = ?1 AND position <= ?2")?
        .execute(params![name, column::signed(to.position.0), event])
        .map(drop)
}

/// The document under a key.
pub(super) fn stored(
    transaction: &Transaction<'_>,
    collection: &str,
    key: &str,
) -> rusqlite::Result<Option<StoredDocument>> {
    transaction.prepare(FIND)?.query_row([collection, key], document).optional()
}

fn write_document(transaction: &Transaction<'_>, write: &DocumentWrite) -> Outcome<()> {
    if is_written_over(transaction, write)? {
        return Ok(());
    }
    let stored = stored(transaction, &write.collection, &write.key)?;
    if write.is_due(stored.as_ref())? {
        replace(transaction, write.clone(), stored.as_ref())?;
    }
    Ok(())
}

/// Writes a document where it is at the revision it was read at, in one statement. Whether anything else is to
/// be done is seen by reading it.
fn is_written_over(transaction: &Transaction<'_>, write: &DocumentWrite) -> rusqlite::Result<bool> {
    let (Some(revision), Some(body)) = (write.revision, write.body.as_deref()) else { return Ok(false) };
    let (read_at, position) = (column::signed(revision), column::signed(write.position.0));
    let sql = if revision == 0 {
        "INSERT INTO documents (collection, key, revision, position, body) VALUES (?1, ?2, ?3 + 1, ?4, ?5)
         ON CONFLICT DO NOTHING"
    } else {
        "UPDATE documents SET revision = ?3 + 1, position = ?4, body = ?5
         WHERE collection = ?1 AND key = ?2 AND revision = ?3"
    };
    let written =
        transaction.prepare(sql)?.execute(params![write.collection, write.key, read_at, position, body])?;
    Ok(written == 1)
}

/// Writes a document, whatever is there.
pub(super) fn put(transaction: &Transaction<'_>, write: DocumentWrite) -> rusqlite::Result<()> {
    let stored = stored(transaction, &write.collection, &write.key)?;
    replace(transaction, write, stored.as_ref())
}

fn replace(
    transaction: &Transaction<'_>,
    write: DocumentWrite,
    stored: Option<&StoredDocument>,
) -> rusqlite::Result<()> {
    let (collection, key) = (write.collection.clone(), write.key.clone());
    let Some(next) = write.over(stored) else {
        let mut delete = transaction.prepare("DELETE FROM documents WHERE collection = ?1 AND key = ?2")?;
        return delete.execute(params![collection, key]).map(drop);
    };
    transaction
        .prepare(
            "INSERT INTO documents (collection, key, revision, position, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET
                 revision = excluded.revision, position = excluded.position, body = excluded.body",
        )?
        .execute(params![
            collection,
            key,
            column::signed(next.revision),
            column::signed(next.position.0),
            next.body.as_ref(),
        ])
        .map(drop)
}

pub(super) fn list(connection: &Connection, prefix: &str) -> Result<Vec<StoredProcessor>, ReadError> {
    let now = now();
    let mut find = connection.prepare_cached(
        "SELECT position, event_id, owner, lease_until, lease_for, name FROM processors
         WHERE name >= ?1 ORDER BY name",
    )?;
    let mut rows = find.query([prefix])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(5)?;
        if !name.starts_with(prefix) {
            break;
        }
        let known = Processor::of(row)?;
        let owner = known.holder(now);
        found.push(StoredProcessor { name: name.into(), checkpoint: known.checkpoint, owner });
    }
    Ok(found)
}

const FIND: &str = "SELECT key, revision, position, body FROM documents WHERE collection = ?1 AND key = ?2";

fn document(row: &Row<'_>) -> rusqlite::Result<StoredDocument> {
    Ok(StoredDocument {
        key: row.get(0)?,
        revision: row.get(1).map(column::unsigned)?,
        position: position(row, 2)?,
        body: row.get::<_, Vec<u8>>(3)?.into(),
    })
}

pub(super) fn documents(
    connection: &Connection,
    collection: &str,
    keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    let mut find = connection.prepare_cached(FIND)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.extend(find.query_row([collection, key], document).optional()?);
    }
    Ok(found)
}

pub(super) fn list_documents(
    connection: &Connection,
    collection: &str,
    range: &DocumentRange,
) -> Result<Vec<StoredDocument>, ReadError> {
    // No text is smaller than the empty one, which is a key like any other.
    let (sql, after) = match &range.after {
        Some(after) => (BEHIND, after.as_str()),
        None => (FROM, ""),
    };
    let mut find = connection.prepare_cached(sql)?;
    let mut rows = find.query([collection, after])?;
    let mut found = Vec::new();
    while found.len() < range.limit.max(1) as usize
        && let Some(row) = rows.next()?
    {
        let document = document(row)?;
        if range.until.as_ref().is_some_and(|until| document.key > *until) {
            break;
        }
        found.push(document);
    }
    Ok(found)
}

const FROM: &str = "SELECT key, revision, position, body FROM documents
    WHERE collection = ?1 AND key >= ?2 ORDER BY key";
const BEHIND: &str = "SELECT key, revision, position, body FROM documents
    WHERE collection = ?1 AND key > ?2 ORDER BY key";
