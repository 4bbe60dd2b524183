//! Reads of the whole log.

use super::cases;
use super::words::*;
use es_core::Position;
use es_core::store::{EventSearch, EventStore, Filter, LogPage};
use uuid::Uuid;

/// Ten events over three streams of two categories, named by turns `Even` and `Odd`.
async fn ten(store: &dyn EventStore) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 1..=10 {
        let new = event(if number % 2 == 0 { "Even" } else { "Odd" });
        ids.push(new.id);
        append(store, ["a-1", "a-2", "b-1"][number % 3], vec![new]).await;
    }
    ids
}

fn categories(names: &[&str]) -> Filter {
    Filter { categories: names.iter().map(ToString::to_string).collect(), ..Filter::all() }
}

/// The numbers of a page's events, of how far it looked, and of where the log ends.
fn told(numbers: &Numbers, page: &LogPage) -> (Vec<u64>, u64, u64) {
    (numbers.all(&page.events), numbers.of(page.scanned_to), numbers.of(page.head))
}

cases! { $ __suite_log of log;
    async fn an_empty_log_has_scanned_nothing(store) {
        let page = log(store, Position(0), &Filter::all(), 10).await;
        assert_eq!((page.events, page.scanned_to, page.scanned_id, page.head), (vec![], Position(0), None, Position(0)));
    }

    async fn the_log_is_read_in_pages(store) {
        let ids = ten(store).await;
        let numbers = numbers(store).await;
        let first = log(store, Position(0), &Filter::all(), 4).await;
        assert_eq!((told(&numbers, &first), first.scanned_id), ((vec![1, 2, 3, 4], 4, 10), Some(ids[3])));
        let last = log(store, numbers.at(8), &Filter::all(), 4).await;
        assert_eq!((told(&numbers, &last), last.scanned_id), ((vec![9, 10], 10, 10), Some(ids[9])));
        let beyond = log(store, numbers.at(10), &Filter::all(), 4).await;
        assert_eq!((told(&numbers, &beyond), beyond.scanned_id), ((vec![], 10, 10), Some(ids[9])));
    }

    async fn behind_the_end_of_the_log_is_nothing_and_no_id(store) {
        ten(store).await;
        let end = store.head().await.unwrap();
        for after in [Position(end.0 + 1), Position(u64::MAX)] {
            let page = log(store, after, &Filter::all(), 4).await;
            assert_eq!((page.events, page.scanned_to, page.scanned_id), (vec![], after, None));
            assert_eq!(page.head, end);
        }
    }

    async fn a_limit_of_nothing_is_one(store) {
        ten(store).await;
        let numbers = numbers(store).await;
        assert_eq!(numbers.all(&log(store, numbers.at(2), &Filter::all(), 0).await.events), [3]);
    }

    async fn filters_take_streams_categories_and_names_together(store) {
        ten(store).await;
        let numbers = numbers(store).await;
        let names = vec!["Even".to_owned()];
        let streams = vec![stream("a-2"), stream("b-1")];
        let cases = [
            (categories(&["a"]), vec![1, 3, 4, 6, 7, 9, 10]),
            (categories(&["a", "b"]), (1..=10).collect()),
            (categories(&["c"]), vec![]),
            (categories(&[""]), vec![]),
            (Filter { names: names.clone(), ..Filter::all() }, vec![2, 4, 6, 8, 10]),
            (Filter { names: names.clone(), ..categories(&["a"]) }, vec![4, 6, 10]),
            (Filter { streams: streams.clone(), ..Filter::all() }, vec![1, 2, 4, 5, 7, 8, 10]),
            (Filter { streams: streams.clone(), names, ..categories(&["a"]) }, vec![4, 10]),
        ];
        for (filter, expected) in cases {
            let page = log(store, Position(0), &filter, 100).await;
            assert_eq!(told(&numbers, &page), (expected, 10, 10), "{filter:?}");
        }
    }

    async fn a_filtered_page_that_is_full_has_scanned_to_its_last_event(store) {
        let ids = ten(store).await;
        let numbers = numbers(store).await;
        let page = log(store, numbers.at(1), &categories(&["a"]), 2).await;
        assert_eq!((told(&numbers, &page), page.scanned_id), ((vec![3, 4], 4, 10), Some(ids[3])));
        assert_eq!(page.scanned_to, page.events[1].position);
    }

    async fn an_empty_page_says_how_far_it_has_looked(store) {
        let ids = ten(store).await;
        let numbers = numbers(store).await;
        for nothing in [categories(&["c"]), Filter::stream(stream("a")), Filter::all().names(["even"])] {
            for after in [0, 5, 9] {
                let page = log(store, numbers.at(after), &nothing, 1).await;
                assert_eq!((told(&numbers, &page), page.scanned_id), ((vec![], 10, 10), Some(ids[9])));
            }
        }
    }

    async fn pages_of_any_size_put_together_are_the_log(store) {
        ten(store).await;
        let all = whole_log(store).await;
        for filter in [Filter::all(), categories(&["a"]), Filter::stream(stream("b-1")), Filter::all().names(["Odd"])] {
            let wanted: Vec<_> = log(store, Position(0), &filter, 100).await.events;
            for limit in [1, 2, 3, 9, 10, 11] {
                let (mut after, mut events) = (Position(0), Vec::new());
                while after < all[9].position {
                    let page = log(store, after, &filter, limit).await;
                    assert!(page.events.len() <= limit as usize && page.scanned_to > after, "{limit}");
                    assert!(page.events.iter().all(|event| event.position <= page.scanned_to));
                    let scanned = all.iter().find(|event| event.position == page.scanned_to);
                    assert_eq!(page.scanned_id, scanned.map(|event| event.id), "the id is of the event it scanned to");
                    events.extend(page.events);
                    after = page.scanned_to;
                }
                assert_eq!(events, wanted, "in pages of {limit}");
            }
        }
    }

    async fn a_filter_that_matches_little_comes_to_the_end_in_short_pages(store) {
        for _ in 0..12 {
            filled(store, "a-1", 1_000).await;
        }
        let end = append(store, "b-1", vec![event("Rare")]).await.position;
        for filter in [categories(&["b"]), Filter { names: vec!["Rare".into()], ..categories(&["a", "b"]) }] {
            let (mut after, mut found, mut pages) = (Position(0), vec![], 0);
            while after < end {
                let page = log(store, after, &filter, 10).await;
                assert!(page.scanned_to > after, "a page must come further");
                found.extend(page.events.iter().map(|event| event.position));
                after = page.scanned_to;
                pages += 1;
            }
            assert_eq!(found, [end]);
            assert!(pages <= 20, "{pages} pages for one event");
        }
    }

    async fn an_event_is_found_by_its_id(store) {
        let ids = ten(store).await;
        let numbers = numbers(store).await;
        let on_its_stream = EventSearch::on(stream("a-2"), ids[6]);
        for search in [EventSearch::of(ids[6]), on_its_stream.clone(), on_its_stream.after(numbers.at(6))] {
            let found = store.find_event(search).await.unwrap().unwrap();
            assert_eq!((found.position, found.id, found.stream.as_str()), (numbers.at(7), ids[6], "a-2"));
        }
        for search in [EventSearch::of(Uuid::now_v7()), EventSearch::on(stream("a-2"), Uuid::now_v7())] {
            assert_eq!(store.find_event(search).await.unwrap(), None);
        }
    }

    async fn an_event_is_the_same_wherever_it_is_read(store) {
        ten(store).await;
        for stored in whole_log(store).await {
            assert_eq!(found(store, stored.id).await.as_ref(), Some(&stored));
            let read = es_core::store::StreamRead::after(stored.version - 1).limit(1);
            assert_eq!(page(store, stored.stream.as_str(), read).await.events, [stored]);
        }
    }

    async fn a_page_of_large_events_ends_early_and_nothing_is_skipped(store) {
        five_large(store).await;
        let numbers = numbers(store).await;
        let first = log(store, Position(0), &Filter::all(), 500).await;
        assert_eq!(told(&numbers, &first), (vec![1, 2, 3], 3, 5));
        assert_eq!(first.scanned_id, Some(first.events[2].id));
        let rest = log(store, first.scanned_to, &categories(&["a"]), 500).await;
        assert_eq!(told(&numbers, &rest), (vec![4, 5], 5, 5));
    }
}
