//! One commit.

use super::inline::{self, Written};
use super::transaction::{Fault, Request, Transaction};
use super::{column, processors};
use crate::id::{Position, StreamId};
use crate::store::admit::{Admission, admit, id_taken};
use crate::store::{
    Append, AppendError, Appended, Commit, DocumentWrite, InlineProjection, NewEvent, StoredEvent,
    StreamHead, clock,
};
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{CachedStatement, Error, ErrorCode, OptionalExtension, params};
use std::sync::Arc;
use uuid::Uuid;

impl Request for Commit {
    type Answer = Appended;
    type Refusal = AppendError;

    fn has_steps(&self) -> bool {
        self.inline.is_some() || self.parts.len() > 1 || self.parts.iter().any(|part| part.events.len() > 1)
    }

    fn is_alone(&self) -> bool {
        !projections(self).is_empty()
    }

    fn refused_by_commit(&self, error: &Error) -> Option<AppendError> {
        let mut names = projections(self).iter().map(|projection| projection.name());
        let first = names.next()?;
        let code = *error.sqlite_error()?;
        // Their rows refer to others that are not there; whose rows, SQLite does not say.
        let projection = names.fold(first.to_owned(), |names, name| format!("{names} or {name}"));
        let cause = Error::SqliteFailure(code, Some(error.to_string())).into();
        Some(AppendError::Inline { projection, cause })
    }

    fn size(&self) -> usize {
        let size = |event: &NewEvent| event.payload.len() + event.metadata.len() + event.name.len() + 64;
        let events: usize = self.parts.iter().flat_map(|part| &part.events).map(size).sum();
        let size = |write: &DocumentWrite| write.key.len() + write.body.as_ref().map_or(0, Bytes::len) + 64;
        events + writes(self).iter().map(size).sum::<usize>()
    }

    fn key(&self) -> Option<Uuid> {
        Some(self.parts.first()?.events.first()?.id)
    }

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Appended, Fault> {
        let mut heads = match admit(transaction, self)? {
            Admission::Duplicate(heads) => {
                return Ok(Appended { duplicate: true, heads, position: Position(transaction.end) });
            }
            Admission::New(heads) => heads,
        };
        let requires = self.inline.as_ref().map_or(&[][..], |inline| &inline.requires);
        for required in requires {
            let stored = processors::stored(transaction, &required.collection, &required.key)?;
            required.require(stored.as_ref())?;
        }
        let writes = writes(self);
        for write in writes {
            let stored = processors::stored(transaction, &write.collection, &write.key)?;
            write.require(stored.as_ref())?;
        }
        let before = Position(transaction.end);
        insert(transaction, &self.parts, &mut heads)?;
        let position = Position(transaction.end);
        for write in writes {
            processors::put(transaction, DocumentWrite { position, ..write.clone() })?;
        }
        let projections = projections(self);
        if !projections.is_empty() {
            let stored_at = clock::from_micros(transaction.stored_at);
            let written = Written { before, events: stored(&self.parts, &heads, before, stored_at) };
            for projection in projections {
                inline::take_along(transaction, &**projection, &written)?;
            }
        }
        Ok(Appended { duplicate: false, heads, position })
    }

    fn settle(
        &self,
        transaction: &Transaction<'_>,
        first: &Appended,
        again: Appended,
    ) -> Result<Appended, Fault> {
        if first.duplicate || !again.duplicate {
            return Ok(again);
        }
        // Stored by us, unless what is stored is where we did not put it.
        let Some(last) = self.parts.last().and_then(|part| part.events.last()) else { return Ok(again) };
        let mut find = transaction.prepare("SELECT position FROM events WHERE event_id = ?1")?;
        let found: Option<i64> = find.query_row([last.id.as_bytes()], |row| row.get(0)).optional()?;
        let is_ours = found.is_some_and(|position| column::unsigned(position) == first.position.0);
        Ok(if is_ours { first.clone() } else { again })
    }
}

/// The documents that go with a commit.
fn writes(commit: &Commit) -> &[DocumentWrite] {
    commit.inline.as_ref().map_or(&[], |inline| &inline.writes)
}

fn projections(commit: &Commit) -> &[Arc<dyn InlineProjection>] {
    commit.inline.as_ref().map_or(&[], |inline| &inline.projections)
}

/// Writes the events of a commit behind the end of the log.
fn insert(
    transaction: &mut Transaction<'_>,
    parts: &[Append],
    heads: &mut [StreamHead],
) -> Result<(), Fault> {
    let Transaction { guarded, end, stored_at } = transaction;
    let mut insert = guarded.prepare_cached(INSERT)?;
    for (part, head) in parts.iter().zip(heads) {
        for event in &part.events {
            *end += 1;
            head.version += 1;
            let place = (*end, head.version, *stored_at);
            write(&mut insert, &part.stream, place, event)?;
        }
    }
    Ok(())
}

/// The events of a commit as they are stored, with the heads that its streams have by now.
fn stored(
    parts: &[Append],
    heads: &[StreamHead],
    before: Position,
    stored_at: Timestamp,
) -> Vec<StoredEvent> {
    let events = parts.iter().zip(heads).flat_map(|(part, head)| {
        let first = head.version + 1 - part.events.len() as u64;
        (first..).zip(&part.events).map(|(version, event)| (&part.stream, version, event))
    });
    (before.0 + 1..)
        .zip(events)
        .map(|(position, (stream, version, event))| StoredEvent {
            position: Position(position),
            stream: stream.clone(),
            version,
            id: event.id,
            name: event.name.clone(),
            schema: event.schema,
            recorded_at: event.recorded_at,
            stored_at,
            payload: Some(event.payload.clone()),
            metadata: event.metadata.clone(),
        })
        .collect()
}

const INSERT: &str = "
INSERT INTO events
    (position, stream, category, version, event_id, name, schema, recorded_at, stored_at, metadata, payload)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

fn write(
    insert: &mut CachedStatement<'_>,
    stream: &StreamId,
    (position, version, stored_at): (u64, u64, i64),
    event: &NewEvent,
) -> Result<(), Fault> {
    let written = insert.execute(params![
        column::signed(position),
        stream.as_str(),
        stream.category(),
        column::signed(version),
        event.id.as_bytes(),
        event.name,
        event.schema,
        column::micros(event.recorded_at),
        stored_at,
        event.metadata.as_ref(),
        event.payload.as_ref(),
    ]);
    match written {
        Ok(_) => Ok(()),
        // Positions and versions are ours to give, under the write lock: what is taken is the id.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(id_taken(event.id).into())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Expected, Inline};

    #[test]
    fn the_documents_of_a_commit_count_for_its_size() {
        let commit = Commit::one(StreamId::named("a-1"), Expected::Any, Vec::new());
        let document = |body| DocumentWrite {
            collection: "c".into(),
            key: "key".into(),
            revision: None,
            position: Position(0),
            body,
        };
        let writes = vec![document(Some(vec![0; 5_000].into())), document(None)];
        let inline = Some(Box::new(Inline { writes, ..Inline::default() }));
        assert_eq!(Request::size(&commit), 0);
        assert_eq!(Request::size(&Commit { inline, ..commit }), 5_000 + 2 * (3 + 64));
    }
}
