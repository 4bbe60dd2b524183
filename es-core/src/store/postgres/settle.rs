//! What became of a call whose answer is lost: the same is sent again, and what is stored is known by its ids.

use super::append::{self, Answer};
use super::database::Database;
use super::failure::{self, Failure, Fate};
use super::{PgError, column};
use crate::id::Position;
use crate::store::admit::id_taken;
use crate::store::{AppendError, Appended, Commit, Expected, NewEvent, StreamHead};
use sqlx::postgres::{PgBindIterExt, PgConnection};
use sqlx::{Connection, Row, SqlStr};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long something is sent again.
const DEADLINE: Duration = Duration::from_secs(10);

/// The pause before it is; it doubles each time, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long a call may go without an answer. The server gives up before that, if it is there.
const PATIENCE: Duration = Duration::from_secs(20);

/// What has been tried.
#[derive(Clone)]
pub(super) struct Attempts {
    deadline: Option<Instant>,
    pause: Duration,
    /// Whether one of them may be stored.
    pub is_unknown: bool,
}

impl Attempts {
    pub fn new() -> Self {
        Self { deadline: None, pause: PAUSE, is_unknown: false }
    }

    /// Takes note of what an attempt has come to, and waits for the time of the next; `false` if there is none.
    pub async fn go_on(&mut self, fate: Fate) -> bool {
        self.is_unknown |= fate == Fate::Unknown;
        if fate == Fate::Failed && !self.is_unknown {
            return false;
        }
        let next = Instant::now() + self.pause;
        if next > *self.deadline.get_or_insert(Instant::now() + DEADLINE) {
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
        Self { statement: append::statement(&database), database, connection: None }
    }

    /// Stores commits in one call; answers each, and says how far the log goes, if that was heard.
    pub async fn store(&mut self, commits: &[&Commit]) -> (Answers, Position) {
        let mut attempts = Attempts::new();
        match self.answered(commits, &mut attempts).await {
            Ok(answer) => self.answers(&answer, commits, &attempts).await,
            Err(Stop::GivenUp(cause)) => {
                (commits.iter().map(|_| Err(attempts.given_up(cause.clone()))).collect(), Position(0))
            }
            Err(Stop::Refused(error)) => match commits {
                [commit] => (vec![Err(self.refusal(commit, error).await)], Position(0)),
                _ => self.store_one_by_one(commits, &attempts).await,
            },
        }
    }

    /// Where one of the commits cannot be stored because of what is in it, the others are.
    async fn store_one_by_one(&mut self, commits: &[&Commit], before: &Attempts) -> (Answers, Position) {
        let mut answers = Vec::with_capacity(commits.len());
        let mut end = Position(0);
        for commit in commits {
            let mut attempts = Attempts { is_unknown: before.is_unknown, ..Attempts::new() };
            let answer = match self.answered(&[commit], &mut attempts).await {
                Ok(answer) => {
                    let (mut alone, reached) = self.answers(&answer, &[commit], &attempts).await;
                    end = end.max(reached);
                    answers.append(&mut alone);
                    continue;
                }
                Err(Stop::Refused(error)) => self.refusal(commit, error).await,
                Err(Stop::GivenUp(cause)) => attempts.given_up(cause),
            };
            answers.push(Err(answer));
        }
        (answers, end)
    }

    /// Sends commits until there is an answer.
    async fn answered(&mut self, commits: &[&Commit], attempts: &mut Attempts) -> Result<Answer, Stop> {
        loop {
            let (fate, error) = match self.sent(commits).await {
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
    async fn sent(&mut self, commits: &[&Commit]) -> Result<Answer, (Fate, PgError)> {
        // Of no use any more if this is not answered, or given up in the middle.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connect().await.map_err(|error| (Fate::Failed, error))?,
        };
        let sending = self.send(&mut connection, commits);
        let answered = tokio::time::timeout(PATIENCE, sending).await;
        let answered = answered.unwrap_or_else(|_| Err(PgError::Io(std::io::ErrorKind::TimedOut.into())));
        if answered.as_ref().err().is_none_or(|error| Fate::of(error) != Fate::Unknown) {
            self.connection = Some(connection);
        }
        answered.map_err(|error| (Fate::of(&error), error))
    }

    async fn send(&self, connection: &mut PgConnection, commits: &[&Commit]) -> Result<Answer, PgError> {
        let statement = self.statement.clone();
        if !self.database.is_pooled() {
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
        attempts: &Attempts,
    ) -> (Answers, Position) {
        let (mut answers, end) = answer.of_each(commits);
        if attempts.is_unknown {
            for (answer, commit) in answers.iter_mut().zip(commits) {
                if let Ok(appended) = answer
                    && appended.duplicate
                    && let Ok(Some(ours)) = self.ours(commit, &appended.heads).await
                {
                    *appended = ours;
                }
            }
        }
        (answers, end)
    }

    /// What was answered to a commit when it was stored, if what is stored is just what was sent, and where it
    /// was to be. Without a certain place that cannot be told from what somebody else has stored.
    async fn ours(&mut self, commit: &Commit, heads: &[StreamHead]) -> Result<Option<Appended>, PgError> {
        let mut places = Vec::with_capacity(commit.parts.len());
        for (part, head) in commit.parts.iter().zip(heads) {
            let version = match part.expected {
                Expected::NoStream => 0,
                Expected::Exact(version) => version,
                Expected::Any | Expected::Exists => return Ok(None),
            };
            if part.edits != Some(head.edits) {
                return Ok(None);
            }
            places.push(StreamHead { version: version + part.events.len() as u64, closed: false, ..*head });
        }
        let Some(connection) = &mut self.connection else { return Ok(None) };
        let versions = commit.parts.iter().zip(&places).flat_map(|(part, head)| {
            (head.version + 1 - part.events.len() as u64..=head.version).map(column::signed)
        });
        let events = || commit.parts.iter().flat_map(|part| &part.events);
        let row = self
            .database
            .query(
                "SELECT count(*), max(stored.position) FROM {es}.events AS stored
                 JOIN unnest($1, $2, $3, $4) AS sent (id, version, metadata, payload) ON stored.event_id = sent.id
                 WHERE stored.version = sent.version AND stored.metadata = sent.metadata
                    AND stored.payload = sent.payload",
            )
            .bind(events().map(|event| event.id).bind_iter())
            .bind(versions.bind_iter())
            .bind(events().map(|event| event.metadata.as_ref()).bind_iter())
            .bind(events().map(|event| event.payload.as_ref()).bind_iter())
            .fetch_one(connection)
            .await?;
        let (found, last): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let is_ours = column::unsigned(found) == events().count() as u64;
        let position = Position(column::unsigned(last.unwrap_or(0)));
        Ok(is_ours.then_some(Appended { duplicate: false, heads: places, position }))
    }

    /// Why a commit cannot be stored: mostly one of its ids is.
    async fn refusal(&mut self, commit: &Commit, error: PgError) -> AppendError {
        let is_unique = error.as_database_error().is_some_and(|error| error.is_unique_violation());
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
            self.database
                .query("SELECT event_id FROM {es}.events WHERE event_id = ANY ($1) LIMIT 1")
                .bind(ids.bind_iter())
        };
        match self.database.rows(query).await.map(|rows| rows.first().map(|row| row.try_get(0))) {
            Ok(Some(Ok(id))) => id_taken(id),
            _ => AppendError::Unavailable { cause: cause.into() },
        }
    }
}
