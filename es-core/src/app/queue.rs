//! Commands on one stream wait for each other inside a process, instead of racing to a conflict.
//!
//! The queue only saves work, the version check decides. So a turn that does not end is nobody's obstacle: whoever
//! waits for it, and is polled, takes it over, one at a time, and the command that had it goes on without. How long
//! that is waited for follows the store: it doubles with each turn that was taken over, until one ends in time
//! again. A command that is given inside another command's handler never waits.

use crate::id::{ByStream, StreamId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a turn may last while somebody waits for its end, to begin with.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often that is doubled at most, up to half a minute: longer than a commit of unknown outcome is sent again.
const MOST_DOUBLINGS: u32 = 5;

/// A power of two, so that streams rarely share a lock.
const SHARDS: u64 = 64;

tokio::task_local! {
    static INSIDE_A_HANDLER: ();
}

/// Runs a handler so that the commands it gives do not queue.
pub(crate) async fn inside_a_handler<F: Future>(handler: F) -> F::Output {
    INSIDE_A_HANDLER.scope((), handler).await
}

/// The streams that commands are busy on, and who waits for each.
pub(crate) struct Queues {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    lines: HashMap<StreamId, Line, ByStream>,
    /// How many turns there were; each has its number.
    turns: u64,
}

/// A stream that somebody is busy on.
struct Line {
    /// Whose turn it is.
    turn: u64,
    /// Since when, as far as that matters to somebody.
    since: Option<Instant>,
    /// How often the patience with it was doubled.
    doublings: u32,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

impl Line {
    fn begun(turn: u64) -> Self {
        Self { turn, since: None, doublings: 0, waiting: VecDeque::new() }
    }

    /// When the turn may be taken over.
    fn end(&self, now: Instant) -> Instant {
        self.since.unwrap_or(now) + PATIENCE * (1 << self.doublings)
    }

    /// The next turn, at the end of the one before.
    fn pass_on(&mut self, turn: u64) {
        let now = Instant::now();
        if self.since.is_some_and(|since| now - since < PATIENCE) {
            self.doublings = 0;
        }
        (self.turn, self.since) = (turn, Some(now));
    }

    /// The next turn, since the one before does not end.
    fn take_over(&mut self, turn: u64, now: Instant) {
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        (self.turn, self.since) = (turn, Some(now));
    }
}

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() })
    }

    /// Waits for a turn on `stream`; `None` is the permission to do without one. The turn ends when it is dropped.
    pub(crate) async fn turn(self: &Arc<Self>, stream: &StreamId) -> Option<Turn> {
        if INSIDE_A_HANDLER.try_with(|()| ()).is_ok() {
            return None;
        }
        match self.join(stream) {
            Ok(turn) => Some(turn),
            // Boxed, so that a command that need not wait does not carry a timer.
            Err(handed_over) => Box::pin(self.wait(stream, handed_over)).await,
        }
    }

    /// A turn at once, or where it will be handed over.
    fn join(self: &Arc<Self>, stream: &StreamId) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut shard = self.shard(stream);
        if let Some(line) = shard.lines.get_mut(stream) {
            while line.waiting.pop_front_if(|next| next.is_closed()).is_some() {}
            line.since.get_or_insert_with(Instant::now);
            let (sender, receiver) = oneshot::channel();
            line.waiting.push_back(sender);
            return Err(receiver);
        }
        let number = shard.number();
        shard.lines.insert(stream.clone(), Line::begun(number));
        Ok(self.begun(stream, number))
    }

    /// Waits until a turn is handed over, or has lasted too long. One that is handed over to nobody any more passes
    /// itself on.
    async fn wait(
        self: &Arc<Self>,
        stream: &StreamId,
        mut handed_over: oneshot::Receiver<Turn>,
    ) -> Option<Turn> {
        loop {
            let end = match self.take_over(stream) {
                Ok(turn) => return Some(turn),
                Err(end) => end,
            };
            if let Ok(turn) = timeout_at(end, &mut handed_over).await {
                return turn.ok();
            }
        }
    }

    /// The turn of somebody who has had it for too long, or when that will be.
    fn take_over(self: &Arc<Self>, stream: &StreamId) -> Result<Turn, Instant> {
        let mut shard = self.shard(stream);
        let (now, number) = (Instant::now(), shard.number());
        let Some(line) = shard.lines.get_mut(stream) else { return Err(now + PATIENCE) };
        let end = line.end(now);
        if now < end {
            return Err(end);
        }
        line.take_over(number, now);
        drop(shard);
        tracing::debug!(%stream, "a command takes long, and another one goes on beside it");
        Ok(self.begun(stream, number))
    }

    fn begun(self: &Arc<Self>, stream: &StreamId, number: u64) -> Turn {
        Turn { queues: self.clone(), stream: stream.clone(), number }
    }

    fn shard(&self, stream: &StreamId) -> MutexGuard<'_, Shard> {
        // The low bits choose the place inside of the map.
        let at = (stream.hash_code() >> 32) % SHARDS;
        self.shards[usize::try_from(at).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn number(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queues")
    }
}

/// A turn on a stream; handed to whoever waits longest when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    queues: Arc<Queues>,
    stream: StreamId,
    number: u64,
}

impl Turn {
    /// Queues again, if somebody has taken it over.
    pub(crate) async fn renew(turn: &mut Option<Self>) {
        if let Some(lost) = turn.as_ref().filter(|turn| !turn.is_held()) {
            *turn = lost.queues.clone().turn(&lost.stream.clone()).await;
        }
    }

    fn is_held(&self) -> bool {
        let shard = self.queues.shard(&self.stream);
        shard.lines.get(&self.stream).is_some_and(|line| line.turn == self.number)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shard = self.queues.shard(&self.stream);
        let number = shard.number();
        let Some(line) = shard.lines.get_mut(&self.stream) else { return };
        if line.turn != self.number {
            return;
        }
        while let Some(next) = line.waiting.pop_front() {
            if next.is_closed() {
                continue;
            }
            line.pass_on(number);
            // Sent without the lock: whoever gives up just now drops the turn, which takes the lock again.
            drop(shard);
            let _ = next.send(self.queues.begun(&self.stream, number));
            return;
        }
        shard.lines.remove(&self.stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use tokio::sync::mpsc;

    fn stream() -> StreamId {
        StreamId::named("a-1")
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn is_empty(queues: &Queues) -> bool {
        queues.shards.iter().all(|shard| shard.lock().unwrap().lines.is_empty())
    }

    #[tokio::test]
    async fn turns_follow_one_another_and_leave_nothing_behind() {
        let (queues, stream) = (Queues::new(), stream());
        let first = queues.turn(&stream).await;
        let mut second = pin!(queues.turn(&stream));
        assert!(poll(second.as_mut()).is_pending(), "the second waits for the first");
        drop(first);
        drop(second.await);
        assert!(is_empty(&queues));
    }

    #[tokio::test]
    async fn whoever_gives_up_is_passed_over() {
        let (queues, stream) = (Queues::new(), stream());
        let first = queues.turn(&stream).await;
        let mut patient = pin!(queues.turn(&stream));
        {
            let mut gives_up = pin!(queues.turn(&stream));
            let mut too_late = Box::pin(queues.turn(&stream));
            assert!(poll(gives_up.as_mut()).is_pending() && poll(too_late.as_mut()).is_pending());
            assert!(poll(patient.as_mut()).is_pending());
            drop(first);
            // Its turn was handed over, and nobody took it.
        }
        assert!(patient.await.is_some());
        assert!(is_empty(&queues));
    }

    #[tokio::test]
    async fn a_command_inside_a_handler_does_not_wait() {
        let (queues, stream) = (Queues::new(), stream());
        let _outer = queues.turn(&stream).await;
        assert!(inside_a_handler(queues.turn(&stream)).await.is_none());
    }

    fn is_held(turn: Option<&Turn>) -> bool {
        turn.is_some_and(Turn::is_held)
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_end_is_taken_over_by_one_of_those_who_wait() {
        let (queues, stream) = (Queues::new(), stream());
        let mut stuck = queues.turn(&stream).await;
        let (sender, mut turns) = mpsc::channel(2);
        for _ in 0..2 {
            let (queues, stream, sender) = (queues.clone(), stream.clone(), sender.clone());
            tokio::spawn(async move { sender.send(queues.turn(&stream).await.unwrap()).await });
        }
        let taken = turns.recv().await;
        assert!(is_held(taken.as_ref()) && !is_held(stuck.as_ref()) && turns.is_empty());
        {
            let mut again = pin!(Turn::renew(&mut stuck));
            assert!(poll(again.as_mut()).is_pending(), "whoever lost its turn waits for the next");
            drop(taken);
            let left = turns.recv().await;
            assert!(poll(again.as_mut()).is_pending(), "behind those who have waited");
            drop(left);
            again.await;
        }
        assert!(is_held(stuck.as_ref()));
        drop(stuck);
        assert!(is_empty(&queues));
    }

    #[tokio::test(start_paused = true)]
    async fn the_patience_doubles_until_a_turn_ends_in_time() {
        let (queues, stream) = (Queues::new(), stream());
        let mut turns = vec![queues.turn(&stream).await];
        for patience in [1, 2, 4, 8, 16, 32, 32] {
            let begun = Instant::now();
            turns.push(queues.turn(&stream).await);
            assert_eq!(begun.elapsed().as_secs(), patience);
        }
        let mut next = pin!(queues.turn(&stream));
        assert!(poll(next.as_mut()).is_pending());
        drop(turns);
        let _in_time = next.await;
        let begun = Instant::now();
        queues.turn(&stream).await;
        assert_eq!(begun.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_give_up_early_do_not_prolong_a_turn() {
        let (queues, stream) = (Queues::new(), stream());
        let _stuck = queues.turn(&stream).await;
        let impatient = || tokio::time::timeout(Duration::from_millis(300), queues.turn(&stream));
        for _ in 0..3 {
            assert!(impatient().await.is_err());
        }
        assert!(impatient().await.is_ok(), "the turn has lasted for a second");
    }
}
