//! The servers that `tests/servers` has started, and a place of its own on them for each test.

#![expect(clippy::missing_panics_doc, reason = "whatever is not as it should be fails the test")]

pub mod child;
pub mod deposed;
pub mod disk;
pub mod nats;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod shim;

use es_core::store::{NatsOptions, NatsStore, PgOptions, PgStore};
use std::env;
use uuid::Uuid;

/// What a test says that needs a server and is left out without one.
pub const NEEDED: &str = "start it beside servers: `tests/servers cargo test --features servers`";

/// A variable that `tests/servers` sets.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: {NEEDED}"))
}

/// A name that no other test has.
pub fn unique() -> String {
    format!("t_{}", Uuid::now_v7().simple())
}

/// The URL of the PostgreSQL, as its superuser.
pub fn postgres_url() -> String {
    variable("ES_POSTGRES")
}

/// A new and empty log in PostgreSQL, in this schema.
pub async fn postgres(options: PgOptions) -> PgStore {
    let url = postgres_url();
    PgStore::migrate(&url, &options).await.expect("the schema can be made");
    PgStore::connect_with(&url, options).await.expect("it is there")
}

/// A new and empty log in JetStream, in this namespace.
pub async fn nats(options: NatsOptions) -> NatsStore {
    NatsStore::connect_with(&variable("ES_NATS"), options).await.expect("it can be made")
}
