//! Schedules: who does what, one after the other, and where a process ends.

use es_core::jiff::Timestamp;
use std::sync::Arc;

/// A step of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub who: Who,
    /// Where the process ends, if it does: before or behind a store call, all of which are counted.
    pub cut_at: Option<usize>,
    /// What else goes wrong: how many followers do not look at the log meanwhile.
    pub asleep: u8,
}

/// Who does something.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// A client sends its next command.
    Client(usize),
    /// A follower, by its processor's name, takes the next event, or does what is due.
    Follower(Arc<str>),
    /// It becomes this late.
    Clock(Timestamp),
}

impl Step {
    /// How much goes wrong in it.
    pub fn faults(&self) -> u8 {
        self.asleep + u8::from(self.cut_at.is_some())
    }
}

/// What went wrong in a schedule, in words: " after a crash at step 4".
pub(super) fn misfortunes(steps: &[Step]) -> String {
    let mut said = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        if step.asleep > 0 {
            said.push(format!("a lost wake-up at step {number}"));
        }
        if step.cut_at.is_some() {
            said.push(format!("a crash at step {number}"));
        }
    }
    if said.is_empty() { String::new() } else { format!(" after {}", said.join(" and ")) }
}
