//! What has happened in a scenario so far, for whoever has to understand a failure.

use std::fmt;

/// The lines of a scenario: what was given, what was asked, what came of it.
#[derive(Clone, Default)]
pub(crate) struct Tale {
    lines: Vec<(&'static str, String)>,
    /// Which of several courses of the scenario this is.
    pub(crate) course: Option<String>,
}

impl Tale {
    /// Adds a line of a kind: `given`, `when` or what came of it.
    pub(crate) fn tell(&mut self, kind: &'static str, line: &str) {
        self.lines.push((kind, line.to_owned()));
    }
}

impl fmt::Display for Tale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(course) = &self.course {
            writeln!(f, "  in the course where {course}")?;
        }
        if !self.lines.iter().any(|(kind, _)| *kind == "given") {
            writeln!(f, "  {:<9} nothing", "given")?;
        }
        let mut last = "";
        for (kind, line) in &self.lines {
            let heading = if *kind == last { "" } else { *kind };
            writeln!(f, "  {heading:<9} {line}")?;
            last = *kind;
        }
        Ok(())
    }
}
