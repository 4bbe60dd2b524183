//! A store that is closed while something is on its way.

use crate::kit::*;
use es_core::Position;
use es_core::store::{AppendError, EventStore, Expected, NatsOptions};
use std::time::Duration;
use tests::server::nats;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn what_is_on_its_way_is_answered_before_the_store_is_closed() {
    for _ in 0..10 {
        let (store, namespace) = one().await;
        let mut sending = JoinSet::new();
        for n in 0..64 {
            let (store, name) = (store.clone(), format!("a-{n}"));
            let events = (0..=n % 3).map(|_| event()).collect::<Vec<_>>();
            sending.spawn(async move {
                let count = events.len() as u64;
                store.append(commit(&name, Expected::NoStream, events)).await.map(|_| count)
            });
        }
        store.wait(Position(0), Duration::MAX).await;
        store.close().await;
        let mut stored = 0;
        for answer in sending.join_all().await {
            match answer {
                Ok(count) => stored += count,
                Err(AppendError::Unavailable { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let again = nats(NatsOptions::new().namespace(namespace)).await;
        assert_eq!(again.head().await.unwrap(), Position(stored));
    }
}
