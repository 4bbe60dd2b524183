//! Reactors at work: what they issue, what they outlive, and how they are started and stopped.
#![allow(missing_docs)]

mod crash;
mod kit;
mod parking;
mod running;
mod shop;
mod timers;
mod turns;
