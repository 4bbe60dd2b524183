//! A disk that is full.

use super::site::Site;
use es_core::store::EventStore;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use tests::history::{Answer, History, Verdict, Writer, commit_of, settled};
use tests::server::postgres::Postgres;
use tests::server::process::{BOUND, is_root, run};

/// A small disk in memory. Only root can have one.
struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128m,mode=755", "tmpfs"])
            .arg(disk.0.path()));
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
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
        // A test that fails has enough to say.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    if !is_root() {
        println!("left out: a small disk can be mounted by root only");
        return;
    }
    let disk = Disk::new();
    let folder = tempfile::tempdir_in(disk.0.path()).unwrap();
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
