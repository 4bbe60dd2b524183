//! A small disk, which a test fills.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use tempfile::TempDir;

/// A small disk, which `tests/servers` mounts where it may. It has room for one test at a time.
pub struct Disk(PathBuf);

impl Disk {
    /// The disk; where there is none, it is said so that whoever runs the tests sees it.
    pub fn or_left_out() -> Option<Self> {
        let disk = std::env::var_os("ES_SMALL_DISK").map(|path| Self(path.into()));
        if disk.is_none() {
            // To the terminal itself: what a test prints is shown only if it fails.
            let told =
                "left out: a full disk. ES_SMALL_DISK is not set, tests/servers may mount nothing here\n";
            std::io::stderr().write_all(told.as_bytes()).unwrap();
        }
        disk
    }

    /// A folder on it.
    pub fn folder(&self) -> TempDir {
        tempfile::tempdir_in(&self.0).unwrap()
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let full = (0..).find_map(|_| ballast.write_all(&[0; 4_096]).err());
        assert_eq!(full.map(|error| error.kind()), Some(ErrorKind::StorageFull));
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It is there only if the test has failed, which has enough to say.
        let _ = std::fs::remove_file(self.ballast());
    }
}
