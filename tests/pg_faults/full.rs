//! A disk that is full.

use super::site::Site;
use es_core::store::EventStore;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use tests::history::{Answer, History, Verdict, Writer, commit_of, settled};
use tests::server::postgres::Postgres;
use tests::server::process::BOUND;

/// A small disk, which `tests/servers` mounts where it may.
struct Disk(PathBuf);

impl Disk {
    fn new() -> Option<Self> {
        std::env::var_os("ES_SMALL_DISK").map(|path| Self(path.into()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let full = (0..).find_map(|_| ballast.write_all(&[0; 4_096]).err());
        assert_eq!(full.map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It is there only if the test has failed, which has enough to say.
        let _ = std::fs::remove_file(self.ballast());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    let Some(disk) = Disk::new() else {
        // To the terminal itself: what a test prints is shown only if it fails.
        let told = "left out: a full disk. ES_SMALL_DISK is not set, tests/servers may mount nothing here\n";
        return std::io::stderr().write_all(told.as_bytes()).unwrap();
    };
    let folder = tempfile::tempdir_in(&disk.0).unwrap();
    let settings = ["max_wal_size=8MB", "min_wal_size=8MB"];
    let mut site = Site::on(Postgres::start_in(folder, &settings).await).await;
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
