//! Many commits in one call: its arguments, and its answers.

use super::PgError;
use super::column;
use super::database::Database;
use super::text::escaped;
use crate::id::Position;
use crate::store::admit::id_taken;
use crate::store::{Append, AppendError, Appended, Commit, Expected, Fence, NewEvent, StreamHead, clock};
use jiff::Timestamp;
use sqlx::postgres::{PgBindIterExt, PgConnection, PgRow};
use sqlx::{Row, SqlStr};

/// The statement that calls `append`. It is made once: every call looks for it by its text.
pub(super) fn statement(database: &Database) -> SqlStr {
    database.sql(
        "SELECT before, stored_at, outcomes, fenced, versions, edits, closed FROM {es}.append
            ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
}

/// The statement that calls `append_one`.
pub(super) fn statement_for_one(database: &Database) -> SqlStr {
    database.sql(
        "SELECT before, stored_at, outcome, version, edits, closed FROM {es}.append_one
            ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
}

/// What is expected, as the schema's functions take it.
pub(super) fn expectation(expected: Expected) -> i64 {
    match expected {
        Expected::Any => -1,
        Expected::Exists => -2,
        Expected::NoStream => 0,
        Expected::Exact(version) => column::signed(version),
    }
}

/// A part of a call.
struct Part<'a> {
    /// The number of its commit in the call.
    commit: i32,
    append: &'a Append,
    /// The events of the call before it.
    before: i32,
}

/// Stores commits, each whole or not at all, by one statement. No stream stands in two of them.
///
/// In a transaction of its own this is the first statement, since it takes the lock of the log; and whatever
/// is not stored ends it.
pub(super) async fn send(
    connection: &mut PgConnection,
    statement: SqlStr,
    is_kept: bool,
    commits: &[&Commit],
) -> Result<Answer, PgError> {
    let parts = parts(commits);
    let fences = || (1_i32..).zip(commits).filter_map(|(n, commit)| Some((n, commit.fence.as_ref()?)));
    let events = || parts.iter().flat_map(|part| &part.append.events);
    let first = |part: &Part<'_>| part.append.events.first().map(|event| event.id).unwrap_or_default();
    let row = sqlx::query(statement)
        .persistent(is_kept)
        .bind(parts.iter().map(|part| part.commit).bind_iter())
        .bind(parts.iter().map(|part| escaped(part.append.stream.as_str())).bind_iter())
        .bind(parts.iter().map(|part| expectation(part.append.expected)).bind_iter())
        .bind(parts.iter().map(|part| part.append.edits.map_or(-1, column::signed)).bind_iter())
        .bind(parts.iter().map(|part| part.before).bind_iter())
        .bind(parts.iter().map(first).bind_iter())
        .bind(fences().map(|(n, _)| n).bind_iter())
        .bind(fences().map(|(_, fence): (i32, &Fence)| escaped(&fence.processor)).bind_iter())
        .bind(fences().map(|(_, fence)| column::signed(fence.epoch)).bind_iter())
        .bind(
            (1_i32..).zip(&parts).flat_map(|(n, part)| part.append.events.iter().map(move |_| n)).bind_iter(),
        )
        .bind(events().map(|event| event.id).bind_iter())
        .bind(events().map(|event: &NewEvent| escaped(&event.name)).bind_iter())
        .bind(events().map(|event| event.schema.cast_signed()).bind_iter())
        .bind(events().map(|event| event.recorded_at.as_microsecond()).bind_iter())
        .bind(events().map(|event| event.metadata.as_ref()).bind_iter())
        .bind(events().map(|event| event.payload.as_ref()).bind_iter())
        .fetch_one(connection)
        .await?;
    Answer::of(&row)
}

/// The part and the event of commits that can be [sent as one](send_one).
pub(super) fn only_one<'a>(commits: &[&'a Commit]) -> Option<(&'a Append, &'a NewEvent)> {
    match commits {
        [Commit { parts, fence: None, .. }] => match &parts[..] {
            [part] => part.events.first().filter(|_| part.events.len() == 1).map(|event| (part, event)),
            _ => None,
        },
        _ => None,
    }
}

/// Stores a commit of one event, by one statement: the same as [`send`] in less time. It is for sessions in which
/// tables are not scanned.
pub(super) async fn send_one(
    connection: &mut PgConnection,
    statement: SqlStr,
    (part, event): (&Append, &NewEvent),
) -> Result<Answer, PgError> {
    let row = sqlx::query(statement)
        .bind(escaped(part.stream.as_str()))
        .bind(expectation(part.expected))
        .bind(part.edits.map_or(-1, column::signed))
        .bind(event.id)
        .bind(escaped(&event.name))
        .bind(event.schema.cast_signed())
        .bind(event.recorded_at.as_microsecond())
        .bind(&event.metadata[..])
        .bind(&event.payload[..])
        .fetch_one(connection)
        .await?;
    Answer::of_one_row(&row)
}

fn parts<'a>(commits: &[&'a Commit]) -> Vec<Part<'a>> {
    let mut before = 0;
    let mut parts = Vec::with_capacity(commits.len());
    for (n, commit) in (1..).zip(commits) {
        for append in &commit.parts {
            parts.push(Part { commit: n, append, before });
            // A call is far smaller than what this could hold.
            before += i32::try_from(append.events.len()).unwrap_or(i32::MAX);
        }
    }
    parts
}

/// What `append` answers.
pub(super) struct Answer {
    /// The end of the log before the call.
    pub before: Position,
    /// When its events were stored.
    pub stored_at: Timestamp,
    /// What was found of each part: see `append.sql`.
    outcomes: String,
    fenced: Vec<i32>,
    /// The heads of the parts' streams before the call.
    versions: Vec<i64>,
    edits: Vec<i64>,
    closed: Vec<bool>,
}

impl Answer {
    fn of(row: &PgRow) -> Result<Self, PgError> {
        Ok(Self {
            before: Position(column::unsigned(row.try_get(0)?)),
            stored_at: clock::from_micros(row.try_get(1)?),
            outcomes: row.try_get(2)?,
            fenced: row.try_get(3)?,
            versions: row.try_get(4)?,
            edits: row.try_get(5)?,
            closed: row.try_get(6)?,
        })
    }

    fn of_one_row(row: &PgRow) -> Result<Self, PgError> {
        Ok(Self {
            before: Position(column::unsigned(row.try_get(0)?)),
            stored_at: clock::from_micros(row.try_get(1)?),
            outcomes: row.try_get(2)?,
            fenced: Vec::new(),
            versions: vec![row.try_get(3)?],
            edits: vec![row.try_get(4)?],
            closed: vec![row.try_get(5)?],
        })
    }

    /// What each of the commits is answered, in their order, and the end of the log behind them.
    pub fn of_each(&self, commits: &[&Commit]) -> (Vec<Result<Appended, AppendError>>, Position) {
        let mut end = self.before;
        let mut first = 0;
        let mut answers = Vec::with_capacity(commits.len());
        for (n, commit) in (1..).zip(commits) {
            answers.push(self.of_one(commit, first, self.fenced.contains(&n), &mut end));
            first += commit.parts.len();
        }
        (answers, end)
    }

    /// The answer to a commit whose parts begin at `first`. The order of the checks is that of every store.
    fn of_one(
        &self,
        commit: &Commit,
        first: usize,
        is_fenced: bool,
        end: &mut Position,
    ) -> Result<Appended, AppendError> {
        let outcomes = self.outcomes.as_bytes().get(first..first + commit.parts.len()).unwrap_or_default();
        let mut heads: Vec<_> = (first..first + commit.parts.len()).map(|part| self.head(part)).collect();
        if outcomes.contains(&b'D') {
            return Ok(Appended { duplicate: true, heads, position: *end });
        }
        if let (Some(fence), true) = (&commit.fence, is_fenced) {
            return Err(AppendError::Fenced { processor: fence.processor.clone() });
        }
        let parts = || outcomes.iter().zip(&commit.parts).zip(&heads);
        if let Some(((_, part), _)) = parts().find(|((outcome, _), _)| **outcome == b'I') {
            return Err(id_taken(part.events.first().map(|event| event.id).unwrap_or_default()));
        }
        for ((outcome, part), head) in parts() {
            let stream = part.stream.clone();
            match outcome {
                b'X' => return Err(AppendError::Closed { stream }),
                b'C' => {
                    let (expected, actual) = (part.expected, head.version);
                    return Err(AppendError::Conflict { stream, expected, actual });
                }
                _ => {}
            }
        }
        for (head, part) in heads.iter_mut().zip(&commit.parts) {
            head.version += part.events.len() as u64;
            end.0 += part.events.len() as u64;
        }
        Ok(Appended { duplicate: false, heads, position: *end })
    }

    fn head(&self, part: usize) -> StreamHead {
        let number = |numbers: &[i64]| numbers.get(part).copied().map_or(0, column::unsigned);
        StreamHead {
            version: number(&self.versions),
            edits: number(&self.edits),
            closed: self.closed.get(part).copied().unwrap_or(false),
        }
    }
}
