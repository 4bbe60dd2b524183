//! How the program fails. A line of a statement that is refused is no failure: the rest goes on.

use es_core::prelude::*;
use es_core::store::{ReadError, SqliteOpenError};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the program could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// There is nothing to look at.
    #[error("there is no database {}; `bank run FILE` makes one, `--db` names another", path.display())]
    NoDatabase {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The database cannot be used.
    #[error("cannot use the database {}", path.display())]
    Open {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: SqliteOpenError,
    },
    /// There is no such account.
    #[error("there is no account \"{account}\"")]
    NoAccount {
        /// Its name.
        account: String,
    },
    /// The account was opened later.
    #[error("there was no account \"{account}\" at {at}")]
    NotYet {
        /// Its name.
        account: String,
        /// When.
        at: Timestamp,
    },
    /// The statement cannot be read.
    #[error("cannot read {name}")]
    Statement {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A statement was not played to its end, and playing it again does the rest.
    #[error("stopped at line {line}: {reason}; what was recorded stays, play it again for the rest")]
    Stopped {
        /// The first line that is not recorded.
        line: u64,
        /// Why.
        reason: String,
    },
    /// Nobody takes what is printed.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The model has a fault.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An account cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The database cannot be read.
    #[error("cannot read the database")]
    Read(#[from] ReadError),
    /// The program could not start.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

/// An error with all its causes, in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // SQLite's words come first, and its number for them behind: that helps nobody.
        if error.is::<es_core::rusqlite::ffi::Error>() {
            break;
        }
        let said = error.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
