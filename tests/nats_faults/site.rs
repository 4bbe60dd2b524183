//! Servers of a test's own, and the stores on them.

use es_core::store::{EventStore, NatsStore};
use std::sync::Arc;
use tests::server::nats::Nats;
use tests::server::process::until;

/// The JetStream stream that has the log.
pub const LOG: &str = "ES_es";

pub struct Site {
    pub servers: Nats,
}

impl Site {
    /// One server with an empty log.
    pub async fn single() -> Self {
        Self { servers: Nats::single().await }
    }

    /// Three servers with an empty log.
    pub async fn cluster() -> Self {
        let site = Self { servers: Nats::cluster().await };
        // Which makes the streams; they need a leader before anything can be asked of them.
        until("the streams are there", async || NatsStore::connect(&site.url()).await.is_ok()).await;
        site
    }

    /// Where all of them are.
    pub fn url(&self) -> String {
        let urls: Vec<_> = (0..self.servers.size()).map(|node| self.servers.url(node)).collect();
        urls.join(",")
    }

    /// A store, as another process would have it.
    pub async fn store(&self) -> Arc<NatsStore> {
        Arc::new(NatsStore::connect(&self.url()).await.unwrap())
    }

    /// So many of them, each connected to another server if there is one.
    pub async fn stores(&self, count: usize) -> Vec<Arc<dyn EventStore>> {
        let mut stores: Vec<Arc<dyn EventStore>> = Vec::new();
        for n in 0..count {
            let url = self.servers.url(n % self.servers.size());
            stores.push(Arc::new(NatsStore::connect(&url).await.unwrap()));
        }
        stores
    }
}
