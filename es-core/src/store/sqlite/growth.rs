//! How those who wait hear that the log has grown: from the writer of this process, and, by looking, from
//! those of others.

use super::{column, schema};
use crate::id::Position;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest and the longest time between two looks.
const SOON: Duration = Duration::from_millis(10);
const LATE: Duration = Duration::from_millis(100);

/// The end of the log as far as it is known here.
#[derive(Clone)]
pub(super) struct Growth {
    end: Arc<watch::Sender<u64>>,
    others: Arc<Others>,
}

impl Growth {
    pub fn of(path: &Path) -> Self {
        let others = Others { path: path.to_owned(), view: Mutex::new(View::None) };
        Self { end: Arc::new(watch::Sender::new(0)), others: Arc::new(others) }
    }

    /// Says that the log goes up to `end`.
    pub fn reached(&self, end: u64) {
        self.end.send_if_modified(|known| {
            let is_news = end > *known;
            *known = end.max(*known);
            is_news
        });
    }

    /// Waits until the log goes further than `after`, or so long.
    pub async fn wait(&self, after: Position, max: Duration) {
        let until = Instant::now().checked_add(max);
        let mut end = self.end.subscribe();
        let mut pause = SOON;
        loop {
            let left = until.map_or(LATE, |until| until.saturating_duration_since(Instant::now()));
            // The sender is ours, so that this ends by growth or by time only.
            let grown = end.wait_for(|end| *end > after.0);
            let has_grown = tokio::time::timeout(pause.min(left), grown).await.is_ok();
            if has_grown || left.is_zero() {
                return;
            }
            self.look().await;
            pause = (pause * 2).min(LATE);
        }
    }

    /// Looks whether another process has written.
    async fn look(&self) {
        let this = self.clone();
        // A look that fails is followed by the next one.
        let _ = tokio::task::spawn_blocking(move || {
            if let Some(end) = this.others.end() {
                this.reached(end);
            }
        })
        .await;
    }

    /// Lets go of the file.
    pub fn close(&self) {
        *self.others.view.lock().unwrap_or_else(PoisonError::into_inner) = View::Closed;
    }
}

/// What other processes write, seen on a connection of its own: only there does its `data_version` change
/// with everything that anybody writes.
struct Others {
    path: PathBuf,
    view: Mutex<View>,
}

enum View {
    None,
    Open { connection: Connection, data_version: i64 },
    Closed,
}

impl Others {
    /// The end of the log, if anything was written since the last look, and nobody else is looking.
    fn end(&self) -> Option<u64> {
        let mut view = match self.view.try_lock() {
            Ok(view) => view,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if let View::None = *view {
            *view = View::Open { connection: schema::open_reader(&self.path).ok()?, data_version: -1 };
        }
        let View::Open { connection, data_version: seen } = &mut *view else { return None };
        let number = |sql| connection.prepare_cached(sql).ok()?.query_row([], |row| row.get(0)).ok();
        let data_version = number("PRAGMA data_version")?;
        if data_version == *seen {
            return None;
        }
        let end = number("SELECT coalesce(max(position), 0) FROM events")?;
        *seen = data_version;
        Some(column::unsigned(end))
    }
}
