//! Reads of the whole log, and waiting for it to grow.

use crate::kit::*;
use es_core::Position;
use es_core::store::{EventSearch, EventStore, Filter};
use std::time::Duration;
use uuid::Uuid;

/// Ten events over three streams of two categories, named by turns `Even` and `Odd`.
async fn ten(store: &dyn EventStore) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for position in 1..=10 {
        let new = event(if position % 2 == 0 { "Even" } else { "Odd" });
        ids.push(new.id);
        append(store, ["a-1", "a-2", "b-1"][position % 3], vec![new]).await;
    }
    ids
}

fn categories(names: &[&str]) -> Filter {
    Filter { categories: names.iter().map(ToString::to_string).collect(), ..Filter::default() }
}

on_every_store! {
    async fn an_empty_log_has_scanned_nothing(store) {
        let page = log(store, 0, &Filter::default(), 10).await;
        assert_eq!((page.events, page.scanned_to, page.scanned_id, page.head), (vec![], Position(0), None, Position(0)));
    }

    async fn the_log_is_read_in_pages(store) {
        let ids = ten(store).await;
        let first = log(store, 0, &Filter::default(), 4).await;
        assert_eq!(positions(&first.events), [1, 2, 3, 4]);
        assert_eq!((first.scanned_to, first.scanned_id, first.head), (Position(4), Some(ids[3]), Position(10)));
        let last = log(store, 8, &Filter::default(), 4).await;
        assert_eq!(positions(&last.events), [9, 10]);
        assert_eq!((last.scanned_to, last.scanned_id), (Position(10), Some(ids[9])));
        let beyond = log(store, 10, &Filter::default(), 4).await;
        assert_eq!((beyond.events, beyond.scanned_to, beyond.scanned_id), (vec![], Position(10), Some(ids[9])));
    }

    async fn behind_the_end_of_the_log_is_nothing_and_no_id(store) {
        ten(store).await;
        for after in [11, u64::MAX] {
            let page = log(store, after, &Filter::default(), 4).await;
            assert_eq!((page.events, page.scanned_to, page.scanned_id), (vec![], Position(after), None));
            assert_eq!(page.head, Position(10));
        }
    }

    async fn a_limit_of_nothing_is_one(store) {
        ten(store).await;
        assert_eq!(positions(&log(store, 2, &Filter::default(), 0).await.events), [3]);
    }

    async fn filters_take_streams_categories_and_names_together(store) {
        ten(store).await;
        let names = vec!["Even".to_owned()];
        let streams = vec![stream("a-2"), stream("b-1")];
        let cases = [
            (categories(&["a"]), vec![1, 3, 4, 6, 7, 9, 10]),
            (categories(&["a", "b"]), (1..=10).collect()),
            (categories(&["c"]), vec![]),
            (categories(&[""]), vec![]),
            (Filter { names: names.clone(), ..Filter::default() }, vec![2, 4, 6, 8, 10]),
            (Filter { names: names.clone(), ..categories(&["a"]) }, vec![4, 6, 10]),
            (Filter { streams: streams.clone(), ..Filter::default() }, vec![1, 2, 4, 5, 7, 8, 10]),
            (Filter { streams: streams.clone(), names, ..categories(&["a"]) }, vec![4, 10]),
        ];
        for (filter, expected) in cases {
            let page = log(store, 0, &filter, 100).await;
            assert_eq!(positions(&page.events), expected, "{filter:?}");
            assert_eq!((page.scanned_to, page.head), (Position(10), Position(10)), "{filter:?}");
        }
    }

    async fn a_filtered_page_that_is_full_has_scanned_to_its_last_event(store) {
        let ids = ten(store).await;
        let page = log(store, 1, &categories(&["a"]), 2).await;
        assert_eq!(positions(&page.events), [3, 4]);
        assert_eq!((page.scanned_to, page.scanned_id), (Position(4), Some(ids[3])));
    }

    async fn a_filter_that_matches_little_comes_to_the_end_in_short_pages(store) {
        for _ in 0..12 {
            filled(store, "a-1", 1_000).await;
        }
        append(store, "b-1", vec![event("Rare")]).await;
        for filter in [categories(&["b"]), Filter { names: vec!["Rare".into()], ..categories(&["a", "b"]) }] {
            let (mut after, mut found, mut pages) = (0, vec![], 0);
            while after < 12_001 {
                let page = log(store, after, &filter, 10).await;
                assert!(page.scanned_to.0 > after, "a page must come further");
                found.extend(positions(&page.events));
                after = page.scanned_to.0;
                pages += 1;
            }
            assert_eq!(found, [12_001]);
            assert!(pages <= 2);
        }
    }

    async fn an_event_is_found_by_its_id(store) {
        let ids = ten(store).await;
        let on_its_stream = EventSearch::on(stream("a-2"), ids[6]);
        for search in [EventSearch::of(ids[6]), on_its_stream.clone(), on_its_stream.after(Position(6))] {
            let found = store.find_event(search).await.unwrap().unwrap();
            assert_eq!((found.position, found.id, found.stream.as_str()), (Position(7), ids[6], "a-2"));
        }
        for search in [EventSearch::of(Uuid::now_v7()), EventSearch::on(stream("a-2"), Uuid::now_v7())] {
            assert_eq!(store.find_event(search).await.unwrap(), None);
        }
    }

    async fn waiting_ends_at_once_if_there_is_something(store) {
        ten(store).await;
        store.wait(Position(9), Duration::MAX).await;
    }

    async fn waiting_ends_when_something_comes(store) {
        let position = store.head().await.unwrap();
        let wait = store.wait(position, Duration::from_hours(1));
        let append = append(store, "a-1", vec![event("Awaited")]);
        let ((), appended) = tokio::join!(wait, append);
        assert_eq!(appended.position, Position(1));
    }

    async fn waiting_ends_when_nothing_comes(store) {
        store.wait(Position(0), Duration::from_millis(1)).await;
        assert_eq!(store.head().await.unwrap(), Position(0));
    }

    async fn a_page_of_large_events_ends_early_and_nothing_is_skipped(store) {
        five_large(store).await;
        let first = log(store, 0, &Filter::default(), 500).await;
        assert_eq!((positions(&first.events), first.scanned_to, first.head), (vec![1, 2, 3], Position(3), Position(5)));
        assert_eq!(first.scanned_id, Some(first.events[2].id));
        let rest = log(store, 3, &categories(&["a"]), 500).await;
        assert_eq!((positions(&rest.events), rest.scanned_to), (vec![4, 5], Position(5)));
    }
}
