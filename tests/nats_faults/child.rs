//! The processes that things happen to.

use es_core::store::NatsStore;
use std::sync::Arc;
use tests::history::process::{write_until_killed, write_until_told};
use tests::server::child::Actor;
use tests::server::variable;

/// Writes until it is killed.
pub const WRITE: &str = "write";
/// Writes until it is told to end by a signal.
pub const SERVE: &str = "serve";

/// Starts a process on the log of these servers.
pub fn start(role: &str, url: &str, run: u32) -> Actor {
    Actor::start(role, &[("ES_FAULTS_URL", url), ("ES_FAULTS_WORD", &run.to_string())])
}

#[test]
#[ignore = "it is what the other tests start"]
fn serve() {
    let Ok(role) = std::env::var("ES_FAULTS_ROLE") else { return };
    let (url, run) = (variable("ES_FAULTS_URL"), variable("ES_FAULTS_WORD").parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(NatsStore::connect(&url).await.unwrap());
        match &*role {
            WRITE => write_until_killed(store, run).await,
            SERVE => write_until_told(store.clone(), run, store.close()).await,
            _ => panic!("there is no role {role:?}"),
        }
    });
}
