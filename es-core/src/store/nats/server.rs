//! The way to the servers, and what must be there.

use super::{NatsOpenError, NatsOptions};
use std::sync::Arc;

/// The two streams of a namespace. Clones are the same.
#[derive(Clone)]
pub(super) struct Server {
    context: async_nats::jetstream::Context,
    namespace: Arc<str>,
}

impl Server {
    pub async fn open(_url: &str, _options: &NatsOptions) -> Result<Self, NatsOpenError> {
        todo!()
    }

    pub fn context(&self) -> &async_nats::jetstream::Context {
        &self.context
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub async fn close(&self) {
        todo!()
    }
}
