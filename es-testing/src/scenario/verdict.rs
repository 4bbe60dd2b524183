//! How a refusal is judged.

use crate::diff;
use es_core::CommandError;
use std::fmt::Debug;

/// What there is to say about one failure.
pub(crate) enum Verdict {
    Right,
    /// Nearly: what differs.
    Because(Vec<String>),
    Another,
}

impl Verdict {
    pub(crate) fn of(right: bool) -> Self {
        if right { Self::Right } else { Self::Another }
    }

    /// Whether the handler said this.
    pub(crate) fn rejected<E: PartialEq + Debug>(actual: &CommandError<E>, expected: &E) -> Self {
        match actual {
            CommandError::Rejected(actual) => same_error(actual, expected),
            CommandError::Invariant(actual) if actual == expected => Self::Because(vec![
                "it is an invariant that refused it: `.then_invariant(..)` expects that".to_owned(),
            ]),
            _ => Self::Another,
        }
    }

    /// Whether an invariant said this.
    pub(crate) fn invariant<E: PartialEq + Debug>(actual: &CommandError<E>, expected: &E) -> Self {
        match actual {
            CommandError::Invariant(actual) => same_error(actual, expected),
            CommandError::Rejected(actual) if actual == expected => Self::Because(vec![
                "it is the handler that refused it: `.then_error(..)` expects that".to_owned(),
            ]),
            _ => Self::Another,
        }
    }
}

fn same_error<E: PartialEq + Debug>(actual: &E, expected: &E) -> Verdict {
    if actual == expected {
        return Verdict::Right;
    }
    let mut lines = diff::debug(actual, expected);
    if lines.is_empty() {
        lines.push(format!("{actual:?} is not equal to itself"));
    }
    Verdict::Because(["actual ≠ expected:".to_owned()].into_iter().chain(lines).collect())
}
