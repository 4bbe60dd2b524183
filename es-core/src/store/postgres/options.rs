//! How a store is opened, and why it cannot be.

use crate::store::BoxError;

/// How a [`PgStore`](super::PgStore) is opened.
#[derive(Clone, Debug)]
pub struct PgOptions {
    pub(super) schema: String,
}

impl PgOptions {
    /// The schema `es`.
    pub fn new() -> Self {
        Self { schema: "es".into() }
    }

    /// Another schema than `es`: each is a log of its own.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }
}

impl Default for PgOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a database cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PgOpenError {
    /// It does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
}
