//! The kit on itself: what it can say, and how it says that something is wrong.
#![allow(missing_docs, reason = "a test's name says what it is about")]

mod failures;
mod features;
mod flow_failures;
mod flows;
mod followers;
mod laws;
mod model;
mod projections;
mod races;
mod reactor_failures;
mod reactors;
#[cfg(feature = "sqlite")]
mod rows;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text that a scenario fails with.
fn failure(scenario: impl FnOnce()) -> String {
    let Err(panicked) = catch_unwind(AssertUnwindSafe(scenario)) else {
        panic!("the scenario does not fail")
    };
    match panicked.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&'static str>().expect("a panic with a text")).to_owned(),
    }
}

/// A scenario fails, and its text has all of these.
#[track_caller]
fn fails_with(parts: &[&str], scenario: impl FnOnce()) {
    let text = failure(scenario);
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}
