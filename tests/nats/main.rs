//! The store in NATS JetStream: what it refuses to be opened on, and what is its own beside the promises that all
//! stores keep.

#[path = "../server/mod.rs"]
mod server;

mod contention;
mod edits;
mod kit;
mod messages;
mod open;
mod pages;
