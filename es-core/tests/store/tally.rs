//! The ledger of an inline projection that is called `tally`.

use crate::kit::*;
use es_core::Position;
use es_core::store::{Advance, AppendError, Appended, Checkpoint, DocumentWrite, EventStore};

/// Enters builds, and where they begin.
pub async fn enter(store: &dyn EventStore, builds: &[&str]) {
    let ledger = lease(store, "ledgers").await;
    let names = DocumentWrite {
        collection: "ledgers".into(),
        key: "tally".into(),
        revision: None,
        position: Position(0),
        body: Some(builds.join(" ").into()),
    };
    store.advance(Advance { writes: vec![names], ..Advance::under(&ledger) }).await.unwrap();
    store.release(&ledger).await.unwrap();
    for build in builds {
        store.register(build, Checkpoint::default()).await.unwrap();
    }
}

/// What went wrong in an inline projection.
pub fn inline_error(answer: Result<Appended, AppendError>) -> (String, String) {
    match answer {
        Err(AppendError::Inline { projection, cause }) => (projection, cause.to_string()),
        other => panic!("no projection has failed: {other:?}"),
    }
}
