//! A disk that is full.

use super::site::Site;
use es_core::store::EventStore;
use std::sync::Arc;
use tests::history::{Answer, History, Verdict, Writer, commit_of, settled};
use tests::server::disk::Disk;
use tests::server::postgres::Postgres;
use tests::server::process::BOUND;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    let Some(disk) = Disk::or_left_out() else { return };
    let settings = ["max_wal_size=8MB", "min_wal_size=8MB"];
    let mut site = Site::on(Postgres::start_in(disk.folder(), &settings).await).await;
    let store = site.store().await;
    let history = Arc::new(History::default());
    let writer = Writer { run: 0, number: 0 };
    let rounds = 2;
    let mut n = 0;
    let mut refusals = Vec::new();
    for _ in 0..rounds {
        disk.fill();
        // What is at hand may still be written.
        let refused = loop {
            let answer = history.append(&*store, 0, commit_of(writer, n)).await;
            if !matches!(Answer::of(&answer), Answer::Stored { .. }) {
                break answer.unwrap_err();
            }
            n += 1;
        };
        refusals.push((n, Answer::of(&Err(refused))));
        disk.free();
        site.server.revive().await;
        settled(&*store, &history, 0, commit_of(writer, n), BOUND).await.unwrap();
        store.head().await.unwrap();
        n += 1;
    }
    assert!(refusals.iter().all(|(_, answer)| !answer.is_final()), "{refusals:?}");
    Verdict::of(&*store, &history).await.holds("disk full twice");
    println!("disk full: {refusals:?}");
}
