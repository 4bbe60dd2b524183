//! An app that runs: every follower in a task of its own.

use super::engine;
use super::race::{First, caught, race};
use super::station::{FollowerState, FollowerStatus, Station};
use crate::app::App;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// How often is looked for builds that another process has begun.
const LOOK: Duration = Duration::from_secs(1);

/// How long a stop waits for what was begun: less than the 30 s that a process is commonly given to end.
const PATIENCE: Duration = Duration::from_secs(20);

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
    /// Answers the names of those that did not end in time.
    supervisor: JoinHandle<Vec<&'static str>>,
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

/// Why not everything came to its end. The leases of what did not run out, and whoever takes them goes on where
/// it was left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// What ran had ended by itself before: its runtime was shut down, or it panicked.
    #[error("what ran had ended by itself")]
    Ended(#[source] tokio::task::JoinError),
    /// What they had begun took longer than 20 seconds, and was dropped.
    #[error("dropped, since what they had begun did not end in time: {}", names.join(", "))]
    Late {
        /// The names of the reactors and projections.
        names: Vec<&'static str>,
    },
}

impl Running {
    /// How far each reactor and projection is, in the order of their names and versions.
    pub fn status(&self) -> Vec<FollowerStatus> {
        let stations = self.app.hub().stations().unwrap_or_default();
        stations.iter().map(|station| station.status(&self.app)).collect()
    }

    /// Ends what was begun, writes how far it has come, and gives the leases back.
    ///
    /// A reactor or a projection that takes longer than 20 seconds for that is dropped where it waits: a service
    /// that never answers holds nobody up. That tears nothing. What its methods had begun is begun again by
    /// whoever takes its lease, once that has run out, and effects have the same keys then.
    ///
    /// # Errors
    /// [`StopError`] if something was dropped, or had ended by itself.
    pub async fn stop(mut self) -> Result<(), StopError> {
        self.stop.send_replace(true);
        let names = (&mut self.supervisor).await.map_err(StopError::Ended)?;
        if names.is_empty() { Ok(()) } else { Err(StopError::Late { names }) }
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

/// Looks for builds of projections that nobody here follows any more. A follower that goes on looks by itself.
async fn look_for_builds(app: &App) {
    let is_over = |station: Arc<Station>| station.progress().state.is_over();
    for projection in app.projections() {
        let followers = projection.followers();
        let mut stations = followers.iter().filter_map(|follower| app.hub().station(follower.processor()));
        if stations.all(is_over)
            && let Err(error) = projection.look().await
        {
            let (name, error) = (projection.name(), &error as &dyn std::error::Error);
            tracing::debug!(name, error, "its builds are not known");
        }
    }
}

/// Runs every follower there is, and those that come. Answers those that did not end when they were stopped.
async fn supervise(app: App, mut stop: watch::Receiver<bool>) -> Vec<&'static str> {
    let mut tasks = JoinSet::new();
    let mut begun = BTreeMap::new();
    loop {
        for follower in app.followers() {
            let processor = follower.processor().clone();
            if begun.insert(processor.clone(), follower.name()).is_none() {
                let station = app.hub().enter(&*follower);
                let (app, stop) = (app.clone(), stop.clone());
                let run = Box::pin(engine::run(app, follower, Arc::clone(&station), stop));
                tasks.spawn(async move {
                    if let Err(panic) = caught(run).await {
                        tracing::warn!(name = station.name, panic, "stopped");
                        station.say(FollowerState::Stopped(panic));
                    }
                    processor
                });
            }
        }
        // Builds come by a call here, which rings, and by the ledger that other processes write.
        let change = async {
            if timeout(LOOK, app.hub().change()).await.is_err() {
                look_for_builds(&app).await;
            }
        };
        if let First::One(_) = race(stop.wait_for(|stop| *stop), change).await {
            break;
        }
    }
    let ending = async {
        while let Some(ended) = tasks.join_next().await {
            if let Ok(processor) = ended {
                begun.remove(&processor);
            }
        }
    };
    if timeout(PATIENCE, ending).await.is_ok() {
        return Vec::new();
    }
    let late: Vec<_> = begun.into_values().collect();
    tracing::warn!(?late, "dropped, since what they had begun did not end in time");
    late
}
