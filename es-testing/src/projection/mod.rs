//! Projections: given events, then documents or rows.

mod documents;
mod kind;
mod laws;
mod past;
#[cfg(feature = "sqlite")]
mod rows;
mod scenario;

pub use kind::projection;
#[cfg(feature = "sqlite")]
pub use rows::{GivenRows, Row, SqlValue};
pub use scenario::GivenProjection;
