//! What an invariant sees, and what it says.

use es_core::App;
use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

/// An app between two steps of a schedule, with its outside. It derefs to the [`App`].
#[derive(Debug)]
pub struct Moment<O = ()> {
    pub(super) app: App,
    pub(super) outside: Arc<O>,
}

impl<O> Moment<O> {
    /// What lives outside of the process: made by the first argument of
    /// [`explore_with`](crate::explore_with()).
    pub fn outside(&self) -> &O {
        &self.outside
    }
}

impl<O> Deref for Moment<O> {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

/// What an invariant says: `bool`, a `Result` of it or of `()`, or `()` where it asserts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether an invariant holds",
    label = "not a verdict",
    note = "give a `bool`, a `Result<(), E>` or a `Result<bool, E>` whose error can be shown, or assert and give nothing"
)]
pub trait Verdict {
    /// Whether it holds.
    ///
    /// # Errors
    /// Why it does not; nothing where that is said by its name.
    fn told(self) -> Result<(), String>;
}

impl Verdict for () {
    fn told(self) -> Result<(), String> {
        Ok(())
    }
}

impl Verdict for bool {
    fn told(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<V: Verdict, E: Display> Verdict for Result<V, E> {
    fn told(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())?.told()
    }
}
