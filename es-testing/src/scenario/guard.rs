//! A scenario that is not finished checks nothing, so it must not pass.

use std::collections::BTreeSet;
use std::panic::Location;
use std::thread;

/// Panics when it is dropped before it was told that all is well.
///
/// It is a field and not a `Drop` of the scenario itself, so that methods can move out of the scenario.
pub(crate) struct Guard {
    armed: bool,
    since: &'static Location<'static>,
    missing: &'static str,
}

impl Guard {
    /// Armed, with what has to come yet.
    #[track_caller]
    pub(crate) fn until(missing: &'static str) -> Self {
        Self { armed: true, since: Location::caller(), missing }
    }

    /// It came.
    pub(crate) fn disarm(&mut self) {
        self.armed = false;
    }

    /// Whether it did not come yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let unfinished = self.armed && !thread::panicking();
        assert!(
            !unfinished,
            "this scenario checks nothing: {} has to follow (at {})",
            self.missing, self.since
        );
    }
}

/// What a scenario has to speak of before it ends: panics when it is dropped before all of it was settled.
pub(crate) struct Owed {
    names: BTreeSet<String>,
    what: &'static str,
    /// What had happened.
    tale: String,
    since: &'static Location<'static>,
}

impl Owed {
    /// Each of these.
    #[track_caller]
    pub(crate) fn of(names: BTreeSet<String>, what: &'static str, tale: String) -> Self {
        Self { names, what, tale, since: Location::caller() }
    }

    /// It was spoken of.
    pub(crate) fn settle(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Now is the time.
    #[track_caller]
    pub(crate) fn claim(&mut self) {
        let names = std::mem::take(&mut self.names);
        let names: Vec<_> = names.into_iter().collect();
        assert!(names.is_empty(), "{}: {} (at {})\n\n{}", self.what, names.join(", "), self.since, self.tale);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.claim();
        }
    }
}
