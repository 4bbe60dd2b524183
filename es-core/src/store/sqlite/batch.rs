//! Many requests in one transaction: group commit.

use super::doubt::Doubt;
use super::guard::Guarded;
use super::transaction::{Refusal, Request, Transaction};
use super::{SqliteOpenError, schema};
use crate::store::{BoxError, Durability};
use rusqlite::config::DbConfig;
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
    outcome: Option<Result<R::Answer, R::Refusal>>,
    /// Whether it may be stored though no COMMIT with it has succeeded.
    is_unknown: bool,
    caller: oneshot::Sender<Result<R::Answer, R::Refusal>>,
}

impl<R: Request> Task<R> {
    pub fn new(request: R, caller: oneshot::Sender<Result<R::Answer, R::Refusal>>) -> Self {
        Self { request, outcome: None, is_unknown: false, caller }
    }
}

/// A request of any kind.
pub(super) trait Job: Send {
    /// Does it, as a part of the transaction.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()>;

    /// Whether it must be a batch of its own.
    fn is_alone(&self) -> bool;

    /// About how many bytes it holds.
    fn size(&self) -> usize;

    /// What it is known again by when it is sent once more.
    fn key(&self) -> Option<Uuid>;

    /// Whether it may be stored though no COMMIT with it has succeeded.
    fn is_unknown(&self) -> bool;

    /// Takes note that it may be stored; with the key that it is known again by. One that was refused is not.
    fn doubt(&mut self) -> Option<Uuid>;

    /// Takes note that COMMIT has refused what it did.
    fn refuse(&mut self, error: &rusqlite::Error);

    /// Answers the caller: with the outcome, unless the transaction failed.
    fn answer(self: Box<Self>, failure: Option<&SharedError>);
}

impl<R: Request> Job for Task<R> {
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        let first = self.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        self.outcome = Some(transaction.run(&self.request, first)?);
        Ok(())
    }

    fn is_alone(&self) -> bool {
        self.request.is_alone()
    }

    fn size(&self) -> usize {
        self.request.size()
    }

    fn key(&self) -> Option<Uuid> {
        self.request.key()
    }

    fn is_unknown(&self) -> bool {
        self.is_unknown
    }

    fn doubt(&mut self) -> Option<Uuid> {
        if matches!(self.outcome, Some(Err(_))) {
            return None;
        }
        self.is_unknown = true;
        self.request.key()
    }

    fn refuse(&mut self, error: &rusqlite::Error) {
        if let Some(refusal) = self.request.refused_by_commit(error) {
            self.outcome = Some(Err(refusal));
        }
    }

    fn answer(self: Box<Self>, failure: Option<&SharedError>) {
        let answer = match (self.outcome, failure) {
            (Some(outcome), None) => outcome,
            // Nobody else's request can have been the reason of the refusal.
            (Some(Err(refusal)), Some(_)) if self.request.is_alone() => Err(refusal),
            (Some(Ok(_)) | None, Some(cause)) if self.is_unknown => {
                Err(R::Refusal::unknown(Box::new(cause.clone())))
            }
            (_, Some(cause)) => Err(R::Refusal::unavailable(Box::new(cause.clone()))),
            (None, None) => Err(R::Refusal::unavailable("the request was not run".into())),
        };
        // A caller that is gone by now does not want to know.
        let _ = self.caller.send(answer);
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
    connection: Option<Guarded>,
    /// Whether all that is in the log is on the disk.
    doubt: Doubt,
    /// The keys of requests whose COMMIT failed, until a later one succeeds. They may be sent again.
    unknown: HashSet<Uuid>,
}

impl File {
    pub fn open(path: PathBuf, durability: Durability) -> Result<Self, SqliteOpenError> {
        let connection = Some(Guarded::new(schema::create_or_open(&path, durability)?)?);
        Ok(Self { path, durability, connection, doubt: Doubt::Found, unknown: HashSet::new() })
    }

    /// Moves the log into the file as `moves` does it, if the file is open just now. As long as the log is in
    /// doubt it stays where it is.
    pub fn move_log(&mut self, moves: fn(&Connection) -> rusqlite::Result<()>) -> Result<(), BoxError> {
        let Some(connection) = self.connection.as_deref() else { return Ok(()) };
        self.doubt.settle(connection, &self.path)?;
        // The log is synced first.
        Ok(moves(connection).inspect_err(|_| self.doubt = Doubt::SyncFailed)?)
    }

    /// Stores a batch, and answers the position of the last event.
    ///
    /// After an error of COMMIT itself nobody knows whether the batch is stored: some of the log may be on
    /// the disk. The same batch is committed once more then, before anything else can get behind it.
    pub fn store(&mut self, batch: &mut [Box<dyn Job>]) -> Result<u64, SharedError> {
        for job in batch.iter_mut() {
            self.recall(job.as_mut());
        }
        let mut attempts = 0;
        loop {
            let cause = match self.attempt(batch) {
                Ok(end) => {
                    self.connection.take_if(|connection| connection.is_lost());
                    return Ok(end);
                }
                Err(cause) => cause,
            };
            // With the connection goes an open transaction.
            self.let_go();
            attempts += 1;
            if attempts == ATTEMPTS || !batch.iter().any(|job| job.is_unknown()) {
                self.look_for(batch);
                return Err(cause.into());
            }
            tracing::warn!(attempts, error = %cause, "it is unknown whether a batch was stored");
            std::thread::sleep(PAUSE * 2_u32.pow(attempts - 1));
        }
    }

    fn attempt(&mut self, batch: &mut [Box<dyn Job>]) -> Result<u64, BoxError> {
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
                match error.sqlite_error_code() {
                    // No doubt: it was the log that could not be written, up to the mark of its end.
                    Some(ErrorCode::DiskFull) => {}
                    // Nor is it that rows refer to others that are not there.
                    Some(ErrorCode::ConstraintViolation) => {
                        for job in batch.iter_mut() {
                            job.refuse(&error);
                        }
                    }
                    _ => {
                        self.doubt = Doubt::SyncFailed;
                        self.unknown.extend(batch.iter_mut().filter_map(|job| job.doubt()));
                    }
                }
                Err(error.into())
            }
        }
    }

    /// A request that was answered as unknown may be here again: then it still is. One without a key may
    /// always be such a one.
    fn recall(&self, job: &mut dyn Job) {
        let is_unknown = match job.key() {
            Some(key) => self.unknown.contains(&key),
            None => self.doubt == Doubt::SyncFailed,
        };
        if is_unknown {
            job.doubt();
        }
    }

    /// What is found in a log of which it is in doubt whether it is on the disk is unknown, too.
    fn look_for(&mut self, batch: &mut [Box<dyn Job>]) {
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

    /// Closes the connection. The last one to go would move the log into the file.
    fn let_go(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.doubt == Doubt::SyncFailed
            && let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::warn!(%error, "a log that is in doubt may be moved into the file");
        }
    }

    fn opened(&mut self) -> Result<&Connection, SqliteOpenError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            closed => Ok(closed.insert(Guarded::new(schema::reopen(&self.path, self.durability)?)?)),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.let_go();
    }
}
