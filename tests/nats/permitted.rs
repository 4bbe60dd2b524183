//! A user who may do no more than is needed.

use crate::kit::*;
use crate::started::Started;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    Advance, Checkpoint, DocumentRange, DocumentWrite, EventSearch, EventStore, Expected, Filter, LEASE,
    NatsOptions, NatsStore, Redaction, StreamRead,
};
use std::time::Duration;
use tests::server::variable;
use uuid::Uuid;

const PERMISSIONS: &str = r#"
authorization {
  users = [{
    user: "app", password: "secret"
    permissions {
      publish: ["bank.>", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.MSG.GET.*",
                "$JS.API.DIRECT.GET.*", "$JS.API.STREAM.PURGE.KEEP_bank"]
      subscribe: ["bank.grown", "_INBOX.>"]
    }
  }]
}
"#;

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn the_permissions_that_are_named_are_enough() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, PERMISSIONS).unwrap();
    let arguments = ["--jetstream", "--config", file.path().to_str().unwrap()];
    let server = Started::new(&variable("ES_NATS_BIN"), &arguments).await;
    let options = NatsOptions::new().namespace("bank").deadline(Duration::from_secs(5));
    let store = NatsStore::connect_with(&server.url_with("app:secret"), options).await.unwrap();
    let ids = filled(&store, "a-1", 3).await;
    assert!(store.redact_event(Redaction::of(ids[0], Bytes::new())).await.unwrap());
    store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
    assert_eq!(versions(&page(&store, "a-1", StreamRead::after(0)).await), [2, 3]);
    assert_eq!(store.read_log(Position(0), &Filter::all(), 10).await.unwrap().events.len(), 3);
    assert!(store.find_event(EventSearch::of(ids[2])).await.unwrap().is_some());
    store.register("p", Checkpoint::default()).await.unwrap();
    let lease = store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().unwrap();
    let writes = (0..20).map(|n| DocumentWrite {
        collection: "p".into(),
        key: n.to_string(),
        revision: None,
        position: Position(1),
        body: Some(Bytes::new()),
    });
    store.advance(Advance { writes: writes.collect(), ..Advance::under(&lease) }).await.unwrap();
    let keys: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(store.documents("p", &keys).await.unwrap().len(), 20);
    let range = DocumentRange { limit: 30, ..DocumentRange::default() };
    assert_eq!(store.list_documents("p", &range).await.unwrap().len(), 20);
    store.release(&lease).await.unwrap();
    store.forget("p").await.unwrap();
    assert!(store.processors("").await.unwrap().is_empty());
}
