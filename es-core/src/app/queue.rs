//! Commands on one stream wait for each other inside a process, instead of racing to a conflict.
//!
//! The queue only saves work. Whoever waited too long goes on without a turn, and a command that is given
//! inside another command's handler never waits: the version check decides either way.

use crate::id::{ByStream, StreamId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The longest wait for a turn, or for all the turns of a group.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(1);

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

type Shard = HashMap<StreamId, VecDeque<oneshot::Sender<Turn>>, ByStream>;

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() })
    }

    /// Waits for a turn on `stream`, no longer than `longest`; `None` is the permission to do without one. The
    /// turn ends when it is dropped.
    pub(crate) async fn turn(self: &Arc<Self>, stream: &StreamId, longest: Duration) -> Option<Turn> {
        if INSIDE_A_HANDLER.try_with(|()| ()).is_ok() {
            return None;
        }
        match self.join(stream) {
            Ok(turn) => Some(turn),
            // A turn that is handed over to nobody any more passes itself on. Boxed, so that a command that
            // need not wait does not carry a timer.
            Err(handed_over) => Box::pin(tokio::time::timeout(longest, handed_over)).await.ok()?.ok(),
        }
    }

    /// A turn at once, or where it will be handed over.
    fn join(self: &Arc<Self>, stream: &StreamId) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut shard = self.shard(stream);
        if let Some(waiting) = shard.get_mut(stream) {
            // Whoever gave up stands at the front, since all wait equally long.
            while waiting.pop_front_if(|next| next.is_closed()).is_some() {}
            let (sender, receiver) = oneshot::channel();
            waiting.push_back(sender);
            return Err(receiver);
        }
        shard.insert(stream.clone(), VecDeque::new());
        Ok(Turn { queues: self.clone(), stream: stream.clone() })
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
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shard = self.queues.shard(&self.stream);
        let Some(waiting) = shard.get_mut(&self.stream) else { return };
        while let Some(next) = waiting.pop_front() {
            if next.is_closed() {
                continue;
            }
            // Sent without the lock: whoever gives up just now drops the turn, which takes the lock again.
            drop(shard);
            let _ = next.send(Turn { queues: self.queues.clone(), stream: self.stream.clone() });
            return;
        }
        shard.remove(&self.stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    fn stream() -> StreamId {
        StreamId::named("a-1")
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn is_empty(queues: &Queues) -> bool {
        queues.shards.iter().all(|shard| shard.lock().unwrap().is_empty())
    }

    #[tokio::test]
    async fn turns_follow_one_another_and_leave_nothing_behind() {
        let (queues, stream) = (Queues::new(), stream());
        let first = queues.turn(&stream, LONGEST_WAIT).await;
        let mut second = pin!(queues.turn(&stream, LONGEST_WAIT));
        assert!(poll(second.as_mut()).is_pending(), "the second waits for the first");
        drop(first);
        drop(second.await);
        assert!(is_empty(&queues));
    }

    #[tokio::test]
    async fn whoever_gives_up_is_passed_over() {
        let (queues, stream) = (Queues::new(), stream());
        let first = queues.turn(&stream, LONGEST_WAIT).await;
        let mut patient = pin!(queues.turn(&stream, LONGEST_WAIT));
        {
            let mut gives_up = pin!(queues.turn(&stream, LONGEST_WAIT));
            let mut too_late = Box::pin(queues.turn(&stream, LONGEST_WAIT));
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
        let _outer = queues.turn(&stream, LONGEST_WAIT).await;
        assert!(inside_a_handler(queues.turn(&stream, LONGEST_WAIT)).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_goes_on_without_a_turn() {
        let (queues, stream) = (Queues::new(), stream());
        let _stuck = queues.turn(&stream, LONGEST_WAIT).await;
        assert!(queues.turn(&stream, LONGEST_WAIT).await.is_none());
    }
}
