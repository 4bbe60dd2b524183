//! Appends: what is stored, and where.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{Commit, Expected, Filter, NewEvent, StreamRead};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

cases! { $ __suite_append of append;
    async fn a_new_store_is_empty(store) {
        assert_eq!(store.head().await.unwrap(), Position(0));
        assert_eq!(log(store, Position(0), &Filter::all(), 10).await.events, []);
        assert_eq!(store.processors("").await.unwrap(), []);
    }

    async fn what_is_appended_is_read_back_whole(store) {
        let new = NewEvent {
            id: Uuid::now_v7(),
            name: "account.opened".into(),
            schema: u16::MAX,
            recorded_at: "2026-10-31T23:59:59.999999Z".parse().unwrap(),
            payload: Bytes::from_static(b"\0\xff payload"),
            metadata: Bytes::new(),
        };
        append(store, "account-1", vec![new.clone()]).await;
        let read = page(store, "account-1", StreamRead::after(0)).await.events.remove(0);
        assert_eq!((read.position, read.version, read.stream), (numbers(store).await.last(), 1, stream("account-1")));
        assert_eq!((read.id, read.name, read.schema), (new.id, new.name, new.schema));
        assert_eq!((read.recorded_at, read.payload, read.metadata), (new.recorded_at, Some(new.payload), new.metadata));
    }

    async fn an_empty_payload_is_not_a_redacted_one(store) {
        append(store, "a-1", vec![NewEvent { payload: Bytes::new(), ..event("Empty") }]).await;
        assert_eq!(whole_log(store).await[0].payload, Some(Bytes::new()));
    }

    async fn stored_at_never_goes_back_along_the_log(store) {
        for count in [1, 3, 2] {
            filled(store, "a-1", count).await;
        }
        assert!(whole_log(store).await.is_sorted_by_key(|event| event.stored_at));
    }

    async fn stored_at_is_when_an_event_was_stored(store) {
        filled(store, "a-1", 1).await;
        let stored_at = whole_log(store).await[0].stored_at;
        let off_by = Timestamp::now().duration_since(stored_at).abs();
        // The clock is the store's own, and may be another machine's.
        assert!(off_by < SignedDuration::from_hours(24), "{stored_at} is {off_by} off");
    }

    async fn payloads_and_metadata_are_any_bytes(store) {
        let bytes: Bytes = (0..=u8::MAX).rev().collect();
        for (payload, metadata) in [(bytes.clone(), Bytes::new()), (Bytes::new(), bytes.clone()), (bytes.clone(), bytes)] {
            let new = NewEvent { payload, metadata, ..event("Bytes") };
            append(store, "a-1", vec![new.clone()]).await;
            let read = found(store, new.id).await.unwrap();
            assert_eq!((read.payload, read.metadata), (Some(new.payload), new.metadata));
        }
    }

    async fn times_are_kept_to_the_microsecond(store) {
        let times = ["1582-10-15T00:00:00.000001Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2262-04-12T00:00:00.000001Z"];
        let times: Vec<_> = times.iter().map(|time| time.parse().unwrap()).collect();
        let events = times.iter().map(|&recorded_at| NewEvent { recorded_at, ..event("Timed") });
        append(store, "a-1", events.collect()).await;
        let read = page(store, "a-1", StreamRead::after(0)).await.events;
        assert_eq!(read.iter().map(|event| event.recorded_at).collect::<Vec<_>>(), times);
    }

    async fn the_position_of_a_commit_is_that_of_its_last_event(store) {
        for count in 1..4 {
            let appended = append(store, "a-1", events(count)).await;
            assert_eq!(appended.position, whole_log(store).await.last().unwrap().position);
        }
    }

    async fn the_positions_of_a_commit_follow_each_other(store) {
        for _ in 0..3 {
            let parts = vec![part("a-1", Expected::Any, events(3)), part("b-1", Expected::Any, events(2))];
            store.append(Commit::all(parts)).await.unwrap();
        }
        for commit in whole_log(store).await.chunks(5) {
            let first = commit[0].position.0;
            let positions: Vec<_> = commit.iter().map(|event| event.position.0).collect();
            assert_eq!(positions, (first..first + 5).collect::<Vec<_>>());
        }
    }

    async fn what_was_appended_is_seen_by_every_later_read(store) {
        for version in 1..=20 {
            let new = event("Seen");
            let appended = append(store, "a-1", vec![new.clone()]).await;
            assert_eq!(appended.heads, [open_head(version)]);
            assert_eq!(head(store, "a-1").await, open_head(version));
            assert_eq!(store.head().await.unwrap(), appended.position);
            assert_eq!(found(store, new.id).await.unwrap().position, appended.position);
            let page = log(store, Position(appended.position.0 - 1), &Filter::all(), 10).await;
            assert_eq!(page.events.last().map(|event| event.id), Some(new.id));
        }
    }

    async fn an_append_that_was_never_polled_stores_nothing(store) {
        for _ in 0..10 {
            drop(store.append(commit("a-1", Expected::Any, events(1))));
        }
        filled(store, "b-1", 1).await;
        assert_eq!((head(store, "a-1").await, length(store).await), (open_head(0), 1));
    }

    async fn an_append_whose_caller_is_gone_is_stored_whole_or_not_at_all(store) {
        for round in 0..20 {
            let parts = vec![part("a-1", Expected::Any, events(3)), part("b-1", Expected::Any, events(2))];
            let begun = Commit::all(parts);
            polled_once(store.append(begun.clone())).await;
            let begun_so_far = whole_log(store).await.len();
            assert!([5 * round, 5 * round + 5].contains(&begun_so_far), "a part of a commit is there: {begun_so_far}");
            // Sent again, it is settled: behind this it is there once.
            store.append(begun.clone()).await.unwrap();
            let ids: Vec<_> = begun.parts.iter().flat_map(|part| &part.events).map(|event| event.id).collect();
            let stored: Vec<Uuid> = whole_log(store).await.iter().skip(5 * round).map(|event| event.id).collect();
            assert_eq!(stored, ids);
        }
        assert_eq!((head(store, "a-1").await, head(store, "b-1").await), (open_head(60), open_head(40)));
    }
}
