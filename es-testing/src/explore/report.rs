//! What has come out of an exploration.

use std::fmt;

/// What an exploration has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many schedules were tried.
    pub schedules: usize,
    /// How many states they have led to.
    pub states: usize,
    /// How many steps the longest of them has.
    pub depth: usize,
    /// Whether there are more schedules than were allowed.
    pub is_cut: bool,
    /// The schedule with the fewest faults, and of those the shortest, at the end of which something does not
    /// hold.
    pub failure: Option<Failure>,
}

/// A schedule at the end of which something does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What does not hold.
    pub invariant: String,
    /// Why, as far as it says.
    pub reason: String,
    /// What had gone wrong before: " after a crash at step 4".
    pub(super) after: String,
    /// What had been carried out before the first step.
    pub given: Vec<String>,
    /// What each step has done.
    pub steps: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" does not hold{}", self.invariant, self.after)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        f.write_str("\n\n")?;
        for given in &self.given {
            writeln!(f, "     given {given}")?;
        }
        for (step, number) in self.steps.iter().zip(1..) {
            let mut lines = step.lines();
            writeln!(f, "{number:>3}. {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "     {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            writeln!(f, "{failure}")?;
        }
        let Self { schedules, states, depth, .. } = self;
        write!(f, "{schedules} schedules tried, up to {depth} steps long, with {states} states")?;
        if self.is_cut { f.write_str("; there are more") } else { Ok(()) }
    }
}
