//! What leaders answer that were deposed and do not know it yet.

use super::site::Site;
use bytes::Bytes;
use es_core::store::{
    Advance, Checkpoint, DocumentRange, DocumentWrite, EventStore, LEASE, Lease, NatsStore, StreamRead,
};
use es_core::{Position, StreamId};
use tests::history::{History, Writer, commit_of};
use uuid::Uuid;

/// As often as this a question is answered as before.
const TIMES: u32 = 3;

fn write(key: &str, body: Option<&'static str>) -> DocumentWrite {
    DocumentWrite {
        collection: "p".into(),
        key: key.to_owned(),
        revision: None,
        position: Position(1),
        body: body.map(|body| Bytes::from_static(body.as_bytes())),
    }
}

async fn put(store: &NatsStore, lease: &Lease, writes: Vec<DocumentWrite>) {
    store.advance(Advance { writes, ..Advance::under(lease) }).await.unwrap();
}

/// A document as it is found, and listed.
async fn both(store: &NatsStore, key: &str) -> [Option<Bytes>; 2] {
    let found = store.documents("p", &[key.to_owned()]).await.unwrap();
    let range = DocumentRange { limit: 10, ..DocumentRange::default() };
    let listed = store.list_documents("p", &range).await.unwrap();
    let is_it = |document: &es_core::store::StoredDocument| document.key == key;
    [found, listed].map(|all| all.into_iter().find(is_it).map(|document| document.body))
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_a_process_has_written_it_reads_whoever_answers() {
    let (site, deposed) = Site::with_deposed().await;
    let store = site.store().await;
    store.register("p", Checkpoint::default()).await.unwrap();
    let lease = store.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().unwrap();
    put(&store, &lease, vec![write("a", Some("first"))]).await;
    assert_eq!(both(&store, "a").await, [Some("first".into()), Some("first".into())]);
    assert_eq!(both(&store, "b").await, [None, None]);
    assert_eq!(store.processors("p").await.unwrap()[0].checkpoint.position, Position(0));
    deposed.answers_as_before(TIMES);
    let to = Checkpoint { position: Position(7), event: None };
    let writes = vec![write("a", Some("second")), write("b", Some("new"))];
    store.advance(Advance { to: Some(to), writes, ..Advance::under(&lease) }).await.unwrap();
    let before = deposed.left();
    assert_eq!(both(&store, "a").await, [Some("second".into()), Some("second".into())]);
    assert_eq!(both(&store, "b").await, [Some("new".into()), Some("new".into())]);
    assert_eq!(store.processors("p").await.unwrap()[0].checkpoint, to);
    assert!(deposed.left() < before, "something was answered as before");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn whoever_takes_a_lease_sees_what_was_written_before() {
    let (site, deposed) = Site::with_deposed().await;
    let (one, other) = (site.store().await, site.store().await);
    one.register("p", Checkpoint::default()).await.unwrap();
    let lease = one.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().unwrap();
    assert_eq!(both(&other, "a").await, [None, None]);
    deposed.answers_as_before(TIMES);
    put(&one, &lease, vec![write("a", Some("written"))]).await;
    one.release(&lease).await.unwrap();
    let next = other.acquire("p", Uuid::now_v7(), LEASE).await.unwrap().unwrap();
    // To delete what does not seem to be there would be nothing to do.
    put(&other, &next, vec![write("a", None)]).await;
    assert_eq!(both(&one, "a").await, [None, None]);
    let left = one.documents("p", &["a".to_owned()]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_a_process_has_appended_it_reads_whoever_answers() {
    let (site, deposed) = Site::with_deposed().await;
    let store = site.store().await;
    let history = History::default();
    let commit = |n| commit_of(Writer { run: 0, number: 0 }, n);
    let stream: StreamId = commit(0).parts[0].stream.clone();
    let look = async || {
        let page = store.read_stream(&stream, StreamRead::after(0)).await.unwrap();
        (page.head.version, store.head().await.unwrap())
    };
    history.append(&*store, 0, commit(0)).await.unwrap();
    let (version, head) = look().await;
    deposed.answers_as_before(TIMES);
    let appended = history.append(&*store, 0, commit(1)).await.unwrap();
    assert_eq!(look().await, (appended.heads[0].version, appended.position));
    assert!(appended.heads[0].version > version && appended.position > head);
}
