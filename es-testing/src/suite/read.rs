//! Reads of one stream: directions, bounds, pages.

use super::cases;
use super::words::*;
use es_core::store::{Bound, EventStore, Expected, NewEvent, StoredEvent, StreamPage, StreamRead};

/// Five events, recorded at the seconds 10, 20, 20, 30 and 40.
async fn five(store: &dyn EventStore) {
    let at = [10, 20, 20, 30, 40].map(|second| NewEvent { recorded_at: at(second), ..event("Timed") });
    filled(store, "b-1", 3).await;
    append(store, "a-1", at.to_vec()).await;
    filled(store, "b-1", 3).await;
}

/// The versions of a page of `a-1`, and whether there are more.
async fn read(store: &dyn EventStore, read: StreamRead) -> (Vec<u64>, bool) {
    let page = page(store, "a-1", read).await;
    assert_eq!(page.head, open_head(5));
    assert!(page.events.iter().all(|event| event.stream.as_str() == "a-1"));
    (versions(&page.events), page.more)
}

/// What a page is by its promise: the versions, one after the other, and whether there are more.
fn promised(first: u64, times: &[i64], read: StreamRead) -> (Vec<u64>, bool) {
    let within = |version: u64| match read.until {
        Bound::End => true,
        Bound::Version(last) => version <= last,
        Bound::Time(time) => self::at(times[usize::try_from(version).unwrap() - 1]) <= time,
    };
    let beyond = |version: u64| if read.backward { version < read.after } else { version > read.after };
    let mut all: Vec<_> =
        (first..=times.len() as u64).filter(|&version| within(version) && beyond(version)).collect();
    if read.backward {
        all.reverse();
    }
    let more = all.len() > read.limit as usize;
    all.truncate(read.limit as usize);
    (all, more)
}

/// Reads in each direction, from each edge to each bound, in pages of several sizes.
async fn read_all(store: &dyn EventStore, first: u64, times: &[i64]) {
    let versions_to = [0, 1, 3, 5, u64::MAX].map(Bound::Version);
    let times_to = [9, 20, 25, 40].map(|second| Bound::Time(at(second)));
    for until in [Bound::End].into_iter().chain(versions_to).chain(times_to) {
        for after in [0, 1, 3, 5, 6, u64::MAX] {
            for (limit, backward) in [(1, false), (2, false), (5, false), (1, true), (2, true), (5, true)] {
                let read = StreamRead { after, until, backward, limit, bare: false };
                let page = page(store, "a-1", read).await;
                assert_eq!((versions(&page.events), page.more), promised(first, times, read), "{read:?}");
                assert_eq!(page.head.version, times.len() as u64, "the head is the stream's, not the page's");
            }
        }
    }
}

cases! { $ __suite_read of read;
    async fn a_stream_that_was_never_written_is_empty(store) {
        five(store).await;
        for at in [StreamRead::after(0), StreamRead::before(u64::MAX), StreamRead::after(u64::MAX)] {
            let page = page(store, "a-2", at).await;
            assert_eq!((page.events, page.head, page.more), (vec![], open_head(0), false));
        }
    }

    async fn forward_goes_from_old_to_new(store) {
        five(store).await;
        assert_eq!(read(store, StreamRead::after(0)).await, (vec![1, 2, 3, 4, 5], false));
        assert_eq!(read(store, StreamRead::after(3)).await, (vec![4, 5], false));
        assert_eq!(read(store, StreamRead::after(5)).await, (vec![], false));
        assert_eq!(read(store, StreamRead::after(u64::MAX)).await, (vec![], false));
    }

    async fn backward_goes_from_new_to_old(store) {
        five(store).await;
        assert_eq!(read(store, StreamRead::before(u64::MAX)).await, (vec![5, 4, 3, 2, 1], false));
        assert_eq!(read(store, StreamRead::before(6)).await, (vec![5, 4, 3, 2, 1], false));
        assert_eq!(read(store, StreamRead::before(3)).await, (vec![2, 1], false));
        assert_eq!(read(store, StreamRead::before(1)).await, (vec![], false));
        assert_eq!(read(store, StreamRead::before(0)).await, (vec![], false));
    }

    async fn a_full_page_says_whether_there_is_more(store) {
        five(store).await;
        assert_eq!(read(store, StreamRead::after(0).limit(4)).await, (vec![1, 2, 3, 4], true));
        assert_eq!(read(store, StreamRead::after(0).limit(5)).await, (vec![1, 2, 3, 4, 5], false));
        assert_eq!(read(store, StreamRead::after(4).limit(1)).await, (vec![5], false));
        assert_eq!(read(store, StreamRead::before(6).limit(4)).await, (vec![5, 4, 3, 2], true));
        assert_eq!(read(store, StreamRead::before(5).limit(4)).await, (vec![4, 3, 2, 1], false));
        assert_eq!(read(store, StreamRead { limit: 0, ..StreamRead::after(0) }).await, (vec![1], true));
    }

    async fn a_bare_read_has_all_that_events_say(store) {
        five(store).await;
        for read in [StreamRead::after(1).limit(3), StreamRead::before(9), StreamRead::after(0).until(Bound::Time(at(20)))] {
            let (whole, bare) = (page(store, "a-1", read).await, page(store, "a-1", read.bare()).await);
            assert_eq!((bare.head, bare.more), (whole.head, whole.more));
            let said = |page: StreamPage| {
                let said = |event: StoredEvent| {
                    (event.position, event.stream, event.version, event.name, event.schema, event.recorded_at, event.payload)
                };
                page.events.into_iter().map(said).collect::<Vec<_>>()
            };
            assert_eq!(said(bare), said(whole));
        }
    }

    async fn a_version_is_an_inclusive_bound(store) {
        five(store).await;
        let until = |version| Bound::Version(version);
        assert_eq!(read(store, StreamRead::after(0).until(until(3))).await, (vec![1, 2, 3], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(3)).limit(3)).await, (vec![1, 2, 3], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(3)).limit(2)).await, (vec![1, 2], true));
        assert_eq!(read(store, StreamRead::after(3).until(until(3))).await, (vec![], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(0))).await, (vec![], false));
        assert_eq!(read(store, StreamRead::after(3).until(until(u64::MAX))).await, (vec![4, 5], false));
        assert_eq!(read(store, StreamRead::before(9).until(until(3))).await, (vec![3, 2, 1], false));
        assert_eq!(read(store, StreamRead::before(3).until(until(3))).await, (vec![2, 1], false));
    }

    async fn a_time_is_an_inclusive_bound(store) {
        five(store).await;
        let until = |second| Bound::Time(at(second));
        assert_eq!(read(store, StreamRead::after(0).until(until(20))).await, (vec![1, 2, 3], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(29))).await, (vec![1, 2, 3], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(20)).limit(2)).await, (vec![1, 2], true));
        assert_eq!(read(store, StreamRead::after(0).until(until(9))).await, (vec![], false));
        assert_eq!(read(store, StreamRead::after(0).until(until(99))).await, (vec![1, 2, 3, 4, 5], false));
        assert_eq!(read(store, StreamRead::before(9).until(until(30)).limit(1)).await, (vec![4], true));
        assert_eq!(read(store, StreamRead::after(0).until(Bound::Time(jiff::Timestamp::MIN))).await, (vec![], false));
        assert_eq!(read(store, StreamRead::after(4).until(Bound::Time(jiff::Timestamp::MAX))).await, (vec![5], false));
    }

    async fn pages_put_together_are_the_stream(store) {
        five(store).await;
        let (mut forward, mut backward) = (vec![], vec![]);
        let mut more = true;
        while more {
            let page = page(store, "a-1", StreamRead::after(forward.last().copied().unwrap_or(0)).limit(2)).await;
            forward.extend(versions(&page.events));
            more = page.more;
        }
        more = true;
        while more {
            let page = page(store, "a-1", StreamRead::before(backward.last().copied().unwrap_or(9)).limit(2)).await;
            backward.extend(versions(&page.events));
            more = page.more;
        }
        assert_eq!(forward, [1, 2, 3, 4, 5]);
        assert_eq!(backward, [5, 4, 3, 2, 1]);
    }

    async fn a_page_of_large_events_ends_early_and_says_that_there_are_more(store) {
        five_large(store).await;
        let forward = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!((versions(&forward.events), forward.more), (vec![1, 2, 3], true));
        let rest = page(store, "a-1", StreamRead::after(3)).await;
        assert_eq!((versions(&rest.events), rest.more), (vec![4, 5], false));
        let backward = page(store, "a-1", StreamRead::before(6)).await;
        assert_eq!((versions(&backward.events), backward.more), (vec![5, 4, 3], true));
        let bound = StreamRead::after(0).until(Bound::Version(3));
        let bound = page(store, "a-1", bound).await;
        assert_eq!((versions(&bound.events), bound.more), (vec![1, 2, 3], false));
    }

    async fn a_page_is_what_its_edges_say_and_no_more(store) {
        five(store).await;
        read_all(store, 1, &[10, 20, 20, 30, 40]).await;
    }

    async fn a_page_of_a_truncated_stream_is_what_its_edges_say(store) {
        five(store).await;
        store.truncate_stream(&stream("a-1"), Expected::Any, 3).await.unwrap();
        read_all(store, 3, &[10, 20, 20, 30, 40]).await;
    }

    async fn a_stream_of_many_commits_is_read_in_their_order(store) {
        let mut ids = Vec::new();
        for count in [1, 7, 2, 30, 1] {
            ids.extend(filled(store, "a-1", count).await);
            filled(store, "b-1", 2).await;
        }
        let page = page(store, "a-1", StreamRead::after(0)).await;
        assert_eq!(page.events.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
        assert!(page.events.is_sorted_by(|a, b| a.position < b.position && a.version + 1 == b.version));
    }
}
