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
            (Some(Ok(_)) | None, Some(Failure::Unknown(cause))) => {
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
    /// Whether the log may hold what is not on the disk: what is left of a batch whose COMMIT failed, here or
    /// in a process that was killed. Once it is found it would be taken for stored.
    in_doubt: bool,
}

impl File {
    pub fn open(path: PathBuf, durability: Durability) -> Result<Self, SqliteOpenError> {
        let connection = Some(schema::create_or_open(&path, durability)?);
        Ok(Self { path, durability, connection, in_doubt: true })
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
        // A request that was answered as unknown may be here again: then it still is.
        let mut unknown = self.in_doubt;
        let mut attempts = 0;
        loop {
            let cause = match self.attempt(batch) {
                Ok(end) => return Ok(end),
                Err(cause) => cause,
            };
            // With the connection goes an open transaction.
            self.connection = None;
            unknown |= self.in_doubt;
            if !unknown {
                return Err(Failure::NotStored(cause.into()));
            }
            attempts += 1;
            tracing::warn!(attempts, error = %cause, "it is unknown whether a batch was stored");
            if attempts == ATTEMPTS {
                return Err(Failure::Unknown(cause.into()));
            }
            std::thread::sleep(PAUSE * 2_u32.pow(attempts - 1));
        }
    }

    fn attempt(&mut self, batch: &mut [Job]) -> Result<u64, BoxError> {
        if self.in_doubt {
            flush(self.opened()?)?;
            self.in_doubt = false;
        }
        let mut transaction = Transaction::begin(self.opened()?)?;
        for job in batch {
            job.run(&mut transaction)?;
        }
        let end = transaction.end;
        let committed = transaction.commit();
        if let Err(error) = &committed {
            // A full disk is no doubt: it was the log that could not be written, up to the mark of its end.
            self.in_doubt = error.sqlite_error_code() != Some(ErrorCode::DiskFull);
        }
        Ok(committed.map(|()| end)?)
    }

    fn opened(&mut self) -> Result<&Connection, SqliteOpenError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            closed => Ok(closed.insert(schema::reopen(&self.path, self.durability)?)),
        }
    }
}

/// Brings all that the log holds into the file, and both onto the disk.
fn flush(connection: &Connection) -> Result<(), BoxError> {
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
    if is_busy { Err("another connection keeps the log from the disk".into()) } else { Ok(()) }
}
