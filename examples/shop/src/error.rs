//! How the program fails.

use es_core::prelude::*;
use es_core::store::{AdvanceError, ReadError, SqliteOpenError};
use es_core::{DocumentError, DrainError, StartError, StopError};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the shop could not go on. What was recorded stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// Another process has opened this shop.
    #[error("another process works in {}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder, or something in it, cannot be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// What cannot be used.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A database cannot be used.
    #[error("cannot use the database {}", path.display())]
    Open {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: SqliteOpenError,
    },
    /// What should say where the logs are does not.
    #[error("a store is `sqlite:FOLDER`, `postgres://USER:PASSWORD@HOST/DATABASE` or `nats://HOST`")]
    Address,
    /// The servers with the logs cannot be used.
    #[error("cannot use {address}")]
    Connect {
        /// Where they are, without secrets.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A database has no tables for this shop, or older ones than it needs.
    #[error(
        "{address} has no tables of this shop yet, or older ones: start it once with `--migrate`, as a user who \
         may make them"
    )]
    NotMigrated {
        /// Where it is, without secrets.
        address: String,
    },
    /// Files need no tables beforehand.
    #[error(
        "there is nothing to migrate in {address}: files are made, and brought up, when the shop is played"
    )]
    NothingToMigrate {
        /// Where they are.
        address: String,
    },
    /// The clock on the wall cannot be set.
    #[error("the clock cannot be set")]
    Clock(#[source] io::Error),
    /// A line of the story cannot be read, or is refused.
    #[error("line {line} of the story: {reason}")]
    Story {
        /// Which one, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The next day could not be written down.
    #[error("the day cannot begin")]
    Day(#[source] Box<dyn Error + Send + Sync>),
    /// The model has a fault.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A context runs already.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A context has ended by itself.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A reactor or a projection has stopped.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// Whoever runs it has asked it to end.
    #[error("the shop is asked to end")]
    Ending,
    /// A database cannot be read.
    #[error("cannot read the database")]
    Read(#[from] ReadError),
    /// The leases of an earlier process cannot be given back.
    #[error("cannot take over from the process before")]
    TakeOver(#[from] AdvanceError),
    /// An aggregate cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A document cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The log cannot be followed.
    #[error("the log cannot be followed")]
    Follow(#[from] SubscriptionError),
    /// Nobody takes what is printed.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The program could not start.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
}

/// An error with all its causes, in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
