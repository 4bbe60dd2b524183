//! Builds that nobody reads any more, until they are forgotten.

use super::build::{BuildFollower, Kind};
use super::ledger::{Build, BuildId};
use crate::runtime::Halt;
use crate::store::{Advance, AdvanceError, Lease};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long one is left alone that could not be forgotten: only somebody at the database changes that.
const PAUSE: Duration = Duration::from_mins(1);

/// Builds that could not be forgotten, and when that was tried last.
#[derive(Default)]
pub(super) struct Stuck(Mutex<HashMap<BuildId, Instant>>);

impl Stuck {
    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, HashMap<BuildId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_recent(&self, build: BuildId) -> bool {
        self.lock().get(&build).is_some_and(|tried| tried.elapsed() < PAUSE)
    }

    /// It could not be forgotten, now; whether that is new.
    fn note(&self, build: BuildId) -> bool {
        self.lock().insert(build, Instant::now()).is_none()
    }

    /// The others are gone.
    fn keep(&self, retired: &[BuildId]) {
        self.lock().retain(|build, _| retired.contains(build));
    }
}

impl<K: Kind> BuildFollower<K> {
    /// Forgets what nobody reads any more, except for what somebody is still about to leave.
    pub async fn forget_retired(&self, lease: &Lease) -> Result<(), Halt> {
        loop {
            let known = self.known().await?;
            if known.ledger.live != self.build.id {
                return Ok(());
            }
            let mut ledger = known.ledger.clone();
            self.shared.stuck.keep(&ledger.retired);
            for &retired in &known.ledger.retired {
                let forgotten = self.forget(lease, &self.shared.control.build(retired)).await?;
                if forgotten {
                    ledger = ledger.forgotten(retired);
                }
            }
            if ledger == known.ledger {
                return Ok(());
            }
            let mut advance = Advance::under(lease);
            advance.writes.push(known.replace(self.shared.control.name, &ledger)?);
            match self.shared.control.store.advance(advance).await {
                Err(AdvanceError::Changed { .. }) => {}
                done => return Ok(done?),
            }
        }
    }

    /// Whether it could be forgotten: nobody held it any more.
    async fn forget(&self, lease: &Lease, build: &Build) -> Result<bool, Halt> {
        if self.shared.stuck.is_recent(build.id) {
            return Ok(false);
        }
        match self.shared.kind.forget(lease, build).await {
            Ok(()) => Ok(true),
            Err(AdvanceError::Fenced { processor }) if processor == build.processor => Ok(false),
            // What nobody reads does not stop what is read.
            Err(AdvanceError::Work(cause)) => {
                if self.shared.stuck.note(build.id) {
                    let (processor, error) = (&*build.processor, &*cause);
                    tracing::warn!(processor, error, "a build that nobody reads stays, and is tried again");
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
