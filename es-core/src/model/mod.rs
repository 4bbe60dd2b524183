//! The model as data.
pub mod registry;
