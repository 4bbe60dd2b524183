//! What a test needs: `use es_testing::prelude::*;`.

pub use crate::clock::VirtualClock;
pub use crate::events;
pub use crate::explore::{Exploration, Story, explore, explore_with};
pub use crate::flow::{GivenFlow, ThenFlow, flow};
#[cfg(feature = "sqlite")]
pub use crate::projection::GivenRows;
pub use crate::projection::{GivenProjection, projection};
pub use crate::reactor::{GivenReactor, ThenReactor, reactor};
pub use crate::scenario::{Given, Then, given, given_nothing};
