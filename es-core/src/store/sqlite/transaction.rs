//! What a transaction of the writer is asked for: appends and edits, each whole or not at all.

use super::column;
use super::guard::Guarded;
use super::heading::Heading;
use super::processors;
use crate::id::StreamId;
use crate::store::admit::Ledger;
use crate::store::{AdvanceError, AppendError, BoxError, Fence, StreamHead, clock};
use rusqlite::{CachedStatement, ErrorCode, OptionalExtension};
use uuid::Uuid;

/// One transaction of the writer, which holds the file's write lock.
pub(super) struct Transaction<'c> {
    /// Where it takes place.
    pub guarded: &'c mut Guarded,
    /// The position of the last event.
    pub end: u64,
    /// When its events are stored, in microseconds; not before any that are there.
    pub stored_at: i64,
}

/// Why a request was not done.
pub(super) enum Fault<E = AppendError> {
    /// It must not be.
    Refused(E),
    /// SQLite could not.
    Sqlite(rusqlite::Error),
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Self {
        Self::Refused(error)
    }
}

impl From<AdvanceError> for Fault<AdvanceError> {
    fn from(error: AdvanceError) -> Self {
        Self::Refused(error)
    }
}

impl<E> From<rusqlite::Error> for Fault<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl<E: Refusal> Fault<E> {
    fn into_answer(self) -> E {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(error) => E::unavailable(error.into()),
        }
    }
}

/// How the callers of a request hear that it was not done.
pub(super) trait Refusal: Send + 'static {
    /// It was certainly not done.
    fn unavailable(cause: BoxError) -> Self;

    /// Nobody knows whether it was done.
    fn unknown(cause: BoxError) -> Self;
}

impl Refusal for AppendError {
    fn unavailable(cause: BoxError) -> Self {
        Self::Unavailable { cause }
    }

    fn unknown(cause: BoxError) -> Self {
        Self::Ambiguous { cause }
    }
}

impl Refusal for AdvanceError {
    fn unavailable(cause: BoxError) -> Self {
        Self::Unavailable(cause)
    }

    fn unknown(cause: BoxError) -> Self {
        Self::Unavailable(cause)
    }
}

/// Whether the next request may do better in the same transaction.
fn is_of_the_request(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation))
}

/// Something that a transaction can do.
pub(super) trait Request: Send + 'static {
    /// What is answered.
    type Answer: Send + 'static;

    /// What is answered if it is not done.
    type Refusal: Refusal;

    /// Whether it may be left half done by an error, so that it needs a savepoint.
    fn has_steps(&self) -> bool;

    /// Whether no other request may be in its transaction.
    fn is_alone(&self) -> bool {
        false
    }

    /// What it is answered if COMMIT refuses what it has done, so that it is not done.
    fn refused_by_commit(&self, _error: &rusqlite::Error) -> Option<Self::Refusal> {
        None
    }

    /// About how many bytes it holds.
    fn size(&self) -> usize;

    /// What it is known again by when it is sent once more; `None` if it might be any other.
    fn key(&self) -> Option<Uuid>;

    /// Does it.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<Self::Answer, Fault<Self::Refusal>>;

    /// The answer to a request that is done once more, because it was unknown whether it was stored the
    /// first time: what is found of it then was not there before it.
    fn settle(
        &self,
        transaction: &Transaction<'_>,
        first: &Self::Answer,
        again: Self::Answer,
    ) -> Result<Self::Answer, Fault<Self::Refusal>>;
}

impl<'c> Transaction<'c> {
    /// Takes the write lock.
    pub fn begin(guarded: &'c mut Guarded) -> rusqlite::Result<Self> {
        let stored_at = column::micros(clock::now());
        let mut transaction = Self { guarded, end: 0, stored_at };
        transaction.execute("BEGIN IMMEDIATE")?;
        let last = transaction
            .prepare("SELECT position, stored_at FROM events ORDER BY position DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((end, stored_at)) = last {
            transaction.end = column::unsigned(end);
            transaction.stored_at = transaction.stored_at.max(stored_at);
        }
        Ok(transaction)
    }

    /// Goes on in a new transaction where a request that is alone has ended the one it was in.
    pub fn begin_again(&self) -> rusqlite::Result<()> {
        self.execute("BEGIN IMMEDIATE")?;
        self.execute("SAVEPOINT request")
    }

    pub fn commit(self) -> rusqlite::Result<()> {
        self.execute("COMMIT")
    }

    /// Does a request. The outer error is that of the whole transaction: nothing of it can be kept.
    pub fn run<R: Request>(
        &mut self,
        request: &R,
        first: Option<&R::Answer>,
    ) -> rusqlite::Result<Result<R::Answer, R::Refusal>> {
        let end = self.end;
        if request.has_steps() {
            self.execute("SAVEPOINT request")?;
        }
        let answer = request.run(self).and_then(|again| match first {
            Some(first) => request.settle(self, first, again),
            None => Ok(again),
        });
        match answer {
            Ok(answer) => {
                if request.has_steps() {
                    self.execute("RELEASE request")?;
                }
                Ok(Ok(answer))
            }
            Err(Fault::Sqlite(error)) if !is_of_the_request(&error) || self.guarded.is_autocommit() => {
                Err(error)
            }
            Err(fault) => {
                self.end = end;
                if request.has_steps() {
                    self.execute("ROLLBACK TO request")?;
                    self.execute("RELEASE request")?;
                }
                Ok(Err(fault.into_answer()))
            }
        }
    }

    /// A statement that is prepared once for each connection.
    pub fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.guarded.prepare_cached(sql)
    }

    pub fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.prepare(sql)?.execute([]).map(drop)
    }
}

impl Ledger for Transaction<'_> {
    type Error = Fault;

    fn holds(&mut self, id: Uuid, stream: &StreamId) -> Result<Option<bool>, Fault> {
        let mut statement = self.prepare("SELECT stream = ?2 FROM events WHERE event_id = ?1")?;
        Ok(statement.query_row((id.as_bytes(), stream.as_str()), |row| row.get(0)).optional()?)
    }

    fn head(&mut self, stream: &StreamId) -> Result<StreamHead, Fault> {
        Ok(Heading::of(self.guarded, stream)?.head)
    }

    fn allows(&mut self, fence: &Fence) -> Result<bool, Fault> {
        Ok(processors::holds(self, &fence.processor, fence.epoch)?)
    }
}
