//! Reactors at work: what they issue, what they outlive, and how they are started and stopped.
#![allow(missing_docs)]

#[macro_use]
mod kit;
#[macro_use]
mod shop;

mod again_at_once;
mod clash;
mod closed;
mod crash;
mod far;
mod fence;
mod inline_skipped;
mod later;
mod open_keys;
mod outage;
mod parking;
mod rebuilding;
mod redelivered;
mod running;
mod skipped;
mod slices;
mod stopping;
mod tables;
mod timers;
mod turns;
mod two_timers;
