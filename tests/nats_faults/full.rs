//! A disk that is full.

use super::site::Site;
use es_core::StreamId;
use es_core::store::{Commit, Expected, NatsOptions, NatsStore};
use std::sync::Arc;
use std::time::Duration;
use tests::history::{Answer, History, Verdict, Writer, commit_of, settled};
use tests::server::disk::Disk;
use tests::server::nats::Nats;
use tests::server::process::BOUND;

const WRITER: Writer = Writer { run: 0, number: 0 };

/// One event, which goes to the server as a message alone.
fn alone(n: u64) -> Commit {
    let writer = Writer { run: 1, number: 0 };
    let events = commit_of(writer, n).parts.remove(1).events;
    Commit::one(StreamId::named("alone-1"), Expected::Exact(n), events)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs NATS: see tests/servers")]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room_and_the_server_is_started_again() {
    let Some(disk) = Disk::or_left_out() else { return };
    let mut site = Site { servers: Nats::single_in(disk.folder()).await };
    let options = NatsOptions::new().deadline(Duration::from_secs(3));
    let store = Arc::new(NatsStore::connect_with(&site.url(), options).await.unwrap());
    let history = Arc::new(History::default());
    history.append(&*store, 0, commit_of(WRITER, 0)).await.unwrap();
    let mut n = 0;
    for round in 1..=2 {
        disk.fill();
        let batch = history.append(&*store, 0, commit_of(WRITER, round)).await;
        assert!(!Answer::of(&batch).is_final(), "{batch:?}");
        // What is at hand may still be written.
        let refused = loop {
            let answer = history.append(&*store, 0, alone(n)).await;
            if !matches!(Answer::of(&answer), Answer::Stored { .. }) {
                break answer;
            }
            n += 1;
        };
        assert!(!Answer::of(&refused).is_final(), "{refused:?}");
        disk.free();
        // A server that has failed to write takes nothing any more until then.
        site.servers.kill9(0).await;
        site.servers.begin(0).await;
        settled(&*store, &history, 0, alone(n), BOUND).await.unwrap();
        settled(&*store, &history, 0, commit_of(WRITER, round), BOUND).await.unwrap();
        n += 1;
    }
    Verdict::of(&*store, &history).await.holds("disk full twice");
}
