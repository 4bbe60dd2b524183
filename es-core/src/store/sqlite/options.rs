//! How a file is opened, and why it is not.

use crate::store::{BoxError, Durability};

/// How to open a file.
///
/// ```
/// use es_core::store::{Durability, SqliteOptions};
///
/// let options = SqliteOptions::new().durability(Durability::Relaxed).readers(2);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(super) durability: Durability,
    pub(super) readers: usize,
}

impl SqliteOptions {
    /// Full durability, four readers.
    pub fn new() -> Self {
        Self { durability: Durability::default(), readers: 4 }
    }

    /// How much of a power loss a commit survives.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The most reads that go on at once, each on a connection of its own; at least 1.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.clamp(1, 64);
        self
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteOpenError {
    /// SQLite before 3.51.3 can damage a file that two connections write to.
    #[error("SQLite {version} is linked, which can damage a file; 3.51.3 or newer is needed")]
    OldLibrary {
        /// The version that is linked.
        version: &'static str,
    },
    /// The file is something else. It was left as it is.
    #[error("the file is not an event store")]
    NotAStore,
    /// The file was written by a newer version of this crate. It was left as it is.
    #[error("the file has schema {found}, this es-core knows {known}: use a newer one")]
    Newer {
        /// The file's schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// The file, or its folder, cannot be read and written as it must be.
    #[error("the file cannot be opened")]
    Unavailable(#[source] BoxError),
}

impl From<rusqlite::Error> for SqliteOpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotAStore,
            _ => Self::Unavailable(error.into()),
        }
    }
}

impl From<std::io::Error> for SqliteOpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.into())
    }
}
