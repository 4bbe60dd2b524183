//! What follows the log, taken along it by whoever tests.

use crate::app::App;

pub use crate::runtime::{Halted, Stepper};

/// Everything that follows the log for an app, at this moment: reactors, and the builds of projections.
pub fn followers(app: &App) -> Vec<Stepper> {
    app.steppers()
}
