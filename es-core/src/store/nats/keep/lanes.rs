//! What this process remembers of processors: since when each stands still, and how it was left.

use super::super::server::Server;
use super::processor::Known;
use crate::store::BoxError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

/// The lanes of all processors that were asked for.
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
    pub fn of(&self, processor: &str) -> Arc<Lane> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = known.get(processor) {
            return lane.clone();
        }
        known.entry(processor.into()).or_default().clone()
    }
}

impl Lane {
    /// Waits for the others of this process, as long as there is time.
    pub async fn turn(&self, server: &Server) -> Result<MutexGuard<'_, Option<Known>>, BoxError> {
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
