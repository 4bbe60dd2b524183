//! Two handles on one log, as two processes have them.

use super::cases;
use super::words::*;
use bytes::Bytes;
use es_core::store::{AppendError, Expected, LEASE, Redaction, StoredSnapshot, StreamHead, StreamRead};
use std::time::Duration;
use uuid::Uuid;

cases! { $ __suite_handles of handles;
    async fn what_one_stores_the_other_reads(store, again) {
        for round in 0..5 {
            let (writer, reader) = if round % 2 == 0 { (&store, &again) } else { (&again, &store) };
            let appended = append(&**writer, "a-1", events(2)).await;
            assert_eq!(reader.head().await.unwrap(), appended.position);
            assert_eq!(head(&**reader, "a-1").await, appended.heads[0]);
            assert_eq!(whole_log(&**reader).await, whole_log(&**writer).await);
        }
    }

    async fn what_one_stores_the_other_does_not_overwrite(store, again) {
        filled(&*store, "a-1", 2).await;
        let answer = again.append(commit("a-1", Expected::Exact(1), events(1))).await;
        assert!(is_conflict(&answer, 2), "{answer:?}");
        let first = commit("b-1", Expected::NoStream, events(1));
        store.append(first.clone()).await.unwrap();
        assert!(again.append(first).await.unwrap().duplicate);
    }

    async fn what_one_edits_the_other_knows(store, again) {
        let ids = filled(&*store, "a-1", 3).await;
        again.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        assert_eq!(versions(&page(&*store, "a-1", StreamRead::after(0)).await.events), [2, 3]);
        assert!(store.redact_event(Redaction::of(ids[2], Bytes::new())).await.unwrap());
        assert_eq!(found(&*again, ids[2]).await.unwrap().payload, None);
        assert!(!again.redact_event(Redaction::of(ids[2], Bytes::new())).await.unwrap());
        again.close_stream(&stream("a-1"), Expected::Any, "").await.unwrap();
        let answer = store.append(commit("a-1", Expected::Any, events(1))).await;
        assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
        assert_eq!(head(&*store, "a-1").await, StreamHead { version: 3, edits: 2, closed: true });
    }

    async fn a_log_that_is_opened_once_more_has_everything(store, again, place) {
        drop(again);
        let ids = filled(&*store, "a-1", 3).await;
        filled(&*store, "b-1", 1).await;
        store.redact_event(Redaction::of(ids[1], Bytes::from_static(b"gone"))).await.unwrap();
        store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
        store.close_stream(&stream("b-1"), Expected::Any, "done").await.unwrap();
        let kept = StoredSnapshot { edits: 2, ..snapshot("a-1", 3) };
        store.save_snapshot(kept.clone()).await.unwrap();
        let held = lease(&*store, "p").await;
        store.advance(advance_to(&held, 3, vec![write("c", "k", "x")])).await.unwrap();

        let again = place.again().await;
        assert_eq!(whole_log(&*again).await, whole_log(&*store).await);
        assert_eq!(page(&*again, "a-1", StreamRead::after(0)).await, page(&*store, "a-1", StreamRead::after(0)).await);
        assert!(head(&*again, "b-1").await.closed);
        assert_eq!(again.load_snapshot(&kept.stream, kept.fingerprint).await.unwrap(), Some(kept));
        assert_eq!(again.processors("").await.unwrap(), store.processors("").await.unwrap());
        assert_eq!(document(&*again, "c", "k").await, document(&*store, "c", "k").await);
        assert_eq!(append(&*again, "a-1", events(1)).await.heads, [edited(4, 2)]);
    }

    async fn a_lease_keeps_the_other_out(store, again) {
        let held = lease(&*store, "p").await;
        assert_eq!(again.acquire("p", Uuid::now_v7(), LEASE).await.unwrap(), None);
        assert_eq!(again.processors("p").await.unwrap()[0].owner, Some(held.owner));
        store.release(&held).await.unwrap();
        let next = lease(&*again, "p").await;
        assert!(next.epoch > held.epoch);
        assert!(is_fenced(&store.renew(&held, LEASE).await));
        assert!(is_fenced(&store.advance(advance_to(&held, 1, vec![write("c", "k", "late")])).await));
        let answer = store.append(commit("a-1", Expected::Any, events(1)).under(&held)).await;
        assert!(matches!(answer, Err(AppendError::Fenced { .. })), "{answer:?}");
        again.advance(advance_to(&next, 2, vec![write("c", "k", "next")])).await.unwrap();
        assert_eq!(document(&*store, "c", "k").await.unwrap().body, "next");
    }

    async fn a_lease_that_runs_out_goes_to_the_other_and_fences_the_first(store, again) {
        store.register("p", checkpoint(1)).await.unwrap();
        let short = Duration::from_millis(40);
        let late = store.acquire("p", Uuid::now_v7(), short).await.unwrap().unwrap();
        let next = until("a lease runs out", async || again.acquire("p", Uuid::now_v7(), LEASE).await.unwrap()).await;
        assert!(next.epoch > late.epoch);
        assert!(is_fenced(&store.renew(&late, LEASE).await), "a holder who was late holds nothing");
        assert!(is_fenced(&store.advance(advance_to(&late, 9, Vec::new())).await));
        store.release(&late).await.unwrap();
        again.advance(advance_to(&next, 2, Vec::new())).await.unwrap();
        assert_eq!(place_of(&*store, "p").await, checkpoint(2));
    }

    async fn a_processor_that_one_forgets_the_other_does_not_know(store, again) {
        let held = lease(&*store, "p").await;
        store.advance(advance_to(&held, 1, vec![write("p", "k", "x")])).await.unwrap();
        assert!(is_fenced(&again.forget("p").await), "one whose lease the other holds stays");
        store.release(&held).await.unwrap();
        again.forget("p").await.unwrap();
        assert_eq!(store.processors("").await.unwrap(), []);
        assert_eq!(document(&*store, "p", "k").await, None);
    }
}
