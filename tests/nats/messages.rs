//! What is, or shall be, a message.

use crate::kit::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    AppendError, EventStore, Expected, Filter, NatsOptions, NatsStore, NewEvent, ReadError, StreamRead,
};
use std::time::Duration;
use tests::server::variable;

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_message_that_somebody_else_has_written_is_damage() {
    let (store, namespace) = one().await;
    filled(&store, "a-1", 1).await;
    by_hand().await.publish(format!("{namespace}.ev.a.1"), "by hand".into()).await.unwrap().await.unwrap();
    let read = store.read_stream(&stream("a-1"), StreamRead::after(0)).await;
    assert!(matches!(read, Err(ReadError::Corrupt { at: Position(2), .. })), "{read:?}");
    let log = store.read_log(Position(0), &Filter::all(), 10).await;
    assert!(matches!(log, Err(ReadError::Corrupt { at: Position(2), .. })), "{log:?}");
    let answer = store.append(commit("a-1", Expected::Any, vec![event()])).await;
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
    assert_eq!(store.head().await.unwrap(), Position(2));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn an_event_that_fits_into_no_message_is_too_large() {
    let (store, _) = one().await;
    let limit = by_hand().await.client().max_payload();
    let large = NewEvent { payload: Bytes::from(vec![b' '; limit]), ..event() };
    for events in [vec![large.clone()], vec![event(), large]] {
        let answer = store.append(commit("a-1", Expected::Any, events)).await;
        let refused = matches!(answer, Err(AppendError::TooLarge { limit: found, .. }) if found == limit);
        assert!(refused || limit > es_core::store::MAX_COMMIT_BYTES, "{answer:?}");
    }
    assert_eq!(store.head().await.unwrap(), Position(0));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn one_id_of_several_that_is_elsewhere_leaves_nothing() {
    let (store, _) = one().await;
    let ids = filled(&store, "b-1", 1).await;
    let taken = NewEvent { id: ids[0], ..event() };
    let answer = store.append(commit("a-1", Expected::Any, vec![event(), taken])).await;
    assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}");
    assert_eq!(store.head().await.unwrap(), Position(1));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_closed_store_answers_nothing_more() {
    let (store, namespace) = one().await;
    filled(&store, "a-1", 1).await;
    store.close().await;
    let answer = store.append(commit("a-1", Expected::Any, vec![event()])).await;
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
    assert!(store.head().await.is_err_and(|error| error.is_closed()));
    store.wait(Position(9), Duration::MAX).await;
    let options = NatsOptions::new().namespace(namespace);
    let next = NatsStore::connect_with(&variable("ES_NATS"), options).await.unwrap();
    assert_eq!(next.head().await.unwrap(), Position(1));
}
