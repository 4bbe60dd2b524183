//! Reactors: given events, when another one, then commands.

mod commands;
mod given;
mod lane;
mod stage;
mod then;
mod timers;
mod turn;
mod when;

pub(crate) use commands::{difference, expected};
pub(crate) use turn::text as panic_text;

pub use given::{GivenReactor, reactor};
pub use then::{ThenReactor, TimerDue};
