//! Commands on one stream wait for each other inside a process, instead of racing to a conflict.
//!
//! The queue only saves work, the version check decides. So a turn that does not end is nobody's obstacle: whoever
//! waits for it, and is polled, takes it over, one at a time, and the command that had it goes on without. How long
//! that is waited for follows the store: it doubles with each turn that was taken over, until one ends in time
//! again. A command that is given inside another command's handler never waits.
//!
//! Whoever waits may leave an [`Offer`]: whoever's turn it is may take it up, and then there is no turn to wait for.

mod line;

use super::offer::Offer;
use crate::id::StreamId;
use crate::service::BoxFuture;
use line::{Line, PATIENCE, Shard, Waiting};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

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

/// The answer to those who do not want to wait yet.
pub(super) struct Busy;

/// The answer to those whose offer was taken up.
pub(super) struct Taken;

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() })
    }

    /// Waits for a turn on `stream`; `None` is the permission to do without one. The turn ends when it is dropped.
    pub(crate) async fn turn(self: &Arc<Self>, stream: &StreamId) -> Option<Turn> {
        match self.at_once(stream) {
            Ok(turn) => turn,
            Err(Busy) => self.wait(stream, None).await.ok(),
        }
    }

    /// As [`turn`](Self::turn), where nobody has to be waited for.
    pub(super) fn at_once(self: &Arc<Self>, stream: &StreamId) -> Result<Option<Turn>, Busy> {
        if INSIDE_A_HANDLER.try_with(|()| ()).is_ok() {
            return Ok(None);
        }
        let mut shard = self.shard(stream);
        if shard.lines.contains_key(stream) {
            return Err(Busy);
        }
        let number = shard.begin(stream);
        Ok(Some(self.begun(stream, number, false)))
    }

    /// Waits until a turn is handed over, or has lasted too long, or until the offer is taken up. Boxed, so that a
    /// command that need not wait does not carry a timer.
    ///
    /// A turn that is handed over to nobody any more passes itself on.
    pub(super) fn wait<'a>(
        self: &'a Arc<Self>,
        stream: &'a StreamId,
        offer: Option<Offer>,
    ) -> BoxFuture<'a, Result<Turn, Taken>> {
        Box::pin(async move {
            let mut place = match self.join(stream, offer) {
                Ok(turn) => return Ok(turn),
                Err(place) => place,
            };
            loop {
                let end = match self.take_over(&place) {
                    Ok(turn) => return Ok(turn),
                    Err(end) => end,
                };
                if let Ok(turn) = timeout_at(end, &mut place.handed_over).await {
                    place.is_left = true;
                    return turn.map_err(|_| Taken);
                }
            }
        })
    }

    /// A turn at once, or a place in the line.
    fn join<'a>(self: &'a Arc<Self>, stream: &'a StreamId, offer: Option<Offer>) -> Result<Turn, Place<'a>> {
        let mut shard = self.shard(stream);
        let number = shard.number();
        let Some(line) = shard.lines.get_mut(stream) else {
            let number = shard.begin(stream);
            return Ok(self.begun(stream, number, false));
        };
        line.since.get_or_insert_with(Instant::now);
        let (turn, handed_over) = oneshot::channel();
        line.waiting.push_back(Waiting { number, turn, offer });
        Err(Place { queues: self, stream, number, handed_over, is_left: false })
    }

    /// The turn of somebody who has had it for too long, for whoever waits at `place`, or when that will be.
    ///
    /// It is nobody's company: the commit of whoever had the turn is still on its way, and one of the two loses.
    fn take_over(self: &Arc<Self>, place: &Place<'_>) -> Result<Turn, Instant> {
        let mut shard = self.shard(place.stream);
        let (now, turn) = (Instant::now(), shard.number());
        // Whoever is not in the line any more hears in a moment what has become of it.
        let hears = now + PATIENCE;
        let Some(line) = shard.lines.get_mut(place.stream) else { return Err(hears) };
        let Some(at) = line.at(place.number) else { return Err(hears) };
        let end = line.end(now);
        if now < end {
            return Err(end);
        }
        let taken = line.waiting.remove(at);
        line.take_over(turn, now);
        drop(shard);
        drop(taken);
        tracing::debug!(stream = %place.stream, "a command takes long, and another one goes on beside it");
        Ok(self.begun(place.stream, turn, false))
    }

    fn begun(self: &Arc<Self>, stream: &StreamId, number: u64, was_handed_over: bool) -> Turn {
        Turn { queues: self.clone(), stream: stream.clone(), number, was_handed_over }
    }

    fn shard(&self, stream: &StreamId) -> MutexGuard<'_, Shard> {
        // The low bits choose the place inside of the map.
        let at = (stream.hash_code() >> 32) % SHARDS;
        self.shards[usize::try_from(at).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Whether somebody else has had it, and is done: then there may be more who wait.
    was_handed_over: bool,
}

/// A place in a line, which whoever drops it leaves.
struct Place<'a> {
    queues: &'a Queues,
    stream: &'a StreamId,
    number: u64,
    /// Where the turn comes; closed if the offer was taken up.
    handed_over: oneshot::Receiver<Turn>,
    is_left: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        let mut shard = self.queues.shard(self.stream);
        let left = shard.lines.get_mut(self.stream).and_then(|line| {
            let at = line.at(self.number)?;
            line.waiting.remove(at)
        });
        // Without the lock: what is offered belongs to somebody else, and may do anything when it is dropped.
        drop(shard);
        drop(left);
    }
}

impl Turn {
    /// Queues again, if somebody has taken it over.
    pub(crate) async fn renew(turn: &mut Option<Self>) {
        if let Some(lost) = turn.as_ref().filter(|turn| !turn.is_held()) {
            *turn = lost.queues.clone().turn(&lost.stream.clone()).await;
        }
    }

    /// Whether there is an offer to take up. Asked before each commit, and mostly answered without a lock.
    pub(super) fn has_company(&self) -> bool {
        let next_is_open = |line: &mut Line| line.waiting.front().is_some_and(Waiting::is_open);
        self.was_handed_over && self.queues.shard(&self.stream).line(self).is_some_and(next_is_open)
    }

    /// Takes up the next offer; none if nobody waits, or whoever is next wants a turn.
    pub(super) fn next_offer(&self) -> Option<Offer> {
        let mut shard = self.queues.shard(&self.stream);
        let line = shard.line(self)?;
        let offer = line.waiting.front_mut()?.offer.take()?;
        let taken = line.waiting.pop_front();
        // Whoever waits is woken by that, which is done without the lock.
        drop(shard);
        drop(taken);
        Some(offer)
    }

    fn is_held(&self) -> bool {
        self.queues.shard(&self.stream).line(self).is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shard = self.queues.shard(&self.stream);
        let number = shard.number();
        let Some(line) = shard.line(self) else { return };
        let Some(next) = line.waiting.pop_front() else {
            shard.lines.remove(&self.stream);
            return;
        };
        line.pass_on(number);
        // Sent without the lock: whoever gives up just now drops the turn, which takes the lock again.
        drop(shard);
        let _ = next.turn.send(self.queues.begun(&self.stream, number, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;
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
    async fn whoever_gives_up_leaves_the_line_behind_those_who_wait_on() {
        let (queues, stream) = (Queues::new(), stream());
        let _first = queues.turn(&stream).await;
        let mut patient = pin!(queues.turn(&stream));
        assert!(poll(patient.as_mut()).is_pending());
        for _ in 0..3 {
            let mut gives_up = Box::pin(queues.turn(&stream));
            assert!(poll(gives_up.as_mut()).is_pending());
        }
        let mut late = pin!(queues.turn(&stream));
        assert!(poll(late.as_mut()).is_pending());
        assert_eq!(queues.shard(&stream).lines[&stream].waiting.len(), 2);
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
