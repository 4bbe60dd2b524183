//! What became of a call whose answer is lost: the same is sent again, and what is stored is known by its ids.

use super::append::{self, Answer};
use super::database::{BEGIN_READING, Database};
use super::failure::{self, Failure, Fate};
use super::pool::within;
use super::text::escaped;
use super::{PgError, column};
use crate::id::Position;
use crate::store::admit::id_taken;
use crate::store::{Append, AppendError, Appended, Commit, Expected, NewEvent, StreamHead};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgBindIterExt, PgConnection};
use sqlx::{Connection, Row, SqlStr};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long something is tried, from the moment that it is sent for the first time.
const DEADLINE: Duration = Duration::from_secs(10);

/// The pause before it is; it doubles each time, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long one attempt may go without an answer, so that there is time for another one on another way. A server that
/// is there gives up before that, if all it does is wait for the lock of the log.
const PATIENCE: Duration = Duration::from_secs(7);

/// What has been tried.
#[derive(Clone)]
pub(super) struct Attempts {
    deadline: Instant,
    pause: Duration,
    /// Whether one of them may be stored.
    pub is_unknown: bool,
}

impl Attempts {
    pub fn new() -> Self {
        Self { deadline: Instant::now() + DEADLINE, pause: PAUSE, is_unknown: false }
    }

    /// Until when there is time for the attempt that begins now.
    pub fn until(&self) -> Instant {
        self.deadline.min(Instant::now() + PATIENCE)
    }

    /// Until when there is time for all of them.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Takes note of what an attempt has come to, and waits for the time of the next; `false` if there is none.
    pub async fn go_on(&mut self, fate: Fate) -> bool {
        self.is_unknown |= fate == Fate::Unknown;
        if fate == Fate::Failed && !self.is_unknown {
            return false;
        }
        let next = Instant::now() + self.pause;
        if next > self.deadline {
            return false;
        }
        tokio::time::sleep_until(next).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }

    /// What is said when there is no next attempt.
    pub fn given_up(&self, cause: Failure) -> AppendError {
        let cause = failure::cause_of(cause);
        if self.is_unknown { AppendError::Ambiguous { cause } } else { AppendError::Unavailable { cause } }
    }
}

/// The one connection that commits go by.
pub(super) struct Way {
    database: Database,
    statement: SqlStr,
    statement_for_one: SqlStr,
    /// None from an error on until the next call.
    connection: Option<PgConnection>,
}

/// Why there is no answer.
enum Stop {
    /// Because of a value in one of the commits, of which none is stored.
    Refused(PgError),
    /// It was tried for long enough.
    GivenUp(Failure),
}

type Answers = Vec<Result<Appended, AppendError>>;

impl Way {
    pub fn new(database: Database) -> Self {
        Self {
            statement: append::statement(&database),
            statement_for_one: append::statement_for_one(&database),
            database,
            connection: None,
        }
    }

    /// Stores commits in one call; answers each, and says how far the log goes, if that was heard.
    pub async fn store(&mut self, commits: &[&Commit]) -> (Answers, Position) {
        let mut attempts = Attempts::new();
        match self.answered(commits, &mut attempts).await {
            Ok(answer) => self.answers(&answer, commits, &mut attempts).await,
            Err(Stop::GivenUp(cause)) => {
                (commits.iter().map(|_| Err(attempts.given_up(cause.clone()))).collect(), Position(0))
            }
            Err(Stop::Refused(error)) => match commits {
                [commit] => (vec![Err(refusal(&self.database, commit, error).await)], Position(0)),
                _ => self.store_one_by_one(commits, &attempts).await,
            },
        }
    }

    /// Where one of the commits cannot be stored because of what is in it, the others are; as many as there is time
    /// for.
    async fn store_one_by_one(&mut self, commits: &[&Commit], before: &Attempts) -> (Answers, Position) {
        let mut answers = Vec::with_capacity(commits.len());
        let mut end = Position(0);
        let first = Attempts { is_unknown: before.is_unknown, ..Attempts::new() };
        for commit in commits {
            let mut attempts = first.clone();
            if attempts.is_over() {
                answers.push(Err(attempts.given_up(PgError::Io(std::io::ErrorKind::TimedOut.into()).into())));
                continue;
            }
            let answer = match self.answered(&[commit], &mut attempts).await {
                Ok(answer) => {
                    let (mut alone, reached) = self.answers(&answer, &[commit], &mut attempts).await;
                    end = end.max(reached);
                    answers.append(&mut alone);
                    continue;
                }
                Err(Stop::Refused(error)) => refusal(&self.database, commit, error).await,
                Err(Stop::GivenUp(cause)) => attempts.given_up(cause),
            };
            answers.push(Err(answer));
        }
        (answers, end)
    }

    /// Sends commits until there is an answer.
    async fn answered(&mut self, commits: &[&Commit], attempts: &mut Attempts) -> Result<Answer, Stop> {
        loop {
            let (fate, error) = match self.sent(commits, attempts.until()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if fate == Fate::Refused {
                return Err(Stop::Refused(error));
            }
            let cause = Failure::from(error);
            if fate == Fate::Unknown {
                tracing::warn!(%cause, "it is unknown whether commits were stored; they are sent again");
            }
            if !attempts.go_on(fate).await {
                return Err(Stop::GivenUp(cause));
            }
        }
    }

    /// Sends commits once.
    async fn sent(&mut self, commits: &[&Commit], until: Instant) -> Result<Answer, (Fate, PgError)> {
        let mut connection = self.connected(until).await.map_err(|error| (Fate::Failed, error))?;
        let answered = within(until, self.send(&mut connection, commits)).await;
        self.keep(connection, &answered);
        answered.map_err(|error| (Fate::of(&error), error))
    }

    /// The connection, which is of no use any more if what is asked on it is not answered, or given up in the middle.
    async fn connected(&mut self, until: Instant) -> Result<PgConnection, PgError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => within(until, self.database.connect_to_append()).await,
        }
    }

    fn keep<T>(&mut self, connection: PgConnection, answered: &Result<T, PgError>) {
        if answered.as_ref().err().is_none_or(|error| Fate::of(error) != Fate::Unknown) {
            self.connection = Some(connection);
        }
    }

    async fn send(&self, connection: &mut PgConnection, commits: &[&Commit]) -> Result<Answer, PgError> {
        let statement = self.statement.clone();
        if !self.database.is_pooled() {
            if let Some(one) = append::only_one(commits) {
                return append::send_one(connection, self.statement_for_one.clone(), one).await;
            }
            return append::send(connection, statement, true, commits).await;
        }
        let mut transaction = connection.begin_with(self.database.begin_statement()).await?;
        let answer = append::send(&mut transaction, statement, false, commits).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    async fn answers(
        &mut self,
        answer: &Answer,
        commits: &[&Commit],
        attempts: &mut Attempts,
    ) -> (Answers, Position) {
        let (found, end) = answer.of_each(commits);
        let mut answers = Vec::with_capacity(found.len());
        for (answer, commit) in found.into_iter().zip(commits) {
            answers.push(match answer {
                Ok(duplicate) if duplicate.duplicate && attempts.is_unknown => {
                    self.settled(commit, duplicate, attempts).await
                }
                answer => answer,
            });
        }
        (answers, end)
    }

    /// The answer to a commit that is found when it is sent again: what was answered when it was stored, if what is
    /// stored is just what was sent, and where it was to be. As long as that cannot be told, nothing can be said.
    async fn settled(
        &mut self,
        commit: &Commit,
        duplicate: Appended,
        attempts: &mut Attempts,
    ) -> Result<Appended, AppendError> {
        let Some(heads) = places(commit, &duplicate.heads) else { return Ok(duplicate) };
        loop {
            match self.found(commit, &heads, attempts.until()).await {
                Ok(Some(position)) => return Ok(Appended { duplicate: false, heads, position }),
                Ok(None) => return Ok(duplicate),
                Err(error) if attempts.go_on(Fate::Busy).await => {
                    tracing::debug!(cause = %Failure::from(error), "it is asked again whose commit is stored");
                }
                Err(error) => return Err(attempts.given_up(error.into())),
            }
        }
    }

    /// Where the events of a commit end, if all of them are as they were sent, in the places that lead to these heads.
    async fn found(
        &mut self,
        commit: &Commit,
        heads: &[StreamHead],
        until: Instant,
    ) -> Result<Option<Position>, PgError> {
        let mut connection = self.connected(until).await?;
        let looked = within(until, look(&self.database, &mut connection, commit, heads)).await;
        self.keep(connection, &looked);
        looked
    }
}

/// The heads that a commit leads to if it is stored where it was to be; `None` where no certain place was asked for, so
/// that it cannot be told from what somebody else has stored.
fn places(commit: &Commit, now: &[StreamHead]) -> Option<Vec<StreamHead>> {
    let place = |(part, now): (&Append, &StreamHead)| {
        let version = match part.expected {
            Expected::NoStream => 0,
            Expected::Exact(version) => version,
            Expected::Any | Expected::Exists => return None,
        };
        // They only rise, and a stream without events has none.
        let edits = part.edits.or((version == 0 || now.edits == 0).then_some(0))?;
        Some(StreamHead { version: version + part.events.len() as u64, edits, closed: false })
    };
    commit.parts.iter().zip(now).map(place).collect()
}

async fn look(
    database: &Database,
    connection: &mut PgConnection,
    commit: &Commit,
    heads: &[StreamHead],
) -> Result<Option<Position>, PgError> {
    const LOOK: &str = "SELECT count(*), max(stored.position)
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            AS sent (id, stream, version, name, schema, recorded_at, metadata, payload)
        JOIN {es}.events AS stored ON stored.event_id = sent.id
        WHERE (stored.stream, stored.version, stored.name, stored.schema, stored.recorded_at, stored.metadata,
            stored.payload) = (sent.stream, sent.version, sent.name, sent.schema, sent.recorded_at, sent.metadata,
            sent.payload)";
    let sent = || {
        commit.parts.iter().zip(heads).flat_map(|(part, head)| {
            let first = head.version + 1 - part.events.len() as u64;
            (first..).zip(&part.events).map(move |(version, event)| (&part.stream, version, event))
        })
    };
    let query = database
        .query(LOOK)
        .bind(sent().map(|(_, _, event)| event.id).bind_iter())
        .bind(sent().map(|(stream, ..)| escaped(stream.as_str())).bind_iter())
        .bind(sent().map(|(_, version, _)| column::signed(version)).bind_iter())
        .bind(sent().map(|(_, _, event)| escaped(&event.name)).bind_iter())
        .bind(sent().map(|(_, _, event)| event.schema.cast_signed()).bind_iter())
        .bind(sent().map(|(_, _, event)| event.recorded_at.as_microsecond()).bind_iter())
        .bind(sent().map(|(_, _, event)| event.metadata.as_ref()).bind_iter())
        .bind(sent().map(|(_, _, event)| event.payload.as_ref()).bind_iter());
    let row = if database.is_pooled() {
        let mut transaction = connection.begin_with(BEGIN_READING).await?;
        let row = query.fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        row
    } else {
        query.fetch_one(connection).await?
    };
    let (found, last): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let is_all = column::unsigned(found) == sent().count() as u64;
    Ok(last.filter(|_| is_all).map(|last| Position(column::unsigned(last))))
}

/// Why a commit cannot be stored: mostly one of its ids is.
pub(super) async fn refusal(database: &Database, commit: &Commit, error: PgError) -> AppendError {
    let is_unique = error.as_database_error().is_some_and(DatabaseError::is_unique_violation);
    let cause = Failure::from(error);
    if !is_unique {
        return AppendError::Invalid { reason: cause.to_string() };
    }
    let mut ids = HashSet::new();
    let twice = |event: &&NewEvent| !ids.insert(event.id);
    if let Some(event) = commit.parts.iter().flat_map(|part| &part.events).find(twice) {
        return id_taken(event.id);
    }
    let query = || {
        let ids = commit.parts.iter().flat_map(|part| &part.events).map(|event| event.id);
        database
            .query("SELECT event_id FROM {es}.events WHERE event_id = ANY ($1) LIMIT 1")
            .bind(ids.bind_iter())
    };
    match database.rows(query).await.map(|rows| rows.first().map(|row| row.try_get(0))) {
        Ok(Some(Ok(id))) => id_taken(id),
        _ => AppendError::Unavailable { cause: cause.into() },
    }
}
