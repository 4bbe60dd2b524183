//! Stories in every order, with crashes on the way: what the explorer finds, and what it leaves alone.
#![allow(missing_docs, reason = "a test's name says what it is about")]

mod bank;
mod bounds;
mod offers;
mod orders;
mod outside;
mod transfers;
mod troubles;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text that a check fails with.
fn failure(check: impl FnOnce()) -> String {
    let Err(panicked) = catch_unwind(AssertUnwindSafe(check)) else { panic!("the check does not fail") };
    match panicked.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&'static str>().expect("a panic with a text")).to_owned(),
    }
}
