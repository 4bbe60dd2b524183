//! The process that things happen to.

use es_core::store::NatsStore;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tests::history::write_aloud;
use tests::server::child::Actor;
use tests::server::variable;

/// How many writers a writing process has.
const WRITERS: u32 = 8;

/// Starts a process that writes until it is killed.
pub fn start(url: &str, run: u32) -> Actor {
    Actor::start("write", &[("ES_FAULTS_URL", url), ("ES_FAULTS_WORD", &run.to_string())])
}

#[test]
#[ignore = "it is what the other tests start"]
fn serve() {
    if std::env::var_os("ES_FAULTS_ROLE").is_none() {
        return;
    }
    let run = variable("ES_FAULTS_WORD").parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = NatsStore::connect(&variable("ES_FAULTS_URL")).await.unwrap();
        write_aloud(Arc::new(store), run, WRITERS, Arc::new(AtomicBool::new(false))).await;
    });
}
