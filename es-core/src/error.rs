//! How commands and reads fail.

use crate::store::{AppendError, BoxError, ReadError};
use crate::upcast::DecodeError;
use std::error::Error;
use std::fmt;

/// Why a command changed nothing. `E` is the error of its handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError<E> {
    /// The handler, or a `#[validate]`, said no.
    #[error(transparent)]
    Rejected(E),
    /// There is no such aggregate.
    #[error("there is no {stream}")]
    NotFound {
        /// Its stream.
        stream: crate::id::StreamId,
    },
    /// The command creates, and the aggregate is there already.
    #[error("{stream} exists already")]
    AlreadyExists {
        /// Its stream.
        stream: crate::id::StreamId,
    },
    /// The aggregate has ended, or its stream was closed.
    #[error("{stream} has ended")]
    Ended {
        /// Its stream.
        stream: crate::id::StreamId,
    },
    /// Others were faster every time, or the version is not the expected one.
    #[error("the stream is not at the version that the command was decided on (attempts: {attempts})")]
    Conflict {
        /// How often the command was decided.
        attempts: u32,
    },
    /// An invariant refused the new state.
    #[error(transparent)]
    Invariant(E),
    /// An inline reactor or projection failed, and the command with it.
    #[error("the inline {reactor} failed")]
    Inline {
        /// The name of the reactor or the projection.
        reactor: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The command's id was used before, by a command of another name.
    #[error("command id {id} was used by the command {earlier} before")]
    IdReused {
        /// The id.
        id: crate::id::CommandId,
        /// The name of the earlier command.
        earlier: String,
    },
    /// The decision goes over a limit of the store.
    #[error("{what}: {size} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The aggregate is not mounted in this app.
    #[error("the aggregate {aggregate} is not mounted: add `.aggregate::<..>()` to the app's builder")]
    NotMounted {
        /// Its name.
        aggregate: &'static str,
    },
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be read, or the decision breaks the order of birth, life and end.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Why an inline reactor of an older version answers nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "a newer version ({newer}) of it is in charge: this process runs an older one, and commits nothing with it \
     any more"
)]
pub(crate) struct Superseded {
    pub newer: u32,
}

impl<E> CommandError<E> {
    /// Whether it says something about the command, so that repeating it as it is changes nothing: not a
    /// conflict, and not a store or a history that cannot be read.
    pub fn is_refusal(&self) -> bool {
        let says_nothing = matches!(
            self,
            Self::Conflict { .. } | Self::NotMounted { .. } | Self::Store(_) | Self::Decode(_)
        );
        !says_nothing && !self.is_superseded()
    }

    /// Whether it is for another process, which runs newer code.
    fn is_superseded(&self) -> bool {
        matches!(self, Self::Inline { source, .. } if source.is::<Superseded>())
    }

    /// Whether it says nothing about the command: the store does not answer now, or the lease that it was given
    /// under, or the inline reactor that it meets, is somebody else's.
    pub(crate) fn is_outage(&self) -> bool {
        use StoreError::{Append, Read};
        let is_away = matches!(
            self,
            Self::Store(
                Read(ReadError::Unavailable(_))
                    | Append(
                        AppendError::Unavailable { .. }
                            | AppendError::Ambiguous { .. }
                            | AppendError::Fenced { .. }
                    )
            )
        );
        is_away || self.is_superseded()
    }

    /// The same error with another type of refusal.
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> CommandError<F> {
        match self {
            Self::Rejected(error) => CommandError::Rejected(change(error)),
            Self::Invariant(error) => CommandError::Invariant(change(error)),
            Self::NotFound { stream } => CommandError::NotFound { stream },
            Self::AlreadyExists { stream } => CommandError::AlreadyExists { stream },
            Self::Ended { stream } => CommandError::Ended { stream },
            Self::Conflict { attempts } => CommandError::Conflict { attempts },
            Self::Inline { reactor, source } => CommandError::Inline { reactor, source },
            Self::IdReused { id, earlier } => CommandError::IdReused { id, earlier },
            Self::TooLarge { what, size, limit } => CommandError::TooLarge { what, size, limit },
            Self::NotMounted { aggregate } => CommandError::NotMounted { aggregate },
            Self::Store(error) => CommandError::Store(error),
            Self::Decode(error) => CommandError::Decode(error),
        }
    }
}

impl<E> From<LoadError> for CommandError<E> {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            LoadError::Decode(error) => Self::Decode(error),
            LoadError::NotMounted { aggregate } => Self::NotMounted { aggregate },
        }
    }
}

/// What a store could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A read was not answered.
    #[error("reading failed")]
    Read(#[from] ReadError),
    /// A commit was not stored, or it stayed unknown whether it was.
    #[error("appending failed")]
    Append(#[from] AppendError),
    /// An event, a reply or metadata could not be turned into bytes.
    #[error("{what} cannot be written as JSON")]
    Encode {
        /// What it was.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Why an aggregate could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The aggregate is not mounted in this app.
    #[error("the aggregate {aggregate} is not mounted: add `.aggregate::<..>()` to the app's builder")]
    NotMounted {
        /// Its name.
        aggregate: &'static str,
    },
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.into())
    }
}

/// The error of some handler, where the type is not known: in `execute_all` and `execute_json`.
pub struct DomainError(BoxError);

impl DomainError {
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// The error as the handler's own type, if it is that.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl Error for DomainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Why a command that came as JSON was not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// No mounted aggregate handles a command of this name.
    #[error("there is no command \"{name}\"; known are {}", known.join(", "))]
    UnknownCommand {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The JSON is not what the command looks like.
    #[error("{command}: {reason}")]
    Malformed {
        /// The name of the command.
        command: &'static str,
        /// Which field, and what is wrong with it.
        reason: String,
    },
    /// The command was refused or failed.
    #[error(transparent)]
    Command(#[from] CommandError<DomainError>),
}
