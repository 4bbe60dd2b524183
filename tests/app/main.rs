//! What an app promises about commands, reads and edits, on every store.
//!
//! Each case fails without the rule that it is named after. Two apps over one store, or over one file, stand
//! for two processes.
#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "receiver, command and return type of a handler say what it needs and what it can raise"
)]

#[macro_use]
mod kit;
mod bank;
mod probe;

mod build;
mod counts;
mod edit;
mod group;
mod honest;
mod inline;
mod inline_projections;
mod inline_rows;
mod json;
mod limits;
mod model;
mod past;
mod plain;
mod queue;
mod races;
mod reading;
mod repeated;
mod retry;
mod returns;
mod services;
mod share;
mod snapshots;
mod stale;
mod subscribe;
mod unknown;
