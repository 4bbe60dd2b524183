//! What a log in PostgreSQL is worth when clients and servers are killed, connections are cut, disks fill up,
//! clocks go back, and backups are restored.
//!
//! Each test has a server of its own, which it may do anything to, and asks the checker of `tests::history`
//! whether the log bears out what was answered. `ES_SOAK=1` is the long form, which `tests/soak` runs.
#![cfg(target_os = "linux")]

mod child;
mod clock;
mod copies;
mod counter;
mod cut;
mod damage;
mod full;
mod killed;
mod order;
mod repeated;
mod site;
mod stop;
mod wake;
mod zombie;
