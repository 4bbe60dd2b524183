//! What is wrong with a scenario, as text.

use crate::world::Tale;
use std::fmt::Write;

/// A failure: what is wrong, and where.
pub(crate) struct Fault {
    headline: String,
    lines: Vec<String>,
}

impl Fault {
    /// A failure that one sentence says.
    pub(crate) fn new(headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), lines: Vec::new() }
    }

    /// The same with details.
    pub(crate) fn with(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// The whole text, with what had happened.
    pub(crate) fn told(&self, tale: &Tale) -> String {
        let mut text = format!("{}\n", self.headline);
        for line in &self.lines {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  {line}");
        }
        let _ = write!(text, "\n{tale}");
        text
    }
}
