//! Many requests in one transaction: group commit.

use super::edit::Edit;
use super::transaction::{Request, Transaction};
use super::{Durability, SqliteOpenError, schema};
use crate::store::{AppendError, BoxError, Commit};
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often a batch is committed if it stays unknown whether it was.
const ATTEMPTS: u32 = 6;

/// The pause before a batch is committed once more; it doubles each time.
const PAUSE: Duration = Duration::from_millis(10);

/// A request on its way through the writer.
pub(super) struct Task<R: Request> {
    request: R,
    /// What it will be answered, once the transaction is committed.
    outcome: Option<Result<R::Answer, AppendError>>,
    caller: oneshot::Sender<Result<R::Answer, AppendError>>,
}

/// A request of any kind.
pub(super) enum Job {
    Append(Task<Commit>),
    Edit(Task<Edit>),
}

impl<R: Request> Task<R> {
    pub fn new(request: R, caller: oneshot::Sender<Result<R::Answer, AppendError>>) -> Self {
        Self { request, outcome: None, caller }
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        let first = self.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        self.outcome = Some(transaction.run(&self.request, first)?);
        Ok(())
    }

    fn answer(self, failure: Option<&Failure>) {
        let answer = match (self.outcome, failure) {
            (Some(outcome), None) => outcome,
            (Some(Ok(_)), Some(Failure::Unknown(cause))) => {
                Err(AppendError::Ambiguous { cause: Box::new(cause.clone()) })
            }
            (_, Some(Failure::Unknown(cause) | Failure::NotStored(cause))) => {
                Err(AppendError::Unavailable { cause: Box::new(cause.clone()) })
            }
            (None, None) => Err(AppendError::Unavailable { cause: "the request was not run".into() }),
        };
        // A caller that is gone by now does not want to know.
        let _ = self.caller.send(answer);
    }
}

impl Job {
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Append(task) => task.run(transaction),
            Self::Edit(task) => task.run(transaction),
        }
    }

    pub fn size(&self) -> usize {
        match self {
            Self::Append(task) => task.request.size(),
            Self::Edit(task) => task.request.size(),
        }
    }

    /// Answers the caller: with the outcome, unless the transaction failed.
    pub fn answer(self, failure: Option<&Failure>) {
        match self {
            Self::Append(task) => task.answer(failure),
            Self::Edit(task) => task.answer(failure),
        }
    }
}

/// How a batch failed.
pub(super) enum Failure {
    /// Nothing of it is stored.
    NotStored(SharedError),
    /// It is stored or it is not.
    Unknown(SharedError),
}

/// An error that every caller of a batch is given.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct SharedError(Arc<dyn std::error::Error + Send + Sync>);

impl From<BoxError> for SharedError {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

/// The file, as the writer has it open.
pub(super) struct File {
    path: PathBuf,
    durability: Durability,
    /// None from an error on until it is opened anew.
    connection: Option<Connection>,
}

impl File {
    pub fn open(path: PathBuf, durability: Durability) -> Result<Self, SqliteOpenError> {
        let connection = Some(schema::create_or_open(&path, durability)?);
        Ok(Self { path, durability, connection })
    }

    /// The connection, if there is one just now.
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Stores a batch, and answers the position of the last event.
    ///
    /// After an error of COMMIT itself nobody knows whether the batch is stored: some of the log may be on
    /// the disk. The same batch is committed once more then, before anything else can get behind it.
    pub fn store(&mut self, batch: &mut [Job]) -> Result<u64, Failure> {
        let mut unknown = false;
        let mut attempts = 0;
        loop {
            let error = match self.attempt(batch, unknown) {
                Ok(end) => return Ok(end),
                Err(error) => error,
            };
            // With the connection goes an open transaction.
            self.connection = None;
            unknown |= error.at_commit;
            if !unknown {
                return Err(Failure::NotStored(error.cause.into()));
            }
            attempts += 1;
            tracing::warn!(attempts, error = %error.cause, "it is unknown whether a batch was stored");
            if attempts == ATTEMPTS {
                return Err(Failure::Unknown(error.cause.into()));
            }
            std::thread::sleep(PAUSE * 2_u32.pow(attempts - 1));
        }
    }

    fn attempt(&mut self, batch: &mut [Job], again: bool) -> Result<u64, AttemptError> {
        let connection = self.opened()?;
        if again {
            flush(connection)?;
        }
        let mut transaction = Transaction::begin(connection)?;
        for job in batch {
            job.run(&mut transaction)?;
        }
        let end = transaction.end;
        transaction.commit().map_err(AttemptError::at_commit)?;
        Ok(end)
    }

    fn opened(&mut self) -> Result<&Connection, SqliteOpenError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            closed => Ok(closed.insert(schema::reopen(&self.path, self.durability)?)),
        }
    }
}

/// Brings all that the log holds into the file, and both onto the disk. What is left of a batch whose COMMIT
/// failed may stand in the log without being on the disk: once found there it would be taken for stored.
fn flush(connection: &Connection) -> Result<(), AttemptError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
    if busy {
        return Err(
            SqliteOpenError::Unavailable("another connection keeps the log from the disk".into()).into()
        );
    }
    Ok(())
}

struct AttemptError {
    cause: BoxError,
    /// Whether COMMIT failed, in a way that leaves it unknown what is stored.
    at_commit: bool,
}

impl AttemptError {
    /// A full disk is known: it is the write of the log that failed, before the mark of its end.
    fn at_commit(error: rusqlite::Error) -> Self {
        let at_commit = error.sqlite_error_code() != Some(ErrorCode::DiskFull);
        Self { cause: error.into(), at_commit }
    }
}

impl From<rusqlite::Error> for AttemptError {
    fn from(error: rusqlite::Error) -> Self {
        Self { cause: error.into(), at_commit: false }
    }
}

impl From<SqliteOpenError> for AttemptError {
    fn from(error: SqliteOpenError) -> Self {
        Self { cause: error.into(), at_commit: false }
    }
}
