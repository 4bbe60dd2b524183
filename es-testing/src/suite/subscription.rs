//! Following the log while it grows: pages, and waits in between.

use super::cases;
use super::words::*;
use es_core::Position;
use es_core::store::{Commit, EventStore, Expected, Filter, StoredEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a reader waits before it looks again by itself.
const LOOK: Duration = Duration::from_millis(50);

/// What a reader is given that follows the log until it has so many events.
async fn followed(store: Arc<dyn EventStore>, filter: Filter, limit: u32, count: usize) -> Vec<StoredEvent> {
    let (mut after, mut events) = (Position(0), Vec::new());
    while events.len() < count {
        let page = log(&*store, after, &filter, limit).await;
        assert!(page.scanned_to >= after && page.head >= after, "a page goes back");
        let is_new = page.scanned_to > after;
        events.extend(page.events);
        after = page.scanned_to;
        if !is_new {
            store.wait(after, LOOK).await;
        }
    }
    events
}

/// Four writers: each appends so many commits of two parts, one to its own stream, one to that of all.
async fn written(store: &Arc<dyn EventStore>, commits: usize) {
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        async move {
            for _ in 0..commits {
                let own =
                    part(&format!("own-{writer}"), Expected::Any, vec![event("First"), event("Second")]);
                let common = part("common-1", Expected::Any, vec![event("Third")]);
                store.append(Commit::all(vec![own, common])).await.unwrap();
            }
        }
    });
    all(writers).await;
}

cases! { $ __suite_subscription of subscription;
    async fn waiting_ends_at_once_if_there_is_something(store) {
        filled(store, "a-1", 10).await;
        let before_last = numbers(store).await.at(9);
        let ended = timeout(LONG, store.wait(before_last, Duration::MAX)).await;
        assert!(ended.is_ok(), "a wait for what is there does not end");
    }

    async fn waiting_ends_when_something_comes(store, again) {
        for _ in 0..5 {
            let position = store.head().await.unwrap();
            let waiting = again.clone();
            let wait = tokio::spawn(async move { timeout(LONG, waiting.wait(position, Duration::from_hours(1))).await });
            append(&*store, "a-1", vec![event("Awaited")]).await;
            assert!(wait.await.unwrap().is_ok(), "a wait does not end by what comes");
            assert!(again.head().await.unwrap() > position);
        }
    }

    async fn waiting_ends_for_everybody(store, again) {
        let waiting = (0..16).map(|n| {
            let store = if n % 2 == 0 { store.clone() } else { again.clone() };
            tokio::spawn(async move { timeout(LONG, store.wait(Position(0), Duration::from_hours(1))).await })
        });
        let waiting: Vec<_> = waiting.collect();
        append(&*store, "a-1", vec![event("Awaited")]).await;
        for wait in waiting {
            assert!(wait.await.unwrap().is_ok(), "one of many waits does not end");
        }
    }

    async fn waiting_ends_when_nothing_comes(store) {
        for after in [Position(0), Position(9), Position(u64::MAX)] {
            let ended = timeout(LONG, store.wait(after, Duration::from_millis(1))).await;
            assert!(ended.is_ok(), "a wait is longer than it may be");
        }
        assert_eq!(store.head().await.unwrap(), Position(0));
    }

    async fn a_wait_that_nobody_waits_for_does_no_harm(store) {
        for _ in 0..20 {
            polled_once(store.wait(Position(0), Duration::from_hours(1))).await;
        }
        append(store, "a-1", events(1)).await;
        assert!(timeout(LONG, store.wait(Position(0), Duration::from_hours(1))).await.is_ok());
    }

    async fn a_reader_beside_writers_is_given_each_event_once(store, again) {
        let readers = [(1_000, &store), (7, &again), (1, &store)].map(|(limit, store)| {
            tokio::spawn(followed(store.clone(), Filter::all(), limit, 4 * 25 * 3))
        });
        written(&store, 25).await;
        let log = whole_log(&*store).await;
        assert_eq!(log.len(), 4 * 25 * 3);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), log, "a reader is given the log, in order, each event once");
        }
    }

    async fn a_filtered_reader_beside_writers_is_given_its_events_once(store, again) {
        let readers = [Filter::stream(stream("own-2")), Filter::category("common"), Filter::all().names(["Second"])];
        let readers = readers.map(|filter| {
            let count = if filter.streams.is_empty() { 4 * 25 } else { 2 * 25 };
            (filter.clone(), tokio::spawn(followed(again.clone(), filter, 5, count)))
        });
        written(&store, 25).await;
        for (filter, reader) in readers {
            let wanted = log(&*store, Position(0), &filter, 1_000).await.events;
            assert_eq!(reader.await.unwrap(), wanted, "{filter:?}");
        }
    }
}
