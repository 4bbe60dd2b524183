//! Where two things differ, field by field: what is there ≠ what should be there.

mod debug;
mod json;

pub(crate) use debug::debug;
pub(crate) use json::fields;

use es_core::EventEnum;
use es_core::serde_json::{self, Value};

/// A line for each event that differs; none if the two lists are equal.
pub(crate) fn events<E: EventEnum>(actual: &[E], expected: &[E]) -> Vec<String> {
    let pairs = (0..actual.len().max(expected.len())).map(|n| (n, actual.get(n), expected.get(n)));
    pairs
        .filter_map(|(n, actual, expected)| Some(format!("event {}: {}", n + 1, place(actual, expected)?)))
        .collect()
}

/// What is wrong at one place of a list.
fn place<E: EventEnum>(actual: Option<&E>, expected: Option<&E>) -> Option<String> {
    match (actual, expected) {
        (Some(actual), Some(expected)) => event(actual, expected),
        (None, Some(expected)) => Some(format!("missing {}", show(expected))),
        (Some(actual), None) => Some(format!("unexpected {}", show(actual))),
        (None, None) => None,
    }
}

/// How one event differs from another.
pub(crate) fn event<E: EventEnum>(actual: &E, expected: &E) -> Option<String> {
    if actual == expected {
        return None;
    }
    if actual.name() != expected.name() {
        return Some(format!("{} ≠ {}", show(actual), show(expected)));
    }
    let mut fields = match (value(actual), value(expected)) {
        (Some(actual), Some(expected)) => json::fields(&actual, &expected),
        _ => Vec::new(),
    };
    if fields.is_empty() {
        // The JSON says nothing: it is the same, or there is none.
        fields = debug(actual, expected);
    }
    if fields.is_empty() {
        fields.push(format!("{actual:?} is not equal to itself"));
    }
    Some(format!("right type {}, {}", type_name(actual), fields.join(", ")))
}

/// Whether two events are equal, or look equal: floats that are no number equal nothing.
pub(crate) fn same<E: EventEnum>(a: &E, b: &E) -> bool {
    a == b || (a.name() == b.name() && value(a).is_some_and(|a| Some(a) == value(b)))
}

fn value<E: EventEnum>(event: &E) -> Option<Value> {
    serde_json::from_slice(&event.encode().ok()?).ok()
}

/// An event as its own type prints it, without the enum's variant around it.
pub(crate) fn show<E: EventEnum>(event: &E) -> String {
    let text = format!("{event:?}");
    let inner = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or_else(|| text.clone(), ToOwned::to_owned)
}

/// The name of its type.
fn type_name<E: EventEnum>(event: &E) -> String {
    let text = format!("{event:?}");
    text.split_once('(').map_or_else(|| event.name().to_owned(), |(variant, _)| variant.to_owned())
}
