//! The store in NATS JetStream: what it refuses to be opened on, and what is its own beside the promises that all
//! stores keep.

mod closing;
mod contention;
mod edits;
mod keep;
mod kit;
mod leases;
mod messages;
mod open;
mod pages;
mod permitted;
mod started;
mod together;
