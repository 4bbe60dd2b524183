//! What the prelude adds to jiff.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The day of a moment.
pub trait TimestampExt {
    /// The date in UTC.
    ///
    /// ```
    /// use es_core::prelude::*;
    ///
    /// let halloween: Timestamp = "2017-10-31T23:30:00Z".parse()?;
    /// assert_eq!(halloween.date(), "2017-10-31".parse::<Date>()?);
    /// # Ok::<(), es_core::jiff::Error>(())
    /// ```
    fn date(&self) -> Date;
}

impl TimestampExt for Timestamp {
    fn date(&self) -> Date {
        self.to_zoned(TimeZone::UTC).date()
    }
}
