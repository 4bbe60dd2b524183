//! Servers of a test's own, and the stores on them.

use es_core::store::{EventStore, NatsStore};
use std::sync::Arc;
use tests::server::deposed::Deposed;
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
        Self::with_streams(Nats::cluster().await).await
    }

    /// The same, with somebody who answers as leaders did before.
    pub async fn with_deposed() -> (Self, Deposed) {
        let servers = Nats::guarded_cluster().await;
        let deposed = Deposed::start(&servers.url(0)).await;
        (Self::with_streams(servers).await, deposed)
    }

    async fn with_streams(servers: Nats) -> Self {
        let site = Self { servers };
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
