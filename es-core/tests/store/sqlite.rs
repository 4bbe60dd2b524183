//! What is particular to a file: opening, closing, sharing, batches.

use crate::kit::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    AppendError, Durability, EventSearch, EventStore, Expected, ReadError, Redaction, SqliteOpenError,
    SqliteOptions, SqliteStore, StreamRead,
};
use rusqlite::Connection;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let ids = filled(&store, "a-1", 3).await;
    filled(&store, "b-1", 1).await;
    store.redact_event(Redaction::of(ids[1], Bytes::from_static(b"gone"))).await.unwrap();
    store.truncate_stream(&stream("a-1"), Expected::Any, 2).await.unwrap();
    store.close_stream(&stream("b-1"), Expected::Any, "done").await.unwrap();
    store.save_snapshot(es_core::store::StoredSnapshot { edits: 2, ..snapshot("a-1", 3) }).await.unwrap();
    let before = whole_log(&store).await;
    store.close().await;

    let store = sqlite(&folder).await;
    assert_eq!(whole_log(&store).await, before);
    assert_eq!(head(&store, "a-1").await.edits, 2);
    assert_eq!(versions(&page(&store, "a-1", StreamRead::after(0)).await.events), [2, 3]);
    assert!(head(&store, "b-1").await.closed);
    let kept = store.load_snapshot(&stream("a-1"), snapshot("a-1", 3).fingerprint).await.unwrap();
    assert_eq!(kept.unwrap().version, 3);
    assert_eq!(append(&store, "a-1", events(1)).await.position, Position(5));
}

#[tokio::test]
async fn a_closed_store_answers_everything_with_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let clone = store.clone();
    let ids = filled(&store, "a-1", 1).await;
    store.close().await;
    store.close().await;
    for store in [store, clone] {
        let refused = |answer| matches!(answer, Err(AppendError::Unavailable { .. }));
        assert!(refused(store.append(commit("a-1", Expected::Any, events(1))).await.map(drop)));
        assert!(refused(store.close_stream(&stream("a-1"), Expected::Any, "").await));
        assert!(refused(store.truncate_stream(&stream("a-1"), Expected::Any, 1).await));
        assert!(refused(store.redact_event(Redaction::of(ids[0], Bytes::new())).await.map(drop)));
        assert!(refused(store.save_snapshot(snapshot("a-1", 1)).await));
        let unread = |answer| matches!(answer, Err(ReadError::Unavailable(_)));
        assert!(unread(store.read_stream(&stream("a-1"), StreamRead::after(0)).await.map(drop)));
        assert!(unread(store.find_event(EventSearch::of(ids[0])).await.map(drop)));
        assert!(unread(store.load_snapshot(&stream("a-1"), 1).await.map(drop)));
        assert!(unread(store.head().await.map(drop)));
        store.wait(Position(1), Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_closed_store_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    filled(&store, "a-1", 3).await;
    head(&store, "a-1").await;
    store.wait(Position(3), Duration::from_millis(1)).await;
    store.close().await;
    let names = || std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names().collect::<Vec<_>>(), ["events.db"]);
}

#[tokio::test]
async fn an_append_whose_caller_is_gone_happens_or_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    for count in 1..=50 {
        let mut append = store.append(commit("a-1", Expected::Any, events(3)));
        // The first poll hands it over; then nobody waits for it any more.
        let once = std::future::poll_fn(|context| {
            let _ = append.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        once.await;
        drop(append);
        if count % 10 == 0 {
            drop(store.append(commit("never-polled", Expected::Any, events(1))));
        }
    }
    filled(&store, "b-1", 1).await;
    assert_eq!(head(&store, "a-1").await, open_head(150));
    assert_eq!(head(&store, "never-polled").await, open_head(0));
}

#[tokio::test]
async fn what_was_begun_is_stored_though_the_last_handle_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    for _ in 0..100 {
        let mut append = store.append(commit("a-1", Expected::Any, events(1)));
        let once = std::future::poll_fn(|context| {
            let _ = append.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        once.await;
    }
    drop(store);
    let store = sqlite(&folder).await;
    while head(&store, "a-1").await.version < 100 {
        store.wait(store.head().await.unwrap(), Duration::from_secs(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_expect_the_same_version_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    for version in 0..20 {
        let rivals = (0..16).map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.append(commit("a-1", Expected::Exact(version), events(1))).await },
            )
        });
        let mut won = 0;
        for rival in rivals.collect::<Vec<_>>() {
            match rival.await.unwrap() {
                Ok(_) => won += 1,
                answer => assert!(is_conflict(&answer, version + 1), "{answer:?}"),
            }
        }
        assert_eq!(won, 1);
    }
    assert_eq!(positions(&whole_log(&store).await), (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_commit_in_a_batch_leaves_the_others_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let taken = filled(&store, "taken-1", 1).await[0];
    store.close_stream(&stream("closed-1"), Expected::Any, "").await.unwrap();
    let mut answers = Vec::new();
    for n in 0..200 {
        let store = store.clone();
        let mut second = event("Second");
        let name = match n % 4 {
            1 => "closed-1".to_owned(),
            2 => "taken-1".to_owned(),
            _ => format!("good-{n}"),
        };
        let expected = if n % 4 == 2 { Expected::Exact(9) } else { Expected::Any };
        if n % 4 == 3 {
            second.id = taken;
        }
        let commit = commit(&name, expected, vec![event("First"), second]);
        answers.push(tokio::spawn(async move { (n % 4, store.append(commit).await) }));
    }
    for answer in answers {
        match answer.await.unwrap() {
            (0, answer) => assert_eq!(answer.unwrap().heads, [open_head(2)]),
            (1, answer) => assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}"),
            (2, answer) => assert!(is_conflict(&answer, 1), "{answer:?}"),
            (_, answer) => assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{answer:?}"),
        }
    }
    let log = whole_log(&store).await;
    assert_eq!(positions(&log), (1..=101).collect::<Vec<_>>());
    assert!(log[1..].chunks(2).all(|pair| pair[0].stream == pair[1].stream && versions(pair) == [1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_queue_holds_is_stored_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let large = |n: i32| {
        let payload = Bytes::from(vec![0; 1024 * 1024]);
        let large = es_core::store::NewEvent { payload, ..event("Large") };
        let (store, name) = (store.clone(), format!("a-{n}"));
        tokio::spawn(async move { store.append(commit(&name, Expected::NoStream, vec![large])).await })
    };
    for appended in (0..40).map(large).collect::<Vec<_>>() {
        appended.await.unwrap().unwrap();
    }
    assert_eq!(store.head().await.unwrap(), Position(40));
}

#[tokio::test]
async fn the_write_ahead_log_does_not_grow_with_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    for _ in 0..60 {
        let payload = Bytes::from(vec![0; 1024 * 1024]);
        append(&store, "a-1", vec![es_core::store::NewEvent { payload, ..event("Large") }]).await;
    }
    let log = std::fs::metadata(folder.path().join("events.db-wal")).unwrap();
    assert!(log.len() < 32 * 1024 * 1024, "{} bytes", log.len());
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (sqlite(&folder).await, sqlite(&folder).await);
    for version in 0..10 {
        let (writer, reader) = if version % 2 == 0 { (&one, &two) } else { (&two, &one) };
        writer.append(commit("a-1", Expected::Exact(version), events(1))).await.unwrap();
        assert_eq!(head(reader, "a-1").await, open_head(version + 1));
        let answer = reader.append(commit("a-1", Expected::Exact(version), events(1))).await;
        assert!(is_conflict(&answer, version + 1), "{answer:?}");
    }
    assert!(whole_log(&one).await.is_sorted_by_key(|event| event.stored_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_that_write_at_once_share_one_dense_log() {
    let folder = tempfile::tempdir().unwrap();
    let write = async |store: SqliteStore| {
        for _ in 0..100 {
            filled(&store, "a-1", 2).await;
        }
    };
    tokio::join!(write(sqlite(&folder).await), write(sqlite(&folder).await));
    let log = whole_log(&sqlite(&folder).await).await;
    assert_eq!(positions(&log), (1..=400).collect::<Vec<_>>());
    assert_eq!(versions(&log), (1..=400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_may_be_opened_by_many_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        let opening = (0..8).map(|_| tokio::spawn(SqliteStore::open(path.clone())));
        for (count, store) in opening.collect::<Vec<_>>().into_iter().enumerate() {
            let store = store.await.unwrap().unwrap();
            assert_eq!(append(&store, "a-1", events(1)).await.position, Position(count as u64 + 1));
        }
    }
}

#[tokio::test]
async fn waiting_ends_when_another_store_on_the_file_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (sqlite(&folder).await, sqlite(&folder).await);
    let wait = two.wait(Position(0), Duration::from_hours(1));
    let write = filled(&one, "a-1", 1);
    tokio::join!(wait, write);
    assert_eq!(two.head().await.unwrap(), Position(1));
}

/// A connection that goes on reading what was there before this event.
async fn reading_on(folder: &TempDir, store: &SqliteStore) -> Connection {
    let reader = Connection::open(folder.path().join("events.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events;").unwrap();
    filled(store, "a-1", 1).await;
    reader
}

#[tokio::test]
async fn a_store_that_is_opened_beside_an_older_reader_writes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let stored = commit("b-1", Expected::NoStream, events(1));
    store.append(stored.clone()).await.unwrap();
    let reader = reading_on(&folder, &store).await;
    store.close().await;

    let store = sqlite(&folder).await;
    let both = async {
        assert!(store.append(stored).await.unwrap().duplicate);
        append(&store, "a-1", events(1)).await
    };
    // Less than SQLite waits for somebody who is in the way.
    let appended = tokio::time::timeout(Duration::from_secs(4), both).await.unwrap();
    assert_eq!(appended.heads, [open_head(2)]);
    let seen: i64 = reader.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_that_is_reached_by_a_link_is_synced_where_it_is() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = sqlite(&folder).await;
    let reader = reading_on(&folder, &store).await;
    store.close().await;
    let path = folder.path().join("events.db");
    std::os::unix::fs::symlink(path, elsewhere.path().join("events.db")).unwrap();
    let store = sqlite(&elsewhere).await;
    assert_eq!(append(&store, "a-1", events(1)).await.heads, [open_head(2)]);
    drop(reader);
}

#[tokio::test]
async fn relaxed_durability_is_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new().durability(Durability::Relaxed).readers(0);
    let store = SqliteStore::open_with(folder.path().join("events.db"), options).await.unwrap();
    filled(&store, "a-1", 3).await;
    assert_eq!(head(&store, "a-1").await, open_head(3));
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(SqliteOpenError::NotAStore)));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::write(&path, "a text that is no database at all, and long enough to be seen as that".repeat(20))
        .unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(SqliteOpenError::NotAStore)));
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    sqlite(&folder).await.close().await;
    let path = folder.path().join("events.db");
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, SqliteOpenError::Newer { found: 99, known: 2 }), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let answer = SqliteStore::open(folder.path().join("none").join("events.db")).await;
    assert!(matches!(answer, Err(SqliteOpenError::Unavailable(_))));
}

#[tokio::test]
async fn a_damaged_event_is_an_error_that_names_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    filled(&store, "a-1", 2).await;
    let path = folder.path().join("events.db");
    let damage = "UPDATE events SET name = CAST(x'ff' AS TEXT) WHERE position = 2";
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let error = store.read_stream(&stream("a-1"), StreamRead::after(0)).await.unwrap_err();
    assert!(matches!(error, ReadError::Corrupt { at: Position(2), .. }), "{error:?}");
    assert_eq!(page(&store, "a-1", StreamRead::after(0).limit(1)).await.events.len(), 1);
}
