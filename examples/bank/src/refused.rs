//! Lines of statements that were refused.
//!
//! An account says no and forgets it. A statement must not: if it is played again a month later, the withdrawal
//! that was refused must not suddenly be paid out because there is more money now. So a refusal is written down
//! as well, in a stream of its own.

use crate::statement::Line;
use es_core::prelude::*;

/// A line was refused.
#[event]
pub struct LineRefused {
    /// Why.
    pub reason: String,
}

/// Writes down that a line was refused.
#[command(RefusedLine)]
pub struct RefuseLine {
    /// Which line: see [`key`].
    #[id]
    pub line: Uuid,
    /// Why.
    pub reason: String,
}

/// A line that was refused.
#[aggregate(id = Uuid)]
pub struct RefusedLine {
    reason: String,
}

impl RefusedLine {
    /// Why it was refused.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[applier]
impl RefusedLine {
    fn refused(e: &LineRefused) -> Self {
        RefusedLine { reason: e.reason.clone() }
    }
}

#[command_handler]
impl RefusedLine {
    fn refuse(command: RefuseLine) -> LineRefused {
        LineRefused { reason: command.reason }
    }
}

/// What tells one line from another: all that it says. A line that was corrected is another one.
pub fn key(line: &Line) -> Uuid {
    CommandId::named(&line.to_string()).as_uuid()
}
