//! Commands as data: how they look, and how two lists of them differ.

use crate::diff;
use crate::fault::Fault;
use es_core::__testing::{Issued, IssuedCommand, Wish};
use es_core::IntoCommands;

/// A command as text.
pub(super) fn show(command: &IssuedCommand) -> String {
    format!("{} {}", command.name, command.fields)
}

/// The commands that a test expects, in order.
pub(crate) fn expected(commands: impl IntoCommands) -> Result<Vec<IssuedCommand>, Fault> {
    let mut issued = Issued::default();
    commands.issue(&mut issued);
    if let Some(fault) = issued.fault {
        return Err(Fault::new(fault));
    }
    let only = issued.wishes.into_iter().map(|wish| match wish {
        Wish::Command(command) => Ok(command),
        Wish::SetTimer { .. } | Wish::CancelTimer { .. } => {
            Err(Fault::new("timers are no commands: `.then_timer(due, command)` expects one"))
        }
    });
    only.collect()
}

/// A line for each command that differs; none if the two lists are equal.
pub(super) fn differences(actual: &[&IssuedCommand], expected: &[IssuedCommand]) -> Vec<String> {
    let places = (0..actual.len().max(expected.len())).map(|n| (n, actual.get(n), expected.get(n)));
    places
        .filter_map(|(n, actual, expected)| {
            let what = match (actual, expected) {
                (Some(actual), Some(expected)) => difference(actual, expected)?,
                (None, Some(expected)) => format!("missing {}", show(expected)),
                (Some(actual), None) => format!("unexpected {}", show(actual)),
                (None, None) => return None,
            };
            Some(format!("command {}: {what}", n + 1))
        })
        .collect()
}

/// How one command differs from another.
pub(crate) fn difference(actual: &IssuedCommand, expected: &IssuedCommand) -> Option<String> {
    if actual == expected {
        return None;
    }
    if actual.name != expected.name {
        return Some(format!("{} ≠ {}", show(actual), show(expected)));
    }
    let fields = diff::fields(&actual.fields, &expected.fields).join(", ");
    Some(format!("right command {}, {fields}", actual.name))
}
