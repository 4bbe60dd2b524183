//! A server of a test's own, and the stores on it.

use es_core::store::{EventStore, PgOptions, PgStore};
use sqlx::PgConnection;
use std::sync::Arc;
use tests::server::postgres::Postgres;

pub struct Site {
    pub server: Postgres,
}

impl Site {
    /// A server with an empty log.
    pub async fn new() -> Self {
        Self::on(Postgres::start(&[]).await).await
    }

    /// An empty log on this server.
    pub async fn on(server: Postgres) -> Self {
        PgStore::migrate(&server.url(), &PgOptions::new()).await.unwrap();
        Self { server }
    }

    /// A store, as another process would have it.
    pub async fn store(&self) -> Arc<PgStore> {
        Arc::new(PgStore::connect(&self.server.url()).await.unwrap())
    }

    /// So many of them.
    pub async fn stores(&self, count: usize) -> Vec<Arc<dyn EventStore>> {
        let mut stores: Vec<Arc<dyn EventStore>> = Vec::new();
        for _ in 0..count {
            stores.push(self.store().await);
        }
        stores
    }

    /// A store behind a port, of a proxy.
    pub async fn store_at(&self, port: u16) -> Arc<PgStore> {
        Arc::new(PgStore::connect(&self.server.url_at(port)).await.unwrap())
    }
}

/// The one number that a statement answers.
pub async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Runs statements.
pub async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}
