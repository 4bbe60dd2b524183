//! An app that runs: every follower in a task of its own.

use super::engine;
use super::race::{First, caught, race};
use super::station::{FollowerState, FollowerStatus};
use crate::app::App;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// How often is looked for builds that another process has begun.
const LOOK: Duration = Duration::from_secs(1);

/// Why an app was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It runs already, or is drained at the moment.
    #[error("the app runs already")]
    Running,
}

/// The reactors and projections of an app, running.
///
/// Dropped, they stop where they are. That tears nothing: what was begun is done again by whoever takes over,
/// who waits until the leases have run out. [`stop`](Self::stop) ends what was begun, and gives them back.
#[must_use = "what is dropped does not run any more"]
pub struct Running {
    app: App,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    _alone: OwnedMutexGuard<()>,
}

impl App {
    /// Runs the reactors, projections and timers of this app, for as long as what it answers is kept.
    ///
    /// Many processes can run the same ones: each of them is worked on by one process at a time, and another
    /// one takes over if that is gone.
    ///
    /// # Errors
    /// [`StartError::Running`] if this app runs already.
    #[allow(clippy::unused_async, reason = "it needs a runtime to start on")]
    pub async fn start(&self) -> Result<Running, StartError> {
        let alone = self.hub().running.clone().try_lock_owned().map_err(|_| StartError::Running)?;
        let (stop, stopping) = watch::channel(false);
        let app = self.clone();
        self.hub().open(&self.followers());
        let supervisor = tokio::spawn(supervise(app.clone(), stopping));
        Ok(Running { app, stop, supervisor, _alone: alone })
    }
}

/// What ran had ended by itself before it was stopped.
#[derive(Debug, thiserror::Error)]
#[error("what ran had ended by itself")]
pub struct StopError(#[source] tokio::task::JoinError);

impl Running {
    /// How far each reactor and projection is, in the order of their names and versions.
    pub fn status(&self) -> Vec<FollowerStatus> {
        let stations = self.app.hub().stations().unwrap_or_default();
        stations.iter().map(|station| station.status(&self.app)).collect()
    }

    /// Ends what was begun, writes how far it has come, and gives the leases back.
    ///
    /// # Errors
    /// [`StopError`] if it had ended by itself: its runtime was shut down, or it panicked. The leases run out
    /// then, and whoever takes them goes on where it was left.
    pub async fn stop(mut self) -> Result<(), StopError> {
        self.stop.send_replace(true);
        (&mut self.supervisor).await.map_err(StopError)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The tasks belong to it, and go with it.
        self.supervisor.abort();
        self.app.hub().close();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Runs every follower there is, and those that come.
async fn supervise(app: App, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    let mut begun = HashSet::new();
    loop {
        for follower in app.followers() {
            if begun.insert(follower.processor().clone()) {
                let station = app.hub().enter(&*follower);
                let (app, stop) = (app.clone(), stop.clone());
                tasks.spawn(async move {
                    if let Err(panic) = caught(engine::run(app, follower, Arc::clone(&station), stop)).await {
                        tracing::warn!(name = station.name, panic, "stopped");
                        station.say(FollowerState::Stopped(panic));
                    }
                });
            }
        }
        // Builds come by a call here, which rings, and by the ledger that other processes write.
        let change = timeout(LOOK, app.hub().change());
        if let First::One(_) = race(stop.wait_for(|stop| *stop), change).await {
            break;
        }
    }
    while tasks.join_next().await.is_some() {}
}
