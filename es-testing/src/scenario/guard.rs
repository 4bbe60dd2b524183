//! A scenario that is not finished checks nothing, so it must not pass.

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
