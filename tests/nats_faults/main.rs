//! What a log in JetStream is worth when clients and servers are killed or stopped, and connections are cut.
//!
//! Each test has servers of its own, three where they replicate, and asks the checker of `tests::history` whether
//! the log bears out what was answered. `ES_SOAK=1` is the long form, which `tests/soak` runs.
#![cfg(target_os = "linux")]

mod child;
mod contend;
mod cut;
mod deposed;
mod full;
mod killed;
mod leader;
mod site;
mod whole;
