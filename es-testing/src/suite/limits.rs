//! Limits, and names that are at the edge of what a store can keep.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    AppendError, Commit, Expected, Filter, MAX_COMMIT_BYTES, MAX_STREAM_BYTES, NewEvent, Redaction,
    StreamRead,
};

/// Names that a store may take for one another, or for more than a name: by case, by composition, as wildcards,
/// as escapes, as quotes, as ends.
const ALIKE: [&str; 26] = [
    "a-1",
    "A-1",
    "a-1 ",
    " a-1",
    "a.1",
    "a*",
    "a>",
    ">",
    "*",
    "%",
    "a%",
    "a_",
    "a%2D1",
    "a\\1",
    "a'1",
    "a\"1",
    "a\0",
    "a\0\0",
    "\u{e9}",
    "e\u{301}",
    "a/1",
    "a$1",
    "$closed",
    "a\n",
    "a\t",
    "\u{1f980}",
];

cases! { $ __suite_limits of limits;
    async fn a_thousand_events_go_into_one_commit(store) {
        let appended = append(store, "a-1", events(1_000)).await;
        let log = whole_log(store).await;
        assert_eq!((appended.heads, appended.position), (vec![open_head(1_000)], log[999].position));
        assert_eq!(versions(&log), (1..=1_000).collect::<Vec<_>>());
        assert_eq!(length(store).await, 1_000);
    }

    async fn a_thousand_and_one_events_are_too_large(store) {
        let parts = vec![part("a-1", Expected::Any, events(1_000)), part("b-1", Expected::Any, events(1))];
        let answer = store.append(Commit::all(parts)).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { size: 1_001, limit: 1_000, .. })), "{answer:?}");
    }

    async fn four_mebibytes_go_into_one_commit_and_no_byte_more(store) {
        let sized = |size| vec![NewEvent { payload: Bytes::from(vec![7; size - 2]), ..event("Large") }];
        append(store, "a-1", sized(MAX_COMMIT_BYTES)).await;
        let answer = store.append(commit("a-1", Expected::Any, sized(MAX_COMMIT_BYTES + 1))).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { limit: MAX_COMMIT_BYTES, .. })), "{answer:?}");
        assert_eq!(whole_log(store).await[0].payload.as_ref().unwrap().len(), MAX_COMMIT_BYTES - 2);
    }

    async fn streams_and_events_may_be_called_anything(store) {
        let longest = "x".repeat(MAX_STREAM_BYTES);
        let odd = ["", "-", "no category", "a\0b-\0", "a\0b-\0\0", "größe-日本語-🦀", "%_'\";--", ".*>", "\u{feff}-\r\n", &longest];
        for (index, name) in odd.into_iter().enumerate() {
            let named = NewEvent { name: name.to_owned().into(), ..event("") };
            append(store, name, vec![named]).await;
            let read = page(store, name, StreamRead::after(0)).await;
            assert_eq!((read.head, read.events.len()), (open_head(1), 1), "{name:?}");
            assert_eq!(read.events[0].name, name);
            assert_eq!(whole_log(store).await[index].stream, stream(name));
        }
    }

    async fn a_stream_with_too_long_a_name_is_refused_everywhere(store) {
        let name = "x".repeat(MAX_STREAM_BYTES + 1);
        let too_large = |answer| matches!(answer, Err(AppendError::TooLarge { limit: MAX_STREAM_BYTES, .. }));
        assert!(too_large(store.append(commit(&name, Expected::Any, events(1))).await.map(drop)));
        assert!(too_large(store.close_stream(&stream(&name), Expected::Any, "").await));
        assert!(too_large(store.truncate_stream(&stream(&name), Expected::Any, 1).await));
        assert!(too_large(store.save_snapshot(snapshot(&name, 1)).await));
    }

    async fn the_bytes_of_a_commit_are_counted_over_all_of_it(store) {
        let half = |more| {
            let bytes = Bytes::from(vec![7; MAX_COMMIT_BYTES / 4]);
            let more = Bytes::from(vec![7; MAX_COMMIT_BYTES / 4 + more]);
            NewEvent { payload: bytes, metadata: more, ..event("Half") }
        };
        let parts = |more| vec![part("a-1", Expected::Any, vec![half(0)]), part("b-1", Expected::Any, vec![half(more)])];
        let answer = store.append(Commit::all(parts(1))).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { limit: MAX_COMMIT_BYTES, .. })), "{answer:?}");
        assert_eq!(length(store).await, 0, "what is too large is not stored");
        store.append(Commit::all(parts(0))).await.unwrap();
        assert_eq!(length(store).await, 2);
    }

    async fn a_redaction_leaves_no_more_metadata_than_a_commit_may_have(store) {
        let ids = filled(store, "a-1", 2).await;
        let sized = |size| Bytes::from(vec![7; size]);
        let beside = Some((ids[1], sized(1)));
        let large = Redaction { beside, ..Redaction::of(ids[0], sized(MAX_COMMIT_BYTES)) };
        let answer = store.redact_event(large).await;
        assert!(matches!(answer, Err(AppendError::TooLarge { limit: MAX_COMMIT_BYTES, .. })), "{answer:?}");
        assert_eq!(head(store, "a-1").await, open_head(2));
    }

    async fn streams_whose_names_are_alike_are_apart(store) {
        for (index, name) in ALIKE.into_iter().enumerate() {
            filled(store, name, index + 1).await;
        }
        for (index, name) in ALIKE.into_iter().enumerate() {
            let page = page(store, name, StreamRead::after(0)).await;
            assert_eq!(page.head, open_head(index as u64 + 1), "{name:?}");
            assert!(page.events.iter().all(|event| event.stream == stream(name)), "{name:?}");
            let of_it = log(store, Position(0), &Filter::stream(stream(name)), 1_000).await;
            assert_eq!(of_it.events, page.events, "{name:?}");
        }
    }

    async fn categories_and_names_of_events_may_be_called_anything(store) {
        for name in ALIKE {
            append(store, &format!("{name}-1"), vec![NewEvent { name: name.into(), ..event("") }]).await;
        }
        for name in ALIKE {
            // A category ends at the first hyphen.
            let category = name.split('-').next().unwrap_or_default();
            let wanted = ALIKE.iter().filter(|alike| alike.split('-').next() == Some(category)).count();
            let page = log(store, Position(0), &Filter::category(category), 1_000).await;
            assert_eq!(page.events.len(), wanted, "the category {category:?}");
            let page = log(store, Position(0), &Filter::all().names([name]), 1_000).await;
            assert_eq!(page.events.len(), 1, "events called {name:?}");
        }
    }
}
