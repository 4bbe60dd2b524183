//! What an error of the driver means for whoever asked.

use super::PgError;
use crate::store::{AdvanceError, AppendError, BoxError, ReadError, StoreClosed};
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

/// An error of the driver, without what may be in it that is nobody's business: the server's details, hints
/// and contexts show values, and an error of the configuration shows parts of the URL.
#[derive(Clone)]
pub(super) struct Failure(Arc<PgError>);

impl From<PgError> for Failure {
    fn from(error: PgError) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            PgError::Database(error) => {
                let code = error.code().unwrap_or_default();
                write!(f, "the server answers {code}: {}", error.message())
            }
            PgError::Io(error) if error.kind() == ErrorKind::TimedOut => {
                f.write_str("the server has not answered in time")
            }
            PgError::Io(error) => write!(f, "the connection failed: {error}"),
            PgError::Tls(error) => write!(f, "the connection cannot be made safe: {error}"),
            PgError::PoolTimedOut => f.write_str("no connection was free in time"),
            PgError::PoolClosed => f.write_str("the connections are closed"),
            PgError::Configuration(_) => f.write_str("the connection is not configured as it must be"),
            PgError::Encode(_) => f.write_str("a value cannot be sent"),
            PgError::ColumnDecode { .. } | PgError::Decode(_) => f.write_str("a value cannot be read"),
            _ => f.write_str("the driver and the server do not understand each other"),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl std::error::Error for Failure {}

/// The cause that a caller is given.
pub(super) fn cause(error: PgError) -> BoxError {
    cause_of(error.into())
}

pub(super) fn cause_of(failure: Failure) -> BoxError {
    match &*failure.0 {
        PgError::PoolClosed => StoreClosed.into(),
        _ => failure.into(),
    }
}

/// A read that was not answered.
pub(super) fn of_read(error: impl Into<PgError>) -> ReadError {
    ReadError::Unavailable(cause(error.into()))
}

/// A write that can be sent again, whether it is stored or not.
pub(super) fn of_advance(error: impl Into<PgError>) -> AdvanceError {
    AdvanceError::Unavailable(cause(error.into()))
}

/// A write of which it must be said whether it can be stored.
pub(super) fn of_edit(Unanswered { fate, cause }: Unanswered) -> AppendError {
    let cause = self::cause(cause);
    match fate {
        Fate::Unknown => AppendError::Ambiguous { cause },
        _ => AppendError::Unavailable { cause },
    }
}

/// Why there is no connection to ask by. Whatever an error of connecting says: nothing was asked.
#[derive(Debug)]
pub(super) struct NotConnected(pub PgError);

/// Why a statement is not answered, and what that says about it.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub fate: Fate,
    pub cause: PgError,
}

impl Unanswered {
    /// One in a transaction, before the COMMIT was sent: where the connection is lost, the server rolls it back.
    pub fn uncommitted(cause: PgError) -> Self {
        let fate = match Fate::of(&cause) {
            Fate::Unknown => Fate::Busy,
            fate => fate,
        };
        Self { fate, cause }
    }
}

impl From<NotConnected> for Unanswered {
    fn from(NotConnected(cause): NotConnected) -> Self {
        Self { fate: Fate::Failed, cause }
    }
}

impl From<PgError> for Unanswered {
    fn from(cause: PgError) -> Self {
        Self { fate: Fate::of(&cause), cause }
    }
}

impl From<Unanswered> for PgError {
    fn from(error: Unanswered) -> Self {
        error.cause
    }
}

/// What an error says about what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody knows whether it is stored.
    Unknown,
    /// It is not, and the same may be in a moment: it was in somebody's way.
    Busy,
    /// It is not, because of a value in it.
    Refused,
    /// It is not, and sending it again is of no use now.
    Failed,
}

impl Fate {
    pub fn of(error: &PgError) -> Self {
        if is_lost(error) {
            return Self::Unknown;
        }
        let PgError::Database(error) = error else {
            return match error {
                // Before anything was sent.
                PgError::PoolTimedOut | PgError::PoolClosed | PgError::Encode(_) | PgError::BeginFailed => {
                    Self::Failed
                }
                _ => Self::Unknown,
            };
        };
        match error.code().as_deref() {
            // Serialization, deadlock, lock_timeout, statement_timeout.
            Some("40001" | "40P01" | "55P03" | "57014") => Self::Busy,
            Some(code) if code.starts_with("22") || code.starts_with("23") => Self::Refused,
            // An error that leaves the session alive has rolled its statement back.
            _ => Self::Failed,
        }
    }
}

/// Whether the connection is of no use any more. What was sent by it may have arrived.
pub(super) fn is_lost(error: &PgError) -> bool {
    match error {
        PgError::Io(_) | PgError::Tls(_) | PgError::Protocol(_) | PgError::WorkerCrashed => true,
        PgError::Database(error) => {
            let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
            let code = error.code().unwrap_or_default();
            // 57P0x and 25P03: the server ends the session, in the middle of whatever it does.
            matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
                || code.starts_with("57P")
                || code.starts_with("08")
                || code == "25P03"
        }
        _ => false,
    }
}
