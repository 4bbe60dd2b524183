//! Reading the log behind a position, again and again: what a subscription does between two events.

use super::subscribe::SubscribeFrom;
use crate::id::Position;
use crate::retry::RetryPolicy;
use crate::store::{BoxError, EventStore, Filter, LogPage, ReadError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The most events that are held in memory ahead of the subscriber.
const PAGE: u32 = 256;

/// How long the store may take to say that there is something new. Its word is a hint, so that after this
/// time the log is read in any case.
const LOOK: Duration = Duration::from_secs(1);

/// The pause behind a hint that came early and was wrong.
const CALM: Duration = Duration::from_millis(10);

/// The pauses while the store does not answer.
const OUTAGE: RetryPolicy =
    RetryPolicy { max: u32::MAX, base: Duration::from_millis(100), cap: Duration::from_secs(5) };

/// The part of a store's log that is subscribed to.
pub(super) struct Log {
    pub store: Arc<dyn EventStore>,
    pub filter: Filter,
}

/// A page, and how to go on behind it.
pub(super) struct Turn {
    pub page: LogPage,
    pub next: Pace,
}

/// What comes before the next read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// Nothing: there is more.
    Reading,
    /// The store's hint.
    Waiting,
    /// A pause, then the store's hint: the last one was wrong.
    Calming,
}

/// Why nothing more can be read.
pub(super) enum End {
    /// Something else is stored at a position than was written there.
    Damaged { at: Position, cause: BoxError },
    /// The store was closed.
    Closed,
}

impl Log {
    /// The position that everything is delivered behind.
    pub async fn start(self: Arc<Self>, from: SubscribeFrom) -> Result<Position, End> {
        let mut outage = Outage::default();
        match from {
            SubscribeFrom::Start => Ok(Position(0)),
            SubscribeFrom::After(position) => Ok(position),
            SubscribeFrom::Now => loop {
                match self.store.head().await {
                    Ok(head) => return Ok(head),
                    Err(error) => outage.pause(&error).await?,
                }
            },
        }
    }

    /// Reads the page behind `after`, when there may be one.
    pub async fn turn(self: Arc<Self>, after: Position, first: Pace) -> Result<Turn, End> {
        let mut was_hinted = false;
        if first == Pace::Reading {
            // A store in memory is never waited for, and others want to run, too.
            tokio::task::yield_now().await;
        } else {
            if first == Pace::Calming {
                tokio::time::sleep(CALM).await;
            }
            was_hinted = self.wait(after).await;
        }
        let page = self.read(after).await?;
        let next = if page.scanned_to <= after {
            if was_hinted { Pace::Calming } else { Pace::Waiting }
        } else if page.scanned_to < page.head {
            Pace::Reading
        } else {
            Pace::Waiting
        };
        Ok(Turn { page, next })
    }

    /// Waits for the store's hint; whether it came before its time was up.
    async fn wait(&self, after: Position) -> bool {
        let began = Instant::now();
        // The store's own limit may be late, too.
        let hint = tokio::time::timeout(LOOK, self.store.wait(after, LOOK)).await;
        hint.is_ok() && began.elapsed() < LOOK
    }

    /// Reads until the store answers.
    async fn read(&self, after: Position) -> Result<LogPage, End> {
        let mut outage = Outage::default();
        let mut limit = PAGE;
        loop {
            match self.store.read_log(after, &self.filter, limit).await {
                Ok(page) => return Ok(page),
                // What stands before the damage can be read, one by one.
                Err(ReadError::Corrupt { .. }) if limit > 1 => limit = 1,
                Err(ReadError::Corrupt { at, cause }) => return Err(End::Damaged { at, cause }),
                Err(error @ ReadError::Unavailable(_)) => outage.pause(&error).await?,
            }
        }
    }
}

/// How often the store has not answered.
#[derive(Default)]
struct Outage(u32);

impl Outage {
    /// Waits until it is time to ask again, unless there will never be an answer.
    async fn pause(&mut self, error: &ReadError) -> Result<(), End> {
        if error.is_closed() {
            return Err(End::Closed);
        }
        self.0 = self.0.saturating_add(1);
        let cause = error.source().map(ToString::to_string);
        tracing::warn!(cause, failures = self.0, "a subscription cannot read the log and tries again");
        tokio::time::sleep(OUTAGE.pause(self.0)).await;
        Ok(())
    }
}
