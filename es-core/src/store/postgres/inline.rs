//! Commits with documents or projections: each is a transaction of its own, which holds the lock of the log.

use super::along::{Company, Written};
use super::append;
use super::database::Database;
use super::failure::{self, Failure, Fate};
use super::pool::{Pool, within};
use super::settle::{self, Attempts};
use super::text::escaped;
use super::tx::PgTx;
use super::{PgError, column};
use crate::id::{Position, StreamId};
use crate::store::{
    AppendError, Appended, BoxError, Commit, DocumentWrite, Inline, NewEvent, StoredEvent, StreamHead,
};
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::postgres::{PgBindIterExt, PgRow};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Why a commit was not stored by an attempt.
pub(super) enum Stop {
    /// It must not be.
    Answer(AppendError),
    /// The database could not, before it was asked for the COMMIT.
    Failed(PgError),
    /// The database was in the way of a projection.
    InTheWay(BoxError),
    /// The COMMIT failed.
    Open(PgError),
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        Self::Answer(error)
    }
}

impl From<PgError> for Stop {
    fn from(error: PgError) -> Self {
        Self::Failed(error)
    }
}

/// Stores a commit with what goes with it. If an answer is lost, the same is sent again: what is stored is known by
/// its ids.
pub(super) async fn append(
    database: &Database,
    workroom: &Pool,
    commit: &Commit,
) -> Result<Appended, AppendError> {
    let mut attempts = Attempts::new();
    let mut sent = None;
    loop {
        let (fate, cause) = match attempt(database, workroom, commit, &mut sent, attempts.deadline()).await {
            Ok(appended) => return Ok(appended),
            Err(Stop::Answer(AppendError::Unavailable { cause })) if attempts.is_unknown => {
                return Err(AppendError::Ambiguous { cause });
            }
            Err(Stop::Answer(error)) => return Err(error),
            Err(Stop::InTheWay(cause)) => (Fate::Busy, cause),
            Err(Stop::Open(error)) => (Fate::of(&error), failure::cause(error)),
            Err(Stop::Failed(error)) => match Fate::of(&error) {
                Fate::Refused => return Err(settle::refusal(database, commit, error).await),
                Fate::Unknown => (Fate::Busy, failure::cause(error)),
                fate => (fate, failure::cause(error)),
            },
        };
        if !attempts.go_on(fate).await {
            return Err(if attempts.is_unknown {
                AppendError::Ambiguous { cause }
            } else {
                AppendError::Unavailable { cause }
            });
        }
    }
}

/// Sends a commit once. What it would be answered is in `sent` from the COMMIT on.
async fn attempt(
    database: &Database,
    workroom: &Pool,
    commit: &Commit,
    sent: &mut Option<Appended>,
    until: Instant,
) -> Result<Appended, Stop> {
    let mut tx = within(until, PgTx::begin(database, workroom)).await?;
    let appended = match within(until, write(database, &mut tx, commit)).await {
        Ok(appended) if !appended.duplicate => appended,
        Ok(duplicate) => {
            let settled = settled(&mut tx, database, commit, sent.as_ref(), duplicate);
            return Ok(within(until, settled).await?);
        }
        Err(stop) => {
            // What has stopped it says more than this.
            let _ = within(until, tx.roll_back()).await;
            return Err(stop);
        }
    };
    *sent = Some(appended.clone());
    within(until, tx.commit()).await.map_err(|error| refused_by_commit(commit, error))?;
    Ok(appended)
}

/// The answer to a commit that is found: stored by us, unless what is stored is where we did not put it.
async fn settled(
    tx: &mut PgTx,
    database: &Database,
    commit: &Commit,
    sent: Option<&Appended>,
    duplicate: Appended,
) -> Result<Appended, PgError> {
    let last = commit.parts.last().and_then(|part| part.events.last());
    let (Some(first), Some(last)) = (sent, last) else { return Ok(duplicate) };
    let find = database.query("SELECT position FROM {es}.events WHERE event_id = $1").bind(last.id);
    let found = find.fetch_optional(&mut **tx).await?;
    let found = found.map(|row| column::position(&row, 0)).transpose()?;
    Ok(if found == Some(first.position) { first.clone() } else { duplicate })
}

/// Rows may refer to others that are not there; whose rows, PostgreSQL does not say.
fn refused_by_commit(commit: &Commit, error: PgError) -> Stop {
    let mut names = commit.inline.iter().flat_map(|inline| &inline.projections).map(|one| one.name());
    match (Fate::of(&error), names.next()) {
        (Fate::Refused, Some(first)) => {
            let projection = names.fold(first.to_owned(), |names, name| format!("{names} or {name}"));
            Stop::Answer(AppendError::Inline { projection, cause: Failure::from(error).into() })
        }
        _ => Stop::Open(error),
    }
}

/// Writes all of it, but for the COMMIT.
async fn write(database: &Database, tx: &mut PgTx, commit: &Commit) -> Result<Appended, Stop> {
    let is_kept = !database.is_pooled();
    let answer = append::send(tx, append::statement(database), is_kept, &[commit]).await?;
    let answered = answer.of_each(&[commit]).0.pop();
    let appended = answered.unwrap_or_else(|| Err(AppendError::Unavailable { cause: "no answer".into() }))?;
    let Some(inline) = commit.inline.as_deref().filter(|_| !appended.duplicate) else { return Ok(appended) };
    // The processors first, then the documents, as whoever advances does.
    let company = Company::hold(database, tx, &inline.projections).await?;
    require(database, tx, inline, &company).await?;
    let position = appended.position;
    let writes = inline.writes.iter().map(|write| DocumentWrite { position, ..write.clone() });
    put(database, tx, &writes.collect::<Vec<_>>()).await?;
    if !inline.projections.is_empty() {
        let written = Written { before: answer.before, events: stored(commit, &appended.heads, &answer) };
        company.take(database, tx, &written).await?;
    }
    Ok(appended)
}

/// Makes sure that the documents are as they were when the commit was decided, and the ledgers as they were read, and
/// stay so.
async fn require(
    database: &Database,
    tx: &mut PgTx,
    inline: &Inline,
    company: &Company<'_>,
) -> Result<(), Stop> {
    const LOCK: &str = "SELECT stored.collection, stored.key, stored.revision
        FROM unnest($1, $2) AS known (collection, key) JOIN {es}.documents AS stored USING (collection, key)
        ORDER BY stored.collection, stored.key FOR UPDATE OF stored";
    let required = inline.requires.iter().map(|one| (&one.collection, &one.key, Some(one.revision)));
    let written = inline.writes.iter().map(|one| (&one.collection, &one.key, one.revision));
    let known: Vec<(&Arc<str>, &String, Option<u64>)> = required.chain(written).collect();
    let places = || {
        let known = known.iter().map(|&(collection, key, _)| (&**collection, key.as_str()));
        known.chain(company.ledgers().map(|(collection, key, _)| (collection, key)))
    };
    if places().next().is_none() {
        return Ok(());
    }
    let rows = database
        .query(LOCK)
        .bind(places().map(|(collection, _)| escaped(collection)).bind_iter())
        .bind(places().map(|(_, key)| escaped(key)).bind_iter())
        .fetch_all(&mut **tx)
        .await?;
    let revision = |row: &PgRow| -> Result<((String, String), u64), PgError> {
        Ok(((row.try_get(0)?, row.try_get(1)?), column::unsigned(row.try_get(2)?)))
    };
    let stored: HashMap<_, _> = rows.iter().map(revision).collect::<Result<_, _>>()?;
    let found = |collection: &str, key: &str| {
        let place = (escaped(collection).into_owned(), escaped(key).into_owned());
        stored.get(&place).copied().unwrap_or(0)
    };
    for (collection, key, read_at) in &known {
        if read_at.is_some_and(|read_at| read_at != found(collection, key)) {
            let (collection, key) = (Arc::clone(collection), (*key).clone());
            return Err(AppendError::Changed { collection, key }.into());
        }
    }
    if company.ledgers().any(|(collection, key, read_at)| read_at != found(collection, key)) {
        return Err(Stop::InTheWay("the builds of a projection have changed meanwhile".into()));
    }
    Ok(())
}

/// Writes documents, whatever is there.
pub(super) async fn put(database: &Database, tx: &mut PgTx, writes: &[DocumentWrite]) -> Result<(), PgError> {
    const DROP: &str = "DELETE FROM {es}.documents AS stored USING unnest($1, $2) AS gone (collection, key)
        WHERE stored.collection = gone.collection AND stored.key = gone.key";
    const PUT: &str = "INSERT INTO {es}.documents AS stored (collection, key, revision, position, body)
        SELECT collection, key, 1, position, body FROM unnest($1, $2, $3, $4) AS sent (collection, key, position, body)
        ORDER BY collection, key
        ON CONFLICT (collection, key) DO UPDATE
            SET revision = stored.revision + 1, position = excluded.position, body = excluded.body";
    let (kept, gone): (Vec<_>, Vec<_>) = writes.iter().partition(|write| write.body.is_some());
    let collections = |some: &[&DocumentWrite]| -> Vec<String> {
        some.iter().map(|write| escaped(&write.collection).into_owned()).collect()
    };
    let keys = |some: &[&DocumentWrite]| -> Vec<String> {
        some.iter().map(|write| escaped(&write.key).into_owned()).collect()
    };
    if !gone.is_empty() {
        database.query(DROP).bind(collections(&gone)).bind(keys(&gone)).execute(&mut **tx).await?;
    }
    if !kept.is_empty() {
        database
            .query(PUT)
            .bind(collections(&kept))
            .bind(keys(&kept))
            .bind(kept.iter().map(|write| column::signed(write.position.0)).bind_iter())
            .bind(kept.iter().filter_map(|write| write.body.as_ref()).map(Bytes::as_ref).bind_iter())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The events of a commit as they are stored, with the heads that its streams have by now.
fn stored(commit: &Commit, heads: &[StreamHead], answer: &append::Answer) -> Vec<StoredEvent> {
    let places = commit.parts.iter().zip(heads).flat_map(|(part, head)| {
        let first = head.version + 1 - part.events.len() as u64;
        (first..).zip(&part.events).map(move |(version, event)| (part, version, event))
    });
    (answer.before.0 + 1..)
        .zip(places)
        .map(|(position, (part, version, event))| {
            stored_event(position, version, answer.stored_at, part.stream.clone(), event)
        })
        .collect()
}

fn stored_event(
    position: u64,
    version: u64,
    stored_at: Timestamp,
    stream: StreamId,
    event: &NewEvent,
) -> StoredEvent {
    StoredEvent {
        position: Position(position),
        stream,
        version,
        id: event.id,
        name: event.name.clone(),
        schema: event.schema,
        recorded_at: event.recorded_at,
        stored_at,
        payload: Some(event.payload.clone()),
        metadata: event.metadata.clone(),
    }
}
