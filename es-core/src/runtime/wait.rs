//! Waiting until a read model knows of an event.

use super::station::FollowerState;
use super::{Follower, Halt};
use crate::app::App;
use crate::error::StoreError;
use crate::id::Position;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Why something will not come as far as it was waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// There is no reactor and no projection of this name in this app.
    #[error("this app has no reactor and no projection \"{name}\"")]
    Unknown {
        /// The name.
        name: String,
    },
    /// It has stopped.
    #[error("{name} has stopped: {reason}")]
    Stopped {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// It runs neither here nor in another process.
    #[error("{name} runs nowhere: start this app, or another one that has it")]
    NotRunning {
        /// Its name.
        name: String,
    },
    /// The store does not say how far it is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often the store is asked about what runs elsewhere.
const ASK: Duration = Duration::from_millis(50);

/// The same about what runs here, as far as is known: its lease may be somebody else's by now.
const ASK_BESIDE: Duration = Duration::from_millis(500);

impl App {
    /// Waits until a reactor or a projection has come to `position`, as in
    /// `app.wait_for("balances", done.position)`.
    ///
    /// # Errors
    /// [`WaitError`] if it has stopped, or runs nowhere.
    pub async fn wait_for(&self, name: &str, position: Position) -> Result<(), WaitError> {
        loop {
            // Looked up each time: another build may have taken the place of the one that was waited for.
            let followers = self.followers();
            let Some(follower) = followers.iter().find(|follower| follower.name() == name) else {
                return Err(WaitError::Unknown { name: name.to_owned() });
            };
            if self.has_come_to(&**follower, position).await? {
                return Ok(());
            }
        }
    }

    /// Whether it is there; if not, after a while in which it may have come further.
    async fn has_come_to(&self, follower: &dyn Follower, position: Position) -> Result<bool, WaitError> {
        let (name, processor) = (follower.name(), follower.processor());
        let here = self.hub().station(processor);
        if let Some(station) = &here {
            let settled = station.until(|progress| {
                progress.position >= position || matches!(progress.state, FollowerState::Stopped(_))
            });
            let is_here =
                matches!(station.progress().state, FollowerState::CatchingUp | FollowerState::Following);
            let patience = if is_here { ASK_BESIDE } else { ASK };
            if let Ok(progress) = timeout(patience, settled).await {
                return match progress.state {
                    _ if progress.position >= position => Ok(true),
                    FollowerState::Stopped(reason) => Err(WaitError::Stopped { name: name.into(), reason }),
                    _ => Ok(false),
                };
            }
        }
        let stored = self.store().processors(processor).await.map_err(StoreError::from)?;
        let stored = stored.into_iter().find(|stored| stored.name == *processor);
        if stored.as_ref().is_some_and(|stored| stored.checkpoint.position >= position) {
            return Ok(true);
        }
        if here.is_none() {
            // Another build has taken its place, and is the one to be waited for.
            if matches!(follower.still_there().await, Err(Halt::Done)) {
                return Ok(false);
            }
            if stored.is_none_or(|stored| stored.owner.is_none()) {
                return Err(WaitError::NotRunning { name: name.to_owned() });
            }
            sleep(ASK).await;
        }
        Ok(false)
    }
}
