//! What this process remembers of processors: since when each stands still, and how it was left.

use super::super::server::Server;
use super::processor::Known;
use crate::store::BoxError;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

/// The lanes of the processors that were asked for, until they are known to be gone.
#[derive(Default)]
pub struct Lanes {
    known: Mutex<HashMap<Arc<str>, Arc<Lane>>>,
}

/// One processor.
#[derive(Default)]
pub struct Lane {
    /// Held by whoever writes, so that those of one process do not stand in each other's way. As it was left by
    /// the last of them, if that is known.
    turn: AsyncMutex<Option<Known>>,
    seen: Mutex<Option<Seen>>,
}

/// A message, and since when it is known to be the last.
struct Seen {
    sequence: u64,
    since: Instant,
}

impl Lanes {
    /// Nothing panics while the lock is held.
    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Lane>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of(&self, processor: &str) -> Arc<Lane> {
        let mut known = self.known();
        if let Some(lane) = known.get(processor) {
            return lane.clone();
        }
        known.entry(processor.into()).or_default().clone()
    }

    /// Forgets one that is not there any more. Whoever is in its lane stays there, and nothing but time is lost if it
    /// comes back.
    pub fn forget(&self, processor: &str) {
        self.known().remove(processor);
    }

    /// Forgets all but these.
    pub fn keep(&self, registered: &HashSet<String>) {
        self.known().retain(|processor, _| registered.contains(&**processor));
    }
}

impl Lane {
    /// Waits for the others of this process, as long as there is time.
    pub async fn turn(&self, server: &Server) -> Result<AsyncMutexGuard<'_, Option<Known>>, BoxError> {
        Ok(tokio::time::timeout(server.left(), self.turn.lock()).await?)
    }

    /// How long this message has been the last one, as far as this process has seen. Time counts from the first
    /// look, so a lease is never seen to end before it does.
    pub fn stands(&self, sequence: u64) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            Some(seen) if seen.sequence == sequence => seen.since.elapsed(),
            _ => {
                *seen = Some(Seen { sequence, since: Instant::now() });
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;
    use std::sync::Arc;

    #[test]
    fn lanes_stay_for_those_alone_that_are_there() {
        let lanes = Lanes::default();
        let kept = lanes.of("a");
        for n in 0..100 {
            lanes.of(&format!("{n}"));
        }
        lanes.keep(&["a".to_owned(), "7".to_owned(), "b".to_owned()].into());
        assert_eq!(lanes.known().len(), 2);
        lanes.forget("7");
        assert_eq!(lanes.known().len(), 1);
        assert!(Arc::ptr_eq(&kept, &lanes.of("a")));
    }
}
