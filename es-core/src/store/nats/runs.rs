//! How long this process has written a stream without a gap.
//!
//! Who has just written a stream knows its last message; every other process has to ask for it first, and comes too
//! late if the next message is sent at once. So that nobody is kept out for as long as one goes on, whoever has gone
//! on for a while leaves a gap, in which all the others find out and write. Where nobody does, the next gap comes
//! later.

use super::server::LONGEST_PAUSE_BEHIND;
use crate::id::{ByStream, StreamId};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How many streams' runs are known at most. One that is forgotten begins anew.
const STREAMS: usize = 1_000;

/// After how long there is a gap: at first, and where nobody has come into the ones before.
const SHORT_RUN: Duration = Duration::from_millis(50);
const LONG_RUN: Duration = Duration::from_millis(400);

/// A trip to the server that takes longer than this says nothing about the next.
const LONGEST_TRIP: Duration = Duration::from_millis(50);

/// The runs that this process has on streams.
pub(super) struct Runs {
    runs: Cache<StreamId, Run, UnitWeighter, ByStream>,
}

/// Writes behind each other without a gap.
#[derive(Clone, Copy)]
struct Run {
    since: Instant,
    last: Instant,
    longest: Duration,
    /// How long the last one was on its way.
    trip: Duration,
}

impl Runs {
    pub fn new() -> Self {
        let (hasher, lifecycle) = (ByStream::default(), DefaultLifecycle::default());
        Self { runs: Cache::with(STREAMS, STREAMS as u64, UnitWeighter, hasher, lifecycle) }
    }

    /// Leaves a gap, if it is time for one, that is not longer than this. To be called by whoever has its turn.
    pub async fn give_way<'a>(&self, streams: impl Iterator<Item = &'a StreamId>, longest: Duration) {
        let now = Instant::now();
        let owed = streams.filter_map(|stream| self.runs.get(stream)).map(|run| run.owes(now)).max();
        if let Some(gap) = owed.filter(|gap| !gap.is_zero()) {
            sleep(gap.min(longest)).await;
        }
    }

    /// A write has come back from its trip; it may have found that another process was faster before.
    pub fn wrote(&self, stream: &StreamId, trip: Duration, was_behind: bool) {
        let now = Instant::now();
        let run = match self.runs.get(stream) {
            Some(run) if !was_behind => run.and(now, trip),
            _ => Run { since: now, last: now, longest: SHORT_RUN, trip },
        };
        self.runs.insert(stream.clone(), run);
    }
}

impl Run {
    /// In which others come by for sure: they pause, ask, and write.
    fn gap(&self) -> Duration {
        LONGEST_PAUSE_BEHIND + self.trip.min(LONGEST_TRIP) * 3
    }

    fn is_over(&self, at: Instant) -> bool {
        at.duration_since(self.since) >= self.longest.max(self.gap() * 4)
    }

    /// What is missing of the gap behind it, if there has to be one.
    fn owes(&self, now: Instant) -> Duration {
        if self.is_over(now) {
            self.gap().saturating_sub(now.duration_since(self.last))
        } else {
            Duration::ZERO
        }
    }

    /// This run with one more write, or the next.
    fn and(self, now: Instant, trip: Duration) -> Self {
        let begun = now.checked_sub(trip).unwrap_or(now);
        if begun.duration_since(self.last) < self.gap() {
            return Self { last: now, trip, ..self };
        }
        // Into a gap that was left for others none has come.
        let longest = if self.is_over(self.last) { (self.longest * 2).min(LONG_RUN) } else { self.longest };
        Self { since: begun, last: now, longest, trip }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONG_RUN, Runs, SHORT_RUN};
    use crate::id::StreamId;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    const TRIP: Duration = Duration::from_millis(1);

    /// Writes for so long, and gives the times at which there was a gap.
    async fn write(runs: &Runs, stream: &StreamId, pause: Duration, long: Duration) -> Vec<Duration> {
        let (begun, mut gaps) = (Instant::now(), Vec::new());
        while begun.elapsed() < long {
            let before = Instant::now();
            runs.give_way(std::iter::once(stream), Duration::MAX).await;
            if before.elapsed() > Duration::ZERO {
                gaps.push(before - begun);
            }
            sleep(TRIP).await;
            runs.wrote(stream, TRIP, false);
            sleep(pause).await;
        }
        gaps
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_on_leaves_gaps_and_fewer_where_nobody_comes() {
        let (runs, stream) = (Runs::new(), StreamId::named("a-1"));
        let gaps = write(&runs, &stream, Duration::ZERO, Duration::from_secs(4)).await;
        assert!(gaps[0] >= SHORT_RUN && gaps[0] < SHORT_RUN * 2, "{gaps:?}");
        assert!(gaps.windows(2).all(|pair| pair[1] < pair[0] + LONG_RUN * 2), "{gaps:?}");
        assert!((9..=15).contains(&gaps.len()), "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_behind_has_a_short_run() {
        let (runs, stream) = (Runs::new(), StreamId::named("a-1"));
        write(&runs, &stream, Duration::ZERO, Duration::from_secs(4)).await;
        runs.wrote(&stream, TRIP, true);
        let gaps = write(&runs, &stream, Duration::ZERO, SHORT_RUN * 2).await;
        assert_eq!(gaps.len(), 1, "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_pauses_anyway_leaves_no_gap_beside() {
        let (runs, stream) = (Runs::new(), StreamId::named("a-1"));
        let gaps = write(&runs, &stream, Duration::from_millis(20), Duration::from_secs(4)).await;
        assert!(gaps.is_empty(), "{gaps:?}");
    }
}
