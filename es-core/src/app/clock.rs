//! Where the time comes from.

use jiff::Timestamp;

/// A source of the time. The default is the system's; tests give one that stands still.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// A time in whole microseconds, which is what every store keeps.
pub(crate) fn whole_micros(time: Timestamp) -> Timestamp {
    let nanoseconds = time.subsec_nanosecond();
    Timestamp::new(time.as_second(), nanoseconds - nanoseconds % 1_000).unwrap_or(time)
}
