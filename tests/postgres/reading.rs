//! Reads: of a log that grows, of one that is damaged, by an index.

use crate::sessions::*;
use es_core::Position;
use es_core::store::{
    Commit, EventStore, Expected, Filter, MAX_PAGE_BYTES, NewEvent, PgOptions, ReadError, StreamRead,
};
use sqlx::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::server;

/// Two events by a session that has called `append` and has not committed.
const HELD: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    WITH ids AS MATERIALIZED (SELECT gen_random_uuid() AS one, gen_random_uuid() AS other)
    SELECT {es}.append(ARRAY[1], ARRAY['held-1'], ARRAY[-1]::bigint[], ARRAY[-1]::bigint[], ARRAY[0], ARRAY[one],
        '{}', '{}', '{}', ARRAY[1, 1], ARRAY[one, other], ARRAY['Held', 'Held'], ARRAY[1, 1]::smallint[],
        ARRAY[1000, 1000]::bigint[], ARRAY['{}', '{}']::bytea[], ARRAY['{}', '{}']::bytea[]) FROM ids";

async fn positions(store: &dyn EventStore, after: u64) -> Vec<u64> {
    let page = store.read_log(Position(after), &Filter::all(), 10_000).await.unwrap();
    page.events.iter().map(|event| event.position.0).collect()
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn nothing_is_seen_behind_a_writer_that_has_not_committed() {
    let (schema, [store, reader]) = stores().await;
    append(&store, "a-1", 1).await;
    let mut writer = session().await;
    run(&mut writer, &schema, HELD).await;
    let next = tokio::spawn(async move { append(&store, "a-1", 1).await });
    let mut onlooker = session().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'advisory' AND query LIKE '%{es}%append%'";
    until(&mut onlooker, &schema, waiting, 1).await;
    for _ in 0..20 {
        assert_eq!((positions(&reader, 0).await, reader.head().await.unwrap()), (vec![1], Position(1)));
    }
    run(&mut writer, &schema, "COMMIT").await;
    assert_eq!(next.await.unwrap().position, Position(4));
    assert_eq!(positions(&reader, 0).await, [1, 2, 3, 4]);
}

/// The control of the case above: with numbers of a sequence the same reader loses an event for good.
#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_log_by_a_plain_sequence_would_lose_what_commits_late() {
    let schema = server::unique();
    let (mut early, mut late, mut reader) = (session().await, session().await, session().await);
    run(&mut reader, &schema, "CREATE SCHEMA {es}; CREATE TABLE {es}.plain (position bigserial PRIMARY KEY)")
        .await;
    run(&mut late, &schema, "BEGIN; INSERT INTO {es}.plain DEFAULT VALUES").await;
    run(&mut early, &schema, "INSERT INTO {es}.plain DEFAULT VALUES").await;
    let sum = "SELECT coalesce(sum(position), 0)::bigint FROM {es}.plain WHERE position > ";
    let scanned_to = number(&mut reader, &schema, &format!("{sum} 0")).await;
    assert_eq!(scanned_to, 2, "the second event, and not the first");
    run(&mut late, &schema, "COMMIT").await;
    assert_eq!(number(&mut reader, &schema, &format!("{sum} {scanned_to}")).await, 0, "the first is lost");
}

/// `ES_POLLS` makes it longer; 3,000 is the large form.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_reader_loses_nothing_of_sixteen_writers() {
    let polls: usize = std::env::var("ES_POLLS").ok().and_then(|polls| polls.parse().ok()).unwrap_or(100);
    let (_, [one, other, reader]) = stores().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let (store, is_over) = ([&one, &other][n % 2].clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut written = 0;
                while !is_over.load(Ordering::Relaxed) {
                    append(&store, &format!("s-{}", n % 5), 1 + n % 3).await;
                    written += 1 + n % 3;
                }
                written
            })
        })
        .collect();
    let mut seen = Vec::new();
    for _ in 0..polls {
        let after = seen.len() as u64;
        seen.extend(positions(&reader, after).await);
        assert!(seen.iter().copied().eq(1..=seen.len() as u64), "there is a hole behind {after}");
    }
    is_over.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    while reader.head().await.unwrap().0 > seen.len() as u64 {
        let after = seen.len() as u64;
        seen.extend(positions(&reader, after).await);
    }
    assert_eq!(seen.len(), written);
    assert!(seen.iter().copied().eq(1..=written as u64));
}

/// Does what the store itself cannot, and nobody but the owner of the tables.
async fn damage(schema: &str, sql: &str) {
    let mut owner = session().await;
    run(&mut owner, schema, "ALTER TABLE {es}.events DISABLE TRIGGER USER").await;
    run(&mut owner, schema, sql).await;
}

fn is_corrupt<T>(answer: &Result<T, ReadError>, position: u64) -> bool {
    matches!(answer, Err(ReadError::Corrupt { at, .. }) if *at == Position(position))
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_log_with_a_hole_is_damaged_and_not_read_on() {
    let (schema, [store]) = stores().await;
    append(&store, "a-1", 5).await;
    damage(&schema, "DELETE FROM {es}.events WHERE position = 3").await;
    let all = Filter::all();
    assert!(is_corrupt(&store.read_log(Position(0), &all, 10).await, 4));
    assert!(is_corrupt(&store.read_log(Position(2), &all, 1).await, 4));
    assert_eq!(positions(&store, 3).await, [4, 5]);
    let stream = stream("a-1");
    assert!(is_corrupt(&store.read_stream(&stream, StreamRead::after(0)).await, 4));
    assert!(is_corrupt(&store.read_stream(&stream, StreamRead::before(9)).await, 2));
    assert_eq!(store.read_stream(&stream, StreamRead::after(3)).await.unwrap().events.len(), 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_event_that_cannot_have_been_written_is_damaged() {
    for damaged in ["recorded_at = 9223372036854775807", "stored_at = -9223372036854775807"] {
        let (schema, [store]) = stores().await;
        append(&store, "a-1", 2).await;
        damage(&schema, &format!("UPDATE {{es}}.events SET {damaged} WHERE position = 2")).await;
        assert!(is_corrupt(&store.read_log(Position(0), &Filter::all(), 10).await, 2), "{damaged}");
        assert!(is_corrupt(&store.read_stream(&stream("a-1"), StreamRead::after(0)).await, 2), "{damaged}");
        assert_eq!(
            store.read_stream(&stream("a-1"), StreamRead::after(0).limit(1)).await.unwrap().events.len(),
            1
        );
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_connection_whose_page_was_cut_short_is_not_used_again() {
    let store = server::postgres(PgOptions::new().schema(server::unique()).connections(1)).await;
    for _ in 0..5 {
        let large = NewEvent { payload: vec![b' '; MAX_PAGE_BYTES / 3 + 1].into(), ..events(1).remove(0) };
        store.append(Commit::one(stream("a-1"), Expected::Any, vec![large])).await.unwrap();
    }
    for _ in 0..3 {
        let page = store.read_stream(&stream("a-1"), StreamRead::after(0)).await.unwrap();
        assert_eq!((page.events.len(), page.more), (3, true));
        assert_eq!(store.head().await.unwrap(), Position(5));
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_filter_by_category_reads_its_part_of_the_log_only() {
    let (schema, [store]) = stores().await;
    for _ in 0..5 {
        append(&store, "common-1", 1_000).await;
    }
    append(&store, "rare-1", 2).await;
    append(&store, "odd-1", 1).await;
    let mut onlooker = session().await;
    run(&mut onlooker, &schema, "VACUUM ANALYZE {es}.events").await;
    let read = "SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::bigint FROM pg_stat_user_tables
        WHERE schemaname = '{es}' AND relname = 'events'";
    // What a session counts is certain once it is over.
    store.close().await;
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{es}%' AND pid <> pg_backend_pid()";
    until(&mut onlooker, &schema, sessions, 0).await;
    let before = number(&mut onlooker, &schema, read).await;

    let store = open(&PgOptions::new().schema(&schema)).await;
    let filters = [
        (Filter::category("rare"), 2),
        (Filter { categories: vec!["rare".into(), "odd".into()], ..Filter::all() }, 3),
        (Filter::category("rare").names(["Counted"]), 2),
        (Filter::stream(stream("odd-1")), 1),
    ];
    for (filter, found) in filters {
        for _ in 0..10 {
            let page = store.read_log(Position(0), &filter, 100).await.unwrap();
            assert_eq!((page.events.len(), page.scanned_to), (found, Position(5_003)), "{filter:?}");
        }
    }
    store.close().await;
    until(&mut onlooker, &schema, sessions, 0).await;
    let read = number(&mut onlooker, &schema, read).await - before;
    assert!(read < 1_000, "40 pages read {read} rows");
    onlooker.close().await.unwrap();
}
