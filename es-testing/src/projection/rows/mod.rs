//! Projections that keep rows, in a file as they will be.

mod laws;
mod scenario;
mod tables;
mod value;

pub use scenario::GivenRows;
pub use value::{Row, SqlValue};
