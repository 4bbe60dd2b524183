//! The stores' clock.

use jiff::Timestamp;
use std::time::{Duration, SystemTime};

/// The time now in whole microseconds, which is what every store can keep.
pub(crate) fn now() -> Timestamp {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => from_micros(micros(since)),
        Err(before) => from_micros(-micros(before.duration())),
    }
}

/// In 64 bits, which for a clock is enough for long, and divides faster than 128.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000)
        .saturating_add(time.subsec_micros().into())
}

/// A stored time. What is out of jiff's range, which no clock of ours can have given, is its nearest end.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    let nearest = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(nearest)
}
