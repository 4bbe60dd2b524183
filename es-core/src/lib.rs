//! Event sourcing, declared.

pub mod id;
pub mod store;
