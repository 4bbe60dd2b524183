//! How projections and reads of their documents fail.

use crate::error::StoreError;
use crate::foreign;
use crate::runtime::Halt;
use crate::store::{AdvanceError, BoxError, ReadError};
use crate::upcast::DecodeError;

/// Why a projection was not built, or not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// No projection of this name runs in this app.
    #[error("the projection \"{name}\" is not mounted: add `.projection::<..>()` to the app's builder")]
    NotMounted {
        /// The name.
        name: String,
    },
    /// It keeps rows, and what was asked for is there for documents only.
    #[error("the projection \"{name}\" keeps rows; this is for documents")]
    KeepsRows {
        /// Its name.
        name: &'static str,
    },
    /// The store did not answer a read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not take a write.
    #[error(transparent)]
    Write(#[from] AdvanceError),
    /// An event is newer than this code.
    #[error(transparent)]
    Newer(DecodeError),
    /// One of its methods failed, or something that is stored cannot be read.
    #[error("projection \"{name}\": {reason}")]
    Failed {
        /// Its name.
        name: &'static str,
        /// Where, and what went wrong.
        reason: String,
    },
}

impl From<ReadError> for ProjectionError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

impl ProjectionError {
    /// What stops a follower, for a caller who waits for it.
    pub(super) fn of(name: &'static str, halt: Halt) -> Self {
        match halt {
            Halt::Fenced => Self::Write(AdvanceError::Fenced { processor: name.into() }),
            Halt::Unavailable(cause) => Self::Store(ReadError::Unavailable(cause).into()),
            Halt::Newer(error) => Self::Newer(error),
            Halt::Stopped(reason) => Self::Failed { name, reason },
            Halt::Done => Self::Failed { name, reason: "another build has taken its place".into() },
        }
    }
}

impl From<ProjectionError> for Halt {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Store(StoreError::Read(error)) => error.into(),
            ProjectionError::Write(error) => error.into(),
            ProjectionError::Newer(error) => Self::Newer(error),
            other => Self::Stopped(other.to_string()),
        }
    }
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The projection does not run in this app.
    #[error("the projection {projection} is not mounted: add `.projection::<..>()` to the app's builder")]
    NotMounted {
        /// Its name.
        projection: &'static str,
    },
    /// The copy is one of another projection.
    #[error("the copy is one of {copied}, not of {projection}")]
    NotCopied {
        /// The projection that was asked for.
        projection: &'static str,
        /// The one that was copied.
        copied: &'static str,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is not such a document. While a new version is built, that of the old one is read.
    #[error("document \"{key}\" of {collection} is not a document of {projection}: {reason}")]
    Unreadable {
        /// The projection.
        projection: &'static str,
        /// The build that it was read from, as in `projection.orders@1.1`.
        collection: String,
        /// The document's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Which build is read could not be found out.
    #[error(transparent)]
    Builds(ProjectionError),
}

impl From<ReadError> for DocumentError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

impl From<ProjectionError> for DocumentError {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Store(error) => Self::Store(error),
            other => Self::Builds(other),
        }
    }
}

/// An error with everything that it says of its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The error of a method, or what it panicked with.
pub(super) fn method_error(outcome: std::thread::Result<Result<(), BoxError>>) -> Result<(), String> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(chain(&*error)),
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// What a panic says.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    foreign::said(panic).map_or_else(|| "it panicked".to_owned(), |said| format!("it panicked: {said}"))
}
