//! Edits, and names that PostgreSQL has no text for.

use crate::kit::{commit, event, fresh, in_schema, one, role, run, superuser, url_of, value};
use es_core::StreamId;
use es_core::store::{AppendError, EventStore, Expected, NewEvent, PgStore, Redaction};
use tests::server::{postgres_url, unique};
use uuid::Uuid;

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn names_may_hold_a_nul() {
    let (store, schema) = fresh().await;
    for name in ["a-\0", "a-\u{1}", "a-\0\0"] {
        let new = NewEvent { name: "of \0".into(), ..event() };
        let appended = store.append(commit(name, Expected::NoStream, vec![new])).await.unwrap();
        assert_eq!(appended.heads[0].version, 1, "{name:?}");
        store.close_stream(&StreamId::named(name), Expected::Exact(1), "\0").await.unwrap();
        let answer = store.append(one(name)).await;
        assert!(matches!(answer, Err(AppendError::Closed { .. })), "{answer:?}");
    }
    let streams = "SELECT count(DISTINCT stream) FROM {es}.events WHERE category = 'a'";
    assert_eq!(value::<i64>(&mut superuser().await, &schema, streams).await, 3);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_edit_drops_the_streams_snapshot_and_no_other() {
    let (store, schema) = fresh().await;
    let put = "INSERT INTO {es}.snapshots SELECT unnest(ARRAY['a-1', 'b-1']), 1, 1, 1, 1, 0, ''
        ON CONFLICT DO NOTHING RETURNING stream";
    let left = "SELECT string_agg(stream, ' ') FROM {es}.snapshots";
    let first = event();
    store.append(commit("a-1", Expected::Any, vec![first.clone(), event()])).await.unwrap();
    let stream = StreamId::named("a-1");
    for edit in 0..3 {
        let _: String = value(&mut superuser().await, &schema, put).await;
        match edit {
            0 => store.truncate_stream(&stream, Expected::Exact(2), 2).await.unwrap(),
            1 => {
                let redaction = Redaction::of(first.id, "{}".into());
                assert!(store.redact_event(redaction).await.unwrap());
            }
            _ => store.close_stream(&stream, Expected::Exists, "done").await.unwrap(),
        }
        assert_eq!(value::<String>(&mut superuser().await, &schema, left).await, "b-1", "edit {edit}");
    }
}

/// Who is not let in has asked nothing.
#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_edit_that_is_not_let_in_is_known_not_to_be_done() {
    let (schema, stream) = (unique(), StreamId::named("a-1"));
    for options in [in_schema(&schema), in_schema(&schema).pooled()] {
        let role = role("").await;
        PgStore::migrate(&postgres_url(), &in_schema(&schema).app_role(&role)).await.unwrap();
        let store = PgStore::connect_with(&url_of(&role, "theirs", ""), options).await.unwrap();
        run(&mut superuser().await, "", &format!("ALTER ROLE {role} NOLOGIN")).await.unwrap();
        for answer in [
            store.close_stream(&stream, Expected::Any, "").await,
            store.truncate_stream(&stream, Expected::Any, 1).await,
            store.redact_event(Redaction::of(Uuid::nil(), "{}".into())).await.map(drop),
        ] {
            assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
        }
    }
}
