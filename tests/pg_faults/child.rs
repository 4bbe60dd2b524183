//! The processes that things happen to.

use super::{counter, zombie};
use es_core::store::PgStore;
use std::sync::Arc;
use tests::history::process::{write_until_killed, write_until_told};
use tests::server::child::Actor;
use tests::server::variable;

/// Writes until it is killed.
pub const WRITE: &str = "write";
/// Writes until it is told to end by a signal.
pub const SERVE: &str = "serve";
/// Carries out the same commands as others.
pub const REPEAT: &str = "repeat";
/// Runs a projection.
pub const FOLLOW: &str = "follow";
/// Writes under a lease.
pub const HOLD: &str = "hold";

/// Starts a process on the log of this server.
pub fn start(role: &str, url: &str, word: &str) -> Actor {
    Actor::start(role, &[("ES_FAULTS_URL", url), ("ES_FAULTS_WORD", word)])
}

#[test]
#[ignore = "it is what the other tests start"]
fn serve() {
    let Ok(role) = std::env::var("ES_FAULTS_ROLE") else { return };
    let (url, word) = (variable("ES_FAULTS_URL"), variable("ES_FAULTS_WORD"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(PgStore::connect(&url).await.unwrap());
        match &*role {
            WRITE => write_until_killed(store, word.parse().unwrap()).await,
            SERVE => write_until_told(store.clone(), word.parse().unwrap(), store.close()).await,
            REPEAT => counter::repeat(&store, &word).await,
            FOLLOW => counter::follow(&store).await,
            HOLD => zombie::hold(&store, word.parse().unwrap()).await,
            _ => panic!("there is no role {role:?}"),
        }
    });
}
