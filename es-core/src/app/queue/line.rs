//! A stream that somebody is busy on, and those who wait for it.

use super::Turn;
use crate::app::offer::Offer;
use crate::id::{ByStream, StreamId};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a turn may last while somebody waits for its end, to begin with.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How often that is doubled at most, up to half a minute: longer than a commit of unknown outcome is sent again.
const MOST_DOUBLINGS: u32 = 5;

#[derive(Default)]
pub(super) struct Shard {
    pub lines: HashMap<StreamId, Line, ByStream>,
    /// How many turns there were; each has its number.
    turns: u64,
}

/// A stream that somebody is busy on.
pub(super) struct Line {
    /// Whose turn it is.
    pub turn: u64,
    /// Since when, as far as that matters to somebody.
    pub since: Option<Instant>,
    /// How often the patience with it was doubled.
    doublings: u32,
    /// In the order of their numbers.
    pub waiting: VecDeque<Waiting>,
}

/// Somebody who waits for a turn.
pub(super) struct Waiting {
    pub number: u64,
    pub turn: oneshot::Sender<Turn>,
    pub offer: Option<Offer>,
}

impl Waiting {
    /// Whether somebody else may decide for whoever waits here.
    pub(super) fn is_open(&self) -> bool {
        self.offer.is_some()
    }
}

impl Line {
    fn begun(turn: u64) -> Self {
        Self { turn, since: None, doublings: 0, waiting: VecDeque::new() }
    }

    /// When the turn may be taken over.
    pub(super) fn end(&self, now: Instant) -> Instant {
        self.since.unwrap_or(now) + PATIENCE * (1 << self.doublings)
    }

    /// Where in the line this number waits.
    pub(super) fn at(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()
    }

    /// The next turn, at the end of the one before.
    pub(super) fn pass_on(&mut self, turn: u64) {
        let now = Instant::now();
        if self.since.is_some_and(|since| now - since < PATIENCE) {
            self.doublings = 0;
        }
        (self.turn, self.since) = (turn, Some(now));
    }

    /// The next turn, since the one before does not end.
    pub(super) fn take_over(&mut self, turn: u64, now: Instant) {
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        (self.turn, self.since) = (turn, Some(now));
    }
}

impl Shard {
    /// The line whose turn this is, unless it was taken over.
    pub(super) fn line(&mut self, turn: &Turn) -> Option<&mut Line> {
        self.lines.get_mut(&turn.stream).filter(|line| line.turn == turn.number)
    }

    /// Begins a line; the number of its first turn.
    pub(super) fn begin(&mut self, stream: &StreamId) -> u64 {
        let number = self.number();
        self.lines.insert(stream.clone(), Line::begun(number));
        number
    }

    pub(super) fn number(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }
}
