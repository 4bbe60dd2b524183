//! What is written beside events: ends of streams, hidden and redacted events, snapshots.

use super::column;
use super::heading::Heading;
use super::transaction::{Fault, Request, Transaction};
use crate::id::StreamId;
use crate::store::admit::Ledger;
use crate::store::{AppendError, Expected, Redaction, StoredSnapshot};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

/// A change of something that is there. It answers whether it changed anything.
pub(super) enum Edit {
    Close { stream: StreamId, expected: Expected, reason: String },
    Truncate { stream: StreamId, expected: Expected, before: u64 },
    Redact(Redaction),
    Save(StoredSnapshot),
}

impl Request for Edit {
    type Answer = bool;
    type Refusal = AppendError;

    fn has_steps(&self) -> bool {
        !matches!(self, Self::Save(_))
    }

    fn size(&self) -> usize {
        match self {
            Self::Close { reason, .. } => reason.len(),
            Self::Truncate { .. } => 0,
            Self::Redact(redaction) => redaction.metadata.len(),
            Self::Save(snapshot) => snapshot.payload.len(),
        }
    }

    fn key(&self) -> Option<Uuid> {
        None
    }

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<bool, Fault> {
        match self {
            Self::Close { stream, expected, reason } => close(transaction, stream, *expected, reason),
            Self::Truncate { stream, expected, before } => truncate(transaction, stream, *expected, *before),
            Self::Redact(redaction) => redact(transaction, redaction),
            Self::Save(snapshot) => save(transaction, snapshot),
        }
    }

    fn settle(&self, _: &Transaction<'_>, first: &bool, again: bool) -> Result<bool, Fault> {
        Ok(*first || again)
    }
}

fn close(
    transaction: &mut Transaction<'_>,
    stream: &StreamId,
    expected: Expected,
    reason: &str,
) -> Result<bool, Fault> {
    let head = transaction.head(stream)?;
    head.require(stream, expected)?;
    if head.closed {
        return Ok(false);
    }
    transaction
        .prepare(
            "INSERT INTO streams (stream, closed_at, reason) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET closed_at = excluded.closed_at, reason = excluded.reason",
        )?
        .execute(params![stream.as_str(), transaction.stored_at, reason])?;
    drop_snapshot(transaction, stream.as_str())?;
    Ok(true)
}

fn truncate(
    transaction: &mut Transaction<'_>,
    stream: &StreamId,
    expected: Expected,
    before: u64,
) -> Result<bool, Fault> {
    let heading = Heading::of(transaction.guarded, stream)?;
    heading.head.require(stream, expected)?;
    let before = before.min(heading.head.version + 1);
    if before <= heading.first() {
        return Ok(false);
    }
    transaction
        .prepare(
            "INSERT INTO streams (stream, edits, truncated_before) VALUES (?1, 1, ?2)
             ON CONFLICT DO UPDATE SET edits = edits + 1, truncated_before = excluded.truncated_before",
        )?
        .execute(params![stream.as_str(), column::signed(before)])?;
    drop_snapshot(transaction, stream.as_str())?;
    Ok(true)
}

fn redact(transaction: &mut Transaction<'_>, redaction: &Redaction) -> Result<bool, Fault> {
    let stream: Option<String> = transaction
        .prepare(
            "UPDATE events SET payload = NULL, metadata = ?2
             WHERE event_id = ?1 AND payload IS NOT NULL RETURNING stream",
        )?
        .query_row(params![redaction.event.as_bytes(), &redaction.metadata[..]], |row| row.get(0))
        .optional()?;
    let Some(stream) = stream else { return Ok(false) };
    if let Some((beside, metadata)) = &redaction.beside {
        transaction
            .prepare("UPDATE events SET metadata = ?3 WHERE event_id = ?1 AND stream = ?2")?
            .execute(params![beside.as_bytes(), stream, &metadata[..]])?;
    }
    transaction
        .prepare(
            "INSERT INTO streams (stream, edits) VALUES (?1, 1) ON CONFLICT DO UPDATE SET edits = edits + 1",
        )?
        .execute([&stream])?;
    drop_snapshot(transaction, &stream)?;
    Ok(true)
}

fn drop_snapshot(transaction: &Transaction<'_>, stream: &str) -> rusqlite::Result<()> {
    transaction.prepare("DELETE FROM snapshots WHERE stream = ?1")?.execute([stream]).map(drop)
}

fn save(transaction: &Transaction<'_>, snapshot: &StoredSnapshot) -> Result<bool, Fault> {
    let rows = transaction
        .prepare(
            "INSERT INTO snapshots (stream, fingerprint, version, position, recorded_at, edits, payload)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
             WHERE coalesce((SELECT edits FROM streams WHERE stream = ?1), 0) = ?6
             ON CONFLICT DO UPDATE SET
                 fingerprint = excluded.fingerprint, version = excluded.version, position = excluded.position,
                 recorded_at = excluded.recorded_at, edits = excluded.edits, payload = excluded.payload
             WHERE snapshots.fingerprint <> excluded.fingerprint OR snapshots.version < excluded.version",
        )?
        .execute(params![
            snapshot.stream.as_str(),
            snapshot.fingerprint.cast_signed(),
            column::signed(snapshot.version),
            column::signed(snapshot.position.0),
            column::micros(snapshot.recorded_at),
            column::signed(snapshot.edits),
            snapshot.payload.as_ref(),
        ])?;
    Ok(rows > 0)
}
