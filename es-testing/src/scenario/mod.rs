//! Scenarios: given events, when a command, then what follows.

mod act;
mod answer;
mod given;
pub(crate) mod guard;
mod race;
mod refused;
mod run;
mod then;
mod verdict;
mod when;

pub(crate) use answer::{Answer, summary};
pub use given::{Given, given, given_nothing};
pub use then::Then;
pub(crate) use verdict::Verdict;
