//! Many requests in one transaction: group commit.

use super::doubt::Doubt;
use super::edit::Edit;
use super::transaction::{Request, Transaction};
use super::{Durability, SqliteOpenError, schema};
use crate::store::{AppendError, BoxError, Commit};
use rusqlite::{Connection, ErrorCode};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// How often a batch is committed if it stays unknown whether it was.
const ATTEMPTS: u32 = 6;

/// The pause before a batch is committed once more; it doubles each time.
const PAUSE: Duration = Duration::from_millis(10);

/// A request on its way through the writer.
pub(super) struct Task<R: Request> {
    request: R,
    /// What it will be answered, once the transaction is committed.
    outcome: Option<Result<R::Answer, AppendError>>,
    /// Whether it may be stored though no COMMIT with it has succeeded.
    is_unknown: bool,
    caller: oneshot::Sender<Result<R::Answer, AppendError>>,
}

/// A request of any kind.
pub(super) enum Job {
    Append(Task<Commit>),
    Edit(Task<Edit>),
}

impl<R: Request> Task<R> {
    pub fn new(request: R, caller: oneshot::Sender<Result<R::Answer, AppendError>>) -> Self {
        Self { request, outcome: None, is_unknown: false, caller }
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        let first = self.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        self.outcome = Some(transaction.run(&self.request, first)?);
        Ok(())
    }

    /// Takes note that it may be stored; with the key that it is known again by. One that was refused is not.
    fn doubt(&mut self) -> Option<Uuid> {
        if matches!(self.outcome, Some(Err(_))) {
            return None;
        }
        self.is_unknown = true;
        self.request.key()
    }

    fn answer(self, failure: Option<&SharedError>) {
        let answer = match (self.outcome, failure) {
            (Some(outcome), None) => outcome,
            (Some(Ok(_)) | None, Some(cause)) if self.is_unknown => {
                Err(AppendError::Ambiguous { cause: Box::new(cause.clone()) })
            }
            (_, Some(cause)) => Err(AppendError::Unavailable { cause: Box::new(cause.clone()) }),
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

    fn key(&self) -> Option<Uuid> {
        match self {
            Self::Append(task) => task.request.key(),
            Self::Edit(task) => task.request.key(),
        }
    }

    fn is_unknown(&self) -> bool {
        match self {
            Self::Append(task) => task.is_unknown,
            Self::Edit(task) => task.is_unknown,
        }
    }

    fn doubt(&mut self) -> Option<Uuid> {
        match self {
            Self::Append(task) => task.doubt(),
            Self::Edit(task) => task.doubt(),
        }
    }

    /// Answers the caller: with the outcome, unless the transaction failed.
    pub fn answer(self, failure: Option<&SharedError>) {
        match self {
            Self::Append(task) => task.answer(failure),
            Self::Edit(task) => task.answer(failure),
        }
    }
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
    /// Whether all that is in the log is on the disk.
    doubt: Doubt,
    /// The keys of requests whose COMMIT failed, until a later one succeeds. They may be sent again.
    unknown: HashSet<Uuid>,
}

impl File {
    pub fn open(path: PathBuf, durability: Durability) -> Result<Self, SqliteOpenError> {
        let connection = Some(schema::create_or_open(&path, durability)?);
        Ok(Self { path, durability, connection, doubt: Doubt::Found, unknown: HashSet::new() })
    }

    /// The connection, if there is one just now.
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Stores a batch, and answers the position of the last event.
    ///
    /// After an error of COMMIT itself nobody knows whether the batch is stored: some of the log may be on
    /// the disk. The same batch is committed once more then, before anything else can get behind it.
    pub fn store(&mut self, batch: &mut [Job]) -> Result<u64, SharedError> {
        for job in batch.iter_mut() {
            self.recall(job);
        }
        let mut attempts = 0;
        loop {
            let cause = match self.attempt(batch) {
                Ok(end) => return Ok(end),
                Err(cause) => cause,
            };
            // With the connection goes an open transaction.
            self.connection = None;
            attempts += 1;
            if attempts == ATTEMPTS || !batch.iter().any(Job::is_unknown) {
                self.look_for(batch);
                return Err(cause.into());
            }
            tracing::warn!(attempts, error = %cause, "it is unknown whether a batch was stored");
            std::thread::sleep(PAUSE * 2_u32.pow(attempts - 1));
        }
    }

    fn attempt(&mut self, batch: &mut [Job]) -> Result<u64, BoxError> {
        self.opened()?;
        let Self { connection: Some(connection), doubt, path, .. } = self else {
            return Err("the file is not open".into());
        };
        doubt.settle(connection, path)?;
        let mut transaction = Transaction::begin(connection)?;
        for job in batch.iter_mut() {
            job.run(&mut transaction)?;
        }
        let end = transaction.end;
        match transaction.commit() {
            Ok(()) => {
                self.unknown.clear();
                Ok(end)
            }
            Err(error) => {
                // A full disk is no doubt: it was the log that could not be written, up to the mark of its end.
                if error.sqlite_error_code() != Some(ErrorCode::DiskFull) {
                    self.doubt = Doubt::SyncFailed;
                    self.unknown.extend(batch.iter_mut().filter_map(Job::doubt));
                }
                Err(error.into())
            }
        }
    }

    /// A request that was answered as unknown may be here again: then it still is. One without a key may
    /// always be such a one.
    fn recall(&self, job: &mut Job) {
        let is_unknown = match job.key() {
            Some(key) => self.unknown.contains(&key),
            None => self.doubt == Doubt::SyncFailed,
        };
        if is_unknown {
            job.doubt();
        }
    }

    /// What is found in a log of which it is in doubt whether it is on the disk is unknown, too.
    fn look_for(&mut self, batch: &mut [Job]) {
        if self.doubt == Doubt::Settled {
            return;
        }
        let Ok(connection) = self.opened() else { return };
        let find = |id: Uuid| -> rusqlite::Result<bool> {
            connection.prepare_cached("SELECT 1 FROM events WHERE event_id = ?1")?.exists([id.as_bytes()])
        };
        for job in batch {
            if job.key().is_some_and(|key| find(key).unwrap_or(false)) {
                job.doubt();
            }
        }
    }

    fn opened(&mut self) -> Result<&Connection, SqliteOpenError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            closed => Ok(closed.insert(schema::reopen(&self.path, self.durability)?)),
        }
    }
}
