//! A call whose answer is lost is sent again, and what is stored is known by its ids.

use crate::kit::{Held, calls, commit, event, events, fresh, in_schema, one, run, spawned, superuser, value};
use crate::proxy::Proxy;
use es_core::store::{Commit, EventStore, Expected, PgStore, Redaction};
use es_core::{Position, StreamId};
use std::time::Duration;
use tokio::time::Instant;

/// A store on the way of a proxy, on which it has appended already.
async fn behind(proxy: &Proxy) -> (PgStore, String) {
    let (_, schema) = fresh().await;
    let store = PgStore::connect_with(&proxy.url(), in_schema(&schema).connections(1)).await.unwrap();
    store.append(one("z-0")).await.unwrap();
    (store, schema)
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_was_stored_is_not_stored_again() {
    let proxy = Proxy::start().await;
    let (store, schema) = behind(&proxy).await;
    let decided = Commit::all(
        ["a-1", "a-2"]
            .into_iter()
            .flat_map(|stream| commit(stream, Expected::NoStream, vec![event(), event()]).parts)
            .collect(),
    )
    .knowing(0);
    proxy.lose_the_answer_to("a-1");
    let appended = store.append(decided).await.unwrap();
    assert!(proxy.has_lost_it());
    // Just what was sent is where it was to be: it is ours.
    assert!(!appended.duplicate);
    assert_eq!(appended.position, Position(5));
    assert_eq!(appended.heads.iter().map(|head| head.version).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(events(&schema).await, 5);
    assert_eq!(calls(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_was_stored_at_any_place_is_a_duplicate() {
    let proxy = Proxy::start().await;
    let (store, schema) = behind(&proxy).await;
    proxy.lose_the_answer_to("a-1");
    let appended = store.append(one("a-1")).await.unwrap();
    assert!(proxy.has_lost_it() && appended.duplicate);
    assert_eq!(appended.heads[0].version, 1);
    assert_eq!(events(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_was_not_stored_is_stored() {
    let (store, schema) = fresh().await;
    let mut held = Held::of(&schema).await;
    let appends = spawned(&store, [commit("a-1", Expected::NoStream, vec![event()]).knowing(0), one("a-2")]);
    let waits = held.waits(&[]).await;
    held.end(waits).await;
    let again = held.waits(&[waits]).await;
    held.end(again).await;
    held.waits(&[waits, again]).await;
    held.let_go().await;
    for append in appends {
        assert!(!append.await.unwrap().unwrap().duplicate);
    }
    assert_eq!(events(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn connections_that_the_server_has_ended_are_replaced() {
    let (store, schema) = fresh().await;
    let id = event().id;
    store.append(one("a-1")).await.unwrap();
    assert!(!store.redact_event(Redaction::of(id, "{}".into())).await.unwrap());
    let ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND query LIKE '%{es}.%'";
    run(&mut superuser().await, &schema, ours).await.unwrap();
    store.append(one("a-1")).await.unwrap();
    assert!(!store.redact_event(Redaction::of(id, "{}".into())).await.unwrap());
    assert_eq!(events(&schema).await, 2);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn an_edit_whose_answer_is_lost_is_done_once() {
    let proxy = Proxy::start().await;
    let (store, _) = behind(&proxy).await;
    let first = event();
    store.append(commit("a-1", Expected::Any, vec![first.clone()])).await.unwrap();
    // The statement is prepared.
    assert!(!store.redact_event(Redaction::of(event().id, "{}".into())).await.unwrap());
    proxy.lose_the_answer_to("gone");
    assert!(store.redact_event(Redaction::of(first.id, "gone".into())).await.unwrap());
    assert!(proxy.has_lost_it());
    assert!(!store.redact_event(Redaction::of(first.id, "gone".into())).await.unwrap());
    // One edit, not two.
    let known = commit("a-1", Expected::Exact(1), vec![event()]).knowing(1);
    assert!(store.append(known).await.is_ok());
    store.truncate_stream(&StreamId::named("a-1"), Expected::Any, 1).await.unwrap();
    proxy.lose_the_answer_to("a-1");
    store.truncate_stream(&StreamId::named("a-1"), Expected::Exact(2), 2).await.unwrap();
    let known = commit("a-1", Expected::Exact(2), vec![event()]).knowing(2);
    assert!(store.append(known).await.is_ok());
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_is_stored_where_nothing_is_looked_at_is_known_by_what_was_sent() {
    let proxy = Proxy::start().await;
    let (store, _) = behind(&proxy).await;
    for (stream, expected) in [("a-1", Expected::NoStream), ("a-1", Expected::Exact(1))] {
        proxy.lose_the_answer_to("a-1");
        let appended = store.append(commit(stream, expected, vec![event()])).await.unwrap();
        assert!(proxy.has_lost_it());
        assert!(!appended.duplicate, "{expected:?}");
        assert_eq!(appended.heads[0].edits, 0);
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_somebody_else_has_stored_under_the_same_ids_at_another_time_is_a_duplicate() {
    let proxy = Proxy::start().await;
    let (store, schema) = behind(&proxy).await;
    let sent = event();
    let mut theirs = sent.clone();
    theirs.recorded_at += Duration::from_secs(1);
    store.append(one("a-2")).await.unwrap();
    let mut held = Held::of(&schema).await;
    let append = spawned(&store, [commit("a-1", Expected::NoStream, vec![sent])]);
    let waits = held.waits(&[]).await;
    run(
        &mut held.connection,
        &schema,
        &format!(
            "SELECT {{es}}.append(ARRAY[1], ARRAY['a-1'], ARRAY[0]::bigint[], ARRAY[-1]::bigint[], ARRAY[0],
                ARRAY['{id}']::uuid[], '{{}}', '{{}}', '{{}}', ARRAY[1], ARRAY['{id}']::uuid[], ARRAY['Counted'],
                ARRAY[1]::smallint[], ARRAY[{at}]::bigint[], ARRAY['{{}}'::bytea], ARRAY['{{\"a\":1}}'::bytea])",
            id = theirs.id,
            at = theirs.recorded_at.as_microsecond()
        ),
    )
    .await
    .unwrap();
    held.end(waits).await;
    held.let_go().await;
    for append in append {
        assert!(append.await.unwrap().unwrap().duplicate);
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn whose_commit_is_stored_is_asked_until_there_is_an_answer() {
    let proxy = Proxy::start().await;
    let (store, _) = behind(&proxy).await;
    proxy.lose_the_answer_to("a-1");
    proxy.then_lose_the_answer_to("count(*)");
    let appended = store.append(commit("a-1", Expected::NoStream, vec![event()]).knowing(0)).await.unwrap();
    assert!(proxy.has_lost_it() && !appended.duplicate);
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn who_goes_away_while_a_transaction_begins_leaves_none_behind() {
    let (_, schema) = fresh().await;
    let url = format!("{}?application_name={schema}", tests::server::postgres_url());
    let store = PgStore::connect_with(&url, in_schema(&schema).connections(1)).await.unwrap();
    store.read(async |_| Ok(())).await.unwrap();
    let mut onlooker = superuser().await;
    let server: i32 = value(&mut onlooker, &schema, "SELECT inet_server_port()").await;
    let left = format!(
        "SELECT coalesce(array_agg(client_port), '{{}}') FROM pg_stat_activity
         WHERE application_name = '{schema}' AND state LIKE 'idle in transaction%'"
    );
    for n in 0..40 {
        let end = Instant::now() + Duration::from_micros(n * 40);
        let reading = async { drop(store.read(async |_| Ok(())).await) };
        // No timer is as short as this.
        let ending = async {
            while Instant::now() < end {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = ending => {}
            () = reading => {}
        }
        // The server takes a moment to notice, and would end by itself what is left behind for long.
        loop {
            let left: Vec<i32> = value(&mut onlooker, &schema, &left).await;
            if left.is_empty() {
                break;
            }
            assert!(!left.iter().any(|port| is_connected(*port, server)), "one is left behind after {n}");
            tokio::task::yield_now().await;
        }
    }
}

/// Whether this machine has a connection between these ports.
fn is_connected(from: i32, to: i32) -> bool {
    const ESTABLISHED: &str = "01";
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_at = |address: &str, port: i32| address.ends_with(&format!(":{port:04X}"));
    sockets.lines().any(|socket| match socket.split_whitespace().collect::<Vec<_>>()[..] {
        [_, local, remote, state, ..] => state == ESTABLISHED && is_at(local, from) && is_at(remote, to),
        _ => false,
    })
}
