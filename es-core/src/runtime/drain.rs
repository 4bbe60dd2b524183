//! `drain`: everything that is to be done, now.

use super::engine::{self, Step};
use super::keeper::{Held, give_back, keep, take};
use super::race::{First, race};
use super::station::{FollowerState, Station};
use super::{Follower, Halt, ParkedEntry, ParkedError};
use crate::app::App;
use crate::error::StoreError;
use crate::id::Position;
use crate::store::{BoxError, LEASE};
use crate::upcast::DecodeError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Why not everything was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrainError {
    /// One of them has stopped.
    #[error("{name} has stopped: {reason}")]
    Stopped {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// An event is newer than this code.
    #[error("{name} cannot read an event")]
    Newer {
        /// The name of what follows the log.
        name: String,
        /// The event.
        #[source]
        source: DecodeError,
    },
    /// Another process works on it, and keeps on doing so without an end in sight.
    #[error("another process holds the lease of {name}")]
    Held {
        /// Its name.
        name: String,
    },
    /// The store does not answer. What was done is done; draining again goes on from there.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
}

/// How long another holder is waited for: until its lease has run out, and some more. So is a store that does
/// not answer what runs here.
const PATIENCE: Duration = LEASE.saturating_mul(2);

/// The longest time between two looks.
const LOOK: Duration = Duration::from_millis(250);

impl App {
    /// Runs reactors, projections and due timers until nothing is left to do: until all of them are at the
    /// head of the log, what they themselves have caused included. Timers that are not due by the app's
    /// clock, and parked work, are left; what is tried again by itself is waited for. So is an app that runs
    /// already.
    ///
    /// Where that waits for a lease of another process, it counts how far that one has come by what it has stored:
    /// its checkpoint, and what it tries again. Timers that are due there are the other's own matter.
    ///
    /// # Errors
    /// [`DrainError`]; the leases are given back.
    pub async fn drain(&self) -> Result<(), DrainError> {
        loop {
            if let Ok(_alone) = self.hub().running.try_lock() {
                return self.drain_alone().await;
            }
            if self.hub().stations().is_some() && self.caught_up().await? {
                return Ok(());
            }
            // Another drain, or somebody who is about to start or has just stopped.
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Round after round, until nobody finds anything.
    async fn drain_alone(&self) -> Result<(), DrainError> {
        loop {
            let head = self.store().head().await.map_err(unread)?;
            let mut idle = true;
            for follower in self.followers() {
                idle &= !self.drain_one(&follower).await?;
            }
            // A timer that fired is no step along the log, but what it has caused is in the log.
            if idle && self.store().head().await.map_err(unread)? == head {
                return Ok(());
            }
        }
    }

    /// Whether it had anything to do.
    async fn drain_one(&self, follower: &Arc<dyn Follower>) -> Result<bool, DrainError> {
        let Some(held) = self.take_soon(&**follower).await? else { return Ok(false) };
        let mut lease = held.lease.clone();
        let work = async {
            engine::known_log(self, lease.checkpoint).await?;
            let mut went = false;
            loop {
                match engine::step(self, &**follower, &mut lease, None).await? {
                    Step::Went => went = true,
                    // What is tried again is due by another clock than the app's: without a pause this could spin
                    // for as long as the two differ.
                    Step::Rests(next) if follower.aside().retrying > 0 => {
                        went = true;
                        let pause = next.map_or(Duration::ZERO, |next| engine::until(self, next));
                        sleep(pause.clamp(Duration::from_millis(1), LOOK)).await;
                    }
                    Step::Rests(Some(next)) if next <= self.now() => went = true,
                    Step::Rests(_) => return Ok(went),
                }
            }
        };
        let done = match race(work, keep(self, &held)).await {
            First::One(done) => done,
            First::Other(()) => Err(Halt::Fenced),
        };
        give_back(self, &held.lease).await;
        let name = follower.name().to_owned();
        match done {
            Ok(went) => Ok(went),
            // Another one works on it, or did: the next round sees how far that has come.
            Err(Halt::Fenced) => Ok(true),
            Err(Halt::Done) => Ok(lease.checkpoint != held.lease.checkpoint),
            Err(Halt::Unavailable(cause)) => Err(DrainError::Unavailable(cause)),
            Err(Halt::Newer(source)) => Err(DrainError::Newer { name, source }),
            Err(Halt::Stopped(reason)) => Err(DrainError::Stopped { name, reason }),
        }
    }

    /// The lease of a follower; `None` if another build has taken its place.
    async fn take_soon(&self, follower: &dyn Follower) -> Result<Option<Held>, DrainError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            match take(self, follower).await {
                Ok(Some(held)) => return Ok(Some(held)),
                Ok(None) if matches!(follower.still_there().await, Err(Halt::Done)) => return Ok(None),
                Ok(None) if Instant::now() < patience => sleep(Duration::from_millis(20)).await,
                Ok(None) => return Err(DrainError::Held { name: follower.name().to_owned() }),
                Err(Halt::Unavailable(cause)) => return Err(DrainError::Unavailable(cause)),
                Err(halt) => {
                    let reason = format!("its lease cannot be taken: {halt:?}");
                    return Err(DrainError::Stopped { name: follower.name().to_owned(), reason });
                }
            }
        }
    }

    /// Waits until what runs here has come to the end of the log, and nothing has followed from that; `false`
    /// if it does not run any more.
    async fn caught_up(&self) -> Result<bool, DrainError> {
        loop {
            let head = self.store().head().await.map_err(unread)?;
            let Some(stations) = self.hub().stations() else { return Ok(false) };
            for station in stations {
                if !self.come_to(&station, head).await? {
                    return Ok(false);
                }
            }
            if self.store().head().await.map_err(unread)? == head {
                return Ok(true);
            }
        }
    }

    /// Waits until one of them has come to `head`, and had nothing to do there; `false` if it was stopped.
    async fn come_to(&self, station: &Arc<Station>, head: Position) -> Result<bool, DrainError> {
        // A look that is under way may have begun before the call, and is no answer.
        let asked = station.ask();
        let name = || station.name.to_owned();
        let (mut seen, mut since) = (station.progress(), Instant::now());
        let mut other = Elsewhere::default();
        loop {
            let settled = station.until(|progress| {
                let there = progress.position >= head && progress.answered >= asked;
                (there && progress.aside.retrying == 0) || progress.state.is_over()
            });
            if let Ok(progress) = timeout(LOOK, settled).await {
                return match progress.state {
                    FollowerState::Stopped(reason) | FollowerState::Newer(reason) => {
                        Err(DrainError::Stopped { name: name(), reason })
                    }
                    _ => Ok(true),
                };
            }
            if self.hub().station(&station.processor).is_none_or(|now| !Arc::ptr_eq(&now, station)) {
                return Ok(false);
            }
            let now = station.progress();
            if (now.position, now.answered) != (seen.position, seen.answered) {
                (seen, since) = (now.clone(), Instant::now());
            }
            if let FollowerState::Unavailable(cause) = now.state
                && since.elapsed() >= PATIENCE
            {
                return Err(DrainError::Unavailable(cause.into()));
            }
            if station.progress().state == FollowerState::Waiting {
                let now = self.elsewhere(station).await?;
                if now.position >= head && now.retrying.is_empty() {
                    return Ok(true);
                }
                if now != other {
                    (other, since) = (now, Instant::now());
                }
                if since.elapsed() >= PATIENCE {
                    return Err(DrainError::Held { name: name() });
                }
            }
        }
    }

    /// What the store says about one of them that another process works on.
    async fn elsewhere(&self, station: &Station) -> Result<Elsewhere, DrainError> {
        let retrying = match self.parked(station.name).await {
            Ok(parked) => parked.iter().filter(|entry| entry.retrying).cloned().collect(),
            Err(ParkedError::Unavailable(cause)) => return Err(DrainError::Unavailable(cause)),
            // It is a projection, which sets nothing aside.
            Err(_) => Vec::new(),
        };
        let stored = self.store().processors(&station.processor).await.map_err(unread)?;
        let stored = stored.into_iter().find(|stored| stored.name == station.processor);
        let position = stored.map(|stored| stored.checkpoint.position).unwrap_or_default();
        Ok(Elsewhere { position, retrying })
    }
}

/// How far another process is with something that follows the log.
#[derive(Default, PartialEq)]
struct Elsewhere {
    position: Position,
    /// What it tries again by itself.
    retrying: Vec<ParkedEntry>,
}

fn unread(error: crate::store::ReadError) -> DrainError {
    DrainError::Unavailable(StoreError::from(error).into())
}
