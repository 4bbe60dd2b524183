//! The stores' clock.

use jiff::Timestamp;
use std::time::SystemTime;

/// The time now in whole microseconds, which is what every store can keep.
pub(crate) fn now() -> Timestamp {
    let micros = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    };
    from_micros(micros)
}

/// A stored time. What is out of jiff's range, which no clock of ours can have given, is its nearest end.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    let nearest = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(nearest)
}
