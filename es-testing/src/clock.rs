//! Time that stands still until it is moved.

use es_core::Clock;
use es_core::jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A clock that stands still until it is moved. Clones share the time.
///
/// ```
/// use es_core::Clock as _;
/// use es_core::jiff::Timestamp;
/// use es_testing::prelude::*;
/// use std::time::Duration;
///
/// let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(same.now().as_second(), 60);
/// ```
///
/// An app takes it as `App::builder(store).clock(clock.clone())`.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    now: Arc<Mutex<Timestamp>>,
}

impl VirtualClock {
    /// The time at which every scenario starts unless it says otherwise: the beginning of the year 2000, UTC.
    pub const START: Timestamp = Timestamp::constant(946_684_800, 0);

    /// A clock that stands at this time.
    pub fn at(time: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(time)) }
    }

    /// Puts all clones to this time, which may lie before the present one.
    pub fn set(&self, time: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Moves all clones on by this much.
    ///
    /// # Panics
    /// If that is beyond the last time that a [`Timestamp`] can express, in the year 9999.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        let Ok(later) = self.now().checked_add(by) else {
            panic!("the clock cannot go {by:?} beyond {}", self.now());
        };
        self.set(later);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
