//! Commands on one stream wait for each other inside a process, instead of racing to a conflict.
//!
//! The queue only saves work. Whoever waited too long goes on without a turn, and a command that is given
//! inside another command's handler never waits: the version check decides either way.

use crate::id::StreamId;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest wait for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A power of two, so that streams rarely share a lock.
const SHARDS: usize = 64;

tokio::task_local! {
    static INSIDE_A_HANDLER: ();
}

/// Runs a handler so that the commands it gives do not queue.
pub(crate) async fn inside_a_handler<F: Future>(handler: F) -> F::Output {
    INSIDE_A_HANDLER.scope((), handler).await
}

/// The streams that commands are busy on.
pub(crate) struct Queues {
    shards: Vec<Mutex<HashMap<StreamId, Waiting>>>,
    hasher: RandomState,
}

/// One stream's queue: a single permit, and how many hold or want it.
struct Waiting {
    permit: Arc<Semaphore>,
    users: usize,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits for a turn on `stream`. The turn ends when the guard is dropped.
    pub(crate) async fn turn(&self, stream: &StreamId) -> Turn<'_> {
        if INSIDE_A_HANDLER.try_with(|()| ()).is_ok() {
            return Turn { place: None, _permit: None };
        }
        let place = self.join(stream);
        let permit = match place.permit.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                let waiting = tokio::time::timeout(LONGEST_WAIT, place.permit.clone().acquire_owned());
                waiting.await.ok().and_then(Result::ok)
            }
        };
        Turn { _permit: permit, place: Some(place) }
    }

    fn join(&self, stream: &StreamId) -> Place<'_> {
        let mut shard = self.shard(stream).lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = shard
            .entry(stream.clone())
            .or_insert_with(|| Waiting { permit: Arc::new(Semaphore::new(1)), users: 0 });
        waiting.users += 1;
        Place { queues: self, stream: stream.clone(), permit: waiting.permit.clone() }
    }

    fn leave(&self, stream: &StreamId) {
        let mut shard = self.shard(stream).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = shard.get_mut(stream) {
            waiting.users -= 1;
            if waiting.users == 0 {
                shard.remove(stream);
            }
        }
    }

    fn shard(&self, stream: &StreamId) -> &Mutex<HashMap<StreamId, Waiting>> {
        let hash = self.hasher.hash_one(stream);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queues")
    }
}

/// A turn on a stream, or the permission to do without one.
pub(crate) struct Turn<'a> {
    /// Given back first, so that whoever comes next finds it.
    _permit: Option<OwnedSemaphorePermit>,
    #[allow(dead_code, reason = "held for its Drop")]
    place: Option<Place<'a>>,
}

/// A place in a stream's queue, left when dropped.
struct Place<'a> {
    queues: &'a Queues,
    stream: StreamId,
    permit: Arc<Semaphore>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queues.leave(&self.stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_follow_one_another_and_leave_nothing_behind() {
        let (queues, stream) = (Queues::new(), StreamId::named("a-1"));
        let first = queues.turn(&stream).await;
        let mut second = Box::pin(queues.turn(&stream));
        assert!(futures_poll(second.as_mut()).is_none(), "the second waits for the first");
        drop(first);
        drop(second.await);
        assert!(queues.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[tokio::test]
    async fn a_command_inside_a_handler_does_not_wait() {
        let (queues, stream) = (Queues::new(), StreamId::named("a-1"));
        let _outer = queues.turn(&stream).await;
        let nested = inside_a_handler(queues.turn(&stream)).await;
        assert!(nested.place.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_goes_on_without_a_turn() {
        let (queues, stream) = (Queues::new(), StreamId::named("a-1"));
        let _stuck = queues.turn(&stream).await;
        let late = queues.turn(&stream).await;
        assert!(late._permit.is_none());
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
