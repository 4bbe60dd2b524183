//! Turns of those in this process who write one stream.
//!
//! Each message expects to come behind the stream's last one, so of all that are sent at a time one is stored, and
//! the others were sent for nothing. Who writes several streams takes its turns in the order of their names, so that
//! nobody waits for one who waits for it.

use crate::id::{ByStream, StreamId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::timeout;

/// The lines before all streams that are being written.
#[derive(Default)]
pub(super) struct Turns {
    lines: Mutex<HashMap<StreamId, Line, ByStream>>,
}

/// Those who write one stream, or wait for it.
#[derive(Default)]
struct Line {
    turn: Arc<AsyncMutex<()>>,
    people: usize,
}

/// A place in the line before a stream; the line goes with the last of them.
struct Place<'a> {
    turns: &'a Turns,
    stream: StreamId,
}

/// It is one's turn, until this is dropped.
pub(super) struct Turn<'a> {
    /// Before the place: what is dropped first.
    _turn: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

/// The others did not come to their end in time.
#[derive(Debug, thiserror::Error)]
#[error("others of this process are writing the stream")]
pub(super) struct Late;

impl Turns {
    /// Waits for the others before these streams, so long at most.
    pub async fn take<'a>(
        &self,
        streams: impl IntoIterator<Item = &'a StreamId>,
        longest: Duration,
    ) -> Result<Vec<Turn<'_>>, Late> {
        let mut streams: Vec<_> = streams.into_iter().collect();
        streams.sort_unstable_by_key(|stream| stream.as_str());
        streams.dedup();
        let taken = async {
            let mut turns = Vec::with_capacity(streams.len());
            for stream in streams {
                turns.push(self.one(stream).await);
            }
            turns
        };
        timeout(longest, taken).await.map_err(|_| Late)
    }

    async fn one(&self, stream: &StreamId) -> Turn<'_> {
        let (place, turn) = self.stand(stream);
        Turn { _turn: turn.lock_owned().await, _place: place }
    }

    fn stand(&self, stream: &StreamId) -> (Place<'_>, Arc<AsyncMutex<()>>) {
        let mut lines = self.lines();
        let line = lines.entry(stream.clone()).or_default();
        line.people += 1;
        (Place { turns: self, stream: stream.clone() }, line.turn.clone())
    }

    /// Nothing panics while the lock is held.
    fn lines(&self) -> MutexGuard<'_, HashMap<StreamId, Line, ByStream>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        if let Some(line) = lines.get_mut(&self.stream) {
            line.people -= 1;
            if line.people == 0 {
                lines.remove(&self.stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Late, Turn, Turns};
    use crate::id::StreamId;
    use std::sync::Mutex;
    use std::time::Duration;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_hours(1);

    async fn take<'a>(turns: &'a Turns, names: &[&str]) -> Result<Vec<Turn<'a>>, Late> {
        let streams: Vec<_> = names.iter().map(|name| StreamId::named(*name)).collect();
        turns.take(&streams, LONG).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_comes_after_the_other_in_the_order_they_came() {
        let (turns, order) = (Turns::default(), Mutex::new(Vec::new()));
        let write = async |n: u32| {
            let _turn = take(&turns, &["a-1"]).await.unwrap();
            order.lock().unwrap().push(n);
            yield_now().await;
            order.lock().unwrap().push(n);
        };
        tokio::join!(write(1), write(2), write(3));
        assert_eq!(*order.lock().unwrap(), [1, 1, 2, 2, 3, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_cross_do_not_wait_for_each_other() {
        let turns = Turns::default();
        let write = async |names: &[&str]| {
            for _ in 0..10 {
                let _turns = take(&turns, names).await.unwrap();
                yield_now().await;
            }
        };
        tokio::join!(write(&["a-1", "b-1"]), write(&["b-1", "a-1"]), write(&["b-1", "c-1", "b-1"]));
    }

    #[tokio::test(start_paused = true)]
    async fn other_streams_are_not_waited_for() {
        let turns = Turns::default();
        let _held = take(&turns, &["a-1"]).await.unwrap();
        assert_eq!(take(&turns, &["a-2", "b-1"]).await.unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_long_enough_goes() {
        let turns = Turns::default();
        let held = take(&turns, &["b-1"]).await.unwrap();
        assert!(take(&turns, &["a-1", "b-1"]).await.is_err());
        drop(held);
        assert!(take(&turns, &["b-1"]).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_those_who_have_gone() {
        let turns = Turns::default();
        let held = take(&turns, &["a-1", "b-1"]).await.unwrap();
        // Dropped while it waits for the second.
        let waiting = timeout(Duration::from_secs(1), take(&turns, &["0-1", "b-1"])).await;
        assert!(waiting.is_err());
        assert_eq!(turns.lines().len(), 2);
        let next = async { take(&turns, &["b-1"]).await.map(drop) };
        let (next, ()) = tokio::join!(next, async { drop(held) });
        next.unwrap();
        assert_eq!(turns.lines().len(), 0);
    }
}
