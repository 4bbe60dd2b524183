//! How a store is opened, and why it cannot be.

use crate::store::BoxError;

/// How a [`NatsStore`](super::NatsStore) is opened.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    pub(super) namespace: String,
}

impl NatsOptions {
    /// The namespace `es`.
    pub fn new() -> Self {
        Self { namespace: "es".into() }
    }

    /// Another namespace than `es`: each is a log of its own.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why servers cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsOpenError {
    /// They do not answer.
    #[error("the servers are unavailable")]
    Unavailable(#[source] BoxError),
}
