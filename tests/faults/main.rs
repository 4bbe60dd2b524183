//! What a SQLite file is worth when processes are killed and disks fail.
//!
//! The faults happen to a child: this same binary, started with [`child::serve`] as its only test, which
//! reports what it was answered. The parent then looks at what the file has.
#![cfg(target_os = "linux")]

mod child;
mod disk;
mod kill;
mod verdict;
