//! Days that pass when the story says so.
//!
//! A week must not take a week here, and whoever is killed on a Tuesday must go on with that Tuesday. So a
//! day is an event: it has begun when that is written down, and the clock shows the last day that has. Time
//! stands still between two days, and does not pass while the program is off.
//!
//! Where several processes work on one shop, all of them look at one clock on the wall: a folder.

use es_core::prelude::*;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
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
///
/// On a wall it has a file for each day that has begun. Whoever begins a day hangs its file up before anything
/// happens on that day, so that nobody's clock is behind what they hear of.
#[derive(Clone, Debug, Default)]
pub struct StoryClock {
    day: Arc<AtomicU32>,
    wall: Option<Arc<Path>>,
}

impl StoryClock {
    /// The clock in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn on_wall(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { day: Arc::default(), wall: Some(folder.into()) })
    }

    /// Shows this day from now on, unless it has shown a later one.
    ///
    /// # Errors
    /// If it cannot be written on the wall.
    pub fn set(&self, day: u32) -> io::Result<()> {
        if let Some(wall) = &self.wall {
            for day in self.day() + 1..=day {
                File::create(wall.join(day.to_string()))?;
            }
        }
        self.day.fetch_max(day, Ordering::SeqCst);
        Ok(())
    }

    /// The day that it shows.
    pub fn day(&self) -> u32 {
        let mut day = self.day.load(Ordering::SeqCst);
        if let Some(wall) = &self.wall {
            while wall.join((day + 1).to_string()).exists() {
                day += 1;
            }
            self.day.fetch_max(day, Ordering::SeqCst);
        }
        day
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        *START + DAY * self.day()
    }
}
