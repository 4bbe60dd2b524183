//! Days that pass when the story says so.
//!
//! A week must not take a week here, and whoever is killed on a Tuesday must go on with that Tuesday. So a
//! day is an event: it has begun when that is written down, and the clock shows the last day that has. Time
//! stands still between two days, and does not pass while the program is off.

use es_core::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Eight o'clock on the day before the first.
static START: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::constant(1_772_352_000, 0));

const DAY: Duration = Duration::from_hours(24);

/// The name of the only calendar.
const NAME: &str = "story";

/// A day has begun.
#[event]
pub struct DayBegun {
    /// Which one, from 1.
    pub day: u32,
}

/// Lets a day begin, if it has not.
#[command(Calendar)]
pub struct BeginDay {
    /// In this calendar.
    #[id]
    pub calendar: String,
    /// Which one, from 1.
    pub day: u32,
}

/// The days so far.
#[aggregate(id = String, default)]
#[derive(Default)]
pub struct Calendar {
    day: u32,
}

#[applier]
impl Calendar {
    fn begun(&mut self, e: &DayBegun) {
        self.day = e.day;
    }
}

#[command_handler]
impl Calendar {
    fn begin(&self, command: BeginDay) -> Option<DayBegun> {
        (command.day > self.day).then_some(DayBegun { day: command.day })
    }
}

impl Calendar {
    /// The last day that has begun; 0 before the first.
    ///
    /// # Errors
    /// If the calendar cannot be read.
    pub async fn today(app: &App) -> Result<u32, LoadError> {
        Ok(app.load::<Self>(&NAME.to_owned()).await?.map_or(0, |calendar| calendar.day))
    }
}

impl BeginDay {
    /// Of the only calendar.
    pub fn of(day: u32) -> Self {
        Self { calendar: NAME.to_owned(), day }
    }
}

/// A clock that shows eight o'clock of the day that it was set to. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct StoryClock(Arc<AtomicU32>);

impl StoryClock {
    /// Shows this day from now on, unless it has shown a later one.
    pub fn set(&self, day: u32) {
        self.0.fetch_max(day, Ordering::SeqCst);
    }

    /// The day that it shows.
    pub fn day(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        *START + DAY * self.day()
    }
}
