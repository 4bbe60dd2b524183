//! Projections: given events, then documents.

mod documents;
mod laws;
mod scenario;

pub use scenario::{GivenProjection, projection};
