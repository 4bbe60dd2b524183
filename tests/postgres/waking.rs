//! How the processes on one log wake each other.

use crate::sessions::*;
use es_core::Position;
use es_core::store::{EventStore, PgOptions, PgStore};
use sqlx::postgres::PgListener;
use std::time::Duration;
use tests::server;

/// The sessions that listen on the channel of a schema.
const LISTENING: &str = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN \"{es}\"'";

/// Appends by one store while another one waits, which ends.
async fn wakes(writer: &PgStore, waiter: &PgStore) {
    let end = writer.head().await.unwrap();
    let hour = Duration::from_hours(1);
    let both = async { tokio::join!(waiter.wait(end, hour), append(writer, "a-1", 1)) };
    let ((), appended) = tokio::time::timeout(Duration::from_secs(30), both).await.expect("it wakes up");
    assert_eq!(appended.position, Position(end.0 + 1));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_wakes_those_who_wait_in_another_process() {
    let (schema, [one, other]) = stores().await;
    until(&mut session().await, &schema, LISTENING, 2).await;
    for _ in 0..5 {
        wakes(&one, &other).await;
        wakes(&other, &one).await;
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_is_announced_and_many_are_announced_together() {
    let (schema, [store]) = stores().await;
    let mut listener = PgListener::connect(&server::postgres_url()).await.unwrap();
    listener.listen(&schema).await.unwrap();
    for _ in 0..50 {
        append(&store, "a-1", 1).await;
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&50) {
        let told =
            tokio::time::timeout(Duration::from_secs(30), listener.recv()).await.expect("it is announced");
        heard.push(told.unwrap().payload().parse::<u64>().unwrap());
    }
    assert!(heard.is_sorted() && heard.len() <= 50, "{heard:?}");
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn what_anybody_says_on_the_channel_ends_no_wait() {
    let (schema, [store]) = stores().await;
    let mut liar = session().await;
    until(&mut liar, &schema, LISTENING, 1).await;
    for payload in ["", "no number", "18446744073709551615", "7"] {
        run(&mut liar, &schema, &format!("NOTIFY {{es}}, '{payload}'")).await;
    }
    let waited =
        tokio::time::timeout(Duration::from_secs(1), store.wait(Position(0), Duration::from_hours(1)));
    assert!(waited.await.is_err(), "there is nothing");
    wakes(&store, &store).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_listener_that_is_cut_off_again_and_again_comes_back() {
    let (schema, [one, other]) = stores().await;
    let mut killer = session().await;
    for _ in 0..10 {
        until(&mut killer, &schema, LISTENING, 2).await;
        let kill =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'LISTEN \"{es}\"'";
        assert_eq!(number(&mut killer, &schema, kill).await, 2);
        wakes(&one, &other).await;
    }
    until(&mut killer, &schema, LISTENING, 2).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn behind_a_pooler_others_are_seen_by_looking() {
    let (schema, [writer]) = stores().await;
    let pooled = PgOptions::new().schema(&schema).pooled();
    let waiter = open(&pooled).await;
    for _ in 0..3 {
        wakes(&writer, &waiter).await;
    }
    until(&mut session().await, &schema, LISTENING, 1).await;
    let _listens = open(&pooled.listen(server::postgres_url())).await;
    until(&mut session().await, &schema, LISTENING, 2).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_wait_ends_in_time_whatever_the_server_does() {
    let (schema, [store]) = stores().await;
    let mut owner = session().await;
    run(&mut owner, &schema, "BEGIN; LOCK TABLE {es}.events IN ACCESS EXCLUSIVE MODE").await;
    let wait = store.wait(Position(0), Duration::from_millis(600));
    tokio::time::timeout(Duration::from_secs(4), wait).await.expect("its own time is over");
    run(&mut owner, &schema, "COMMIT").await;
    wakes(&store, &store).await;
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn nobody_listens_for_a_store_that_is_closed_or_dropped() {
    let (schema, [closed, dropped]) = stores().await;
    let mut onlooker = session().await;
    until(&mut onlooker, &schema, LISTENING, 2).await;
    closed.close().await;
    until(&mut onlooker, &schema, LISTENING, 1).await;
    let clone = dropped.clone();
    drop(dropped);
    wakes(&clone, &clone).await;
    assert_eq!(number(&mut onlooker, &schema, LISTENING).await, 1);
    drop(clone);
    until(&mut onlooker, &schema, LISTENING, 0).await;
}
