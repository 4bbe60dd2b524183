//! What a SQLite file is worth when processes are killed and disks fail, and what becomes of the work that
//! several processes share when one of them goes.
//!
//! The faults happen to a child: this same binary, started with [`child::serve`] as its only test, which
//! reports what it was answered. The parent then looks at what the file has.
#![cfg(target_os = "linux")]

mod child;
mod disk;
mod kill;
mod node;
mod poison;
mod site;
mod takeover;
mod verdict;
mod warehouse;
