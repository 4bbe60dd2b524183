//! Flows: commands, and all that follows from them in an app as it goes into production.

mod given;
mod laws;
mod refused;
mod remains;
mod stage;
mod then;
mod when;

pub use given::{GivenFlow, flow};
pub use then::ThenFlow;
