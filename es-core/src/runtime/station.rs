//! How far each follower is, for whoever asks.

use super::{Aside, Follower};
use crate::app::App;
use crate::id::Position;
use crate::store::LogPage;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
use uuid::Uuid;

/// What an app knows of everything that runs behind it.
pub(crate) struct Hub {
    owner: Uuid,
    /// Rung when there are followers that were not there before.
    changed: Notify,
    /// Held by whoever runs the followers: a [`Running`](super::Running), or a drain.
    pub(super) running: Arc<AsyncMutex<()>>,
    /// By processor; `None` while nothing runs.
    stations: Mutex<Option<BTreeMap<Arc<str>, Arc<Station>>>>,
}

impl Hub {
    /// Nothing runs yet.
    pub(crate) fn new() -> Self {
        Self {
            owner: Uuid::new_v4(),
            changed: Notify::new(),
            running: Arc::default(),
            stations: Mutex::default(),
        }
    }

    /// Says that there are other followers than before, so that a running app picks them up.
    pub(crate) fn followers_changed(&self) {
        self.changed.notify_one();
    }

    pub(super) async fn change(&self) {
        self.changed.notified().await;
    }

    /// Who holds the leases that this app takes.
    pub(super) fn owner(&self) -> Uuid {
        self.owner
    }

    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<Arc<str>, Arc<Station>>>> {
        self.stations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These run now.
    pub(super) fn open(&self, followers: &[Arc<dyn Follower>]) {
        let station =
            |follower: &Arc<dyn Follower>| (follower.processor().clone(), Arc::new(Station::of(&**follower)));
        *self.lock() = Some(followers.iter().map(station).collect());
    }

    /// Nothing runs any more.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    /// The station of a follower that runs.
    pub(super) fn enter(&self, follower: &dyn Follower) -> Arc<Station> {
        let new = || Arc::new(Station::of(follower));
        match &mut *self.lock() {
            Some(stations) => stations.entry(follower.processor().clone()).or_insert_with(new).clone(),
            // It was stopped in between, and nobody will ask.
            None => new(),
        }
    }

    pub(super) fn station(&self, processor: &str) -> Option<Arc<Station>> {
        self.lock().as_ref()?.get(processor).cloned()
    }

    /// Of everything that runs; `None` while nothing does.
    pub(super) fn stations(&self) -> Option<Vec<Arc<Station>>> {
        self.lock().as_ref().map(|stations| stations.values().cloned().collect())
    }
}

/// What one follower does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FollowerState {
    /// Another process holds its lease, or it is on the way to it.
    Waiting,
    /// It is behind the head of the log.
    CatchingUp,
    /// It has reached the head of the log.
    Following,
    /// The store does not answer; it tries again.
    Unavailable(String),
    /// An event is newer than this code. It has given its lease back, and looks again from time to time.
    Newer(String),
    /// It has stopped, for this reason.
    Stopped(String),
    /// It has nothing to do any more.
    Done,
}

impl FollowerState {
    /// Whether it does not go on, as far as this process can say.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Newer(_) | Self::Done)
    }
}

/// How far one follower is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FollowerStatus {
    /// The reactor's or the projection's name.
    pub name: &'static str,
    /// The last position that needs no more work.
    pub position: Position,
    /// How many events of the log are behind that, as far as it has looked.
    pub lag_events: u64,
    /// How long ago the first of them that is for it was recorded, by the app's clock.
    pub lag: Duration,
    /// How many keys are parked.
    pub parked: u64,
    /// What it does.
    pub state: FollowerState,
}

/// Where one follower is, and whoever waits for it.
pub(super) struct Station {
    pub name: &'static str,
    pub processor: Arc<str>,
    progress: watch::Sender<Progress>,
    /// How often it was asked to look at once, instead of when its pause is over.
    asked: watch::Sender<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub state: FollowerState,
    pub position: Position,
    head: Position,
    behind_since: Option<Timestamp>,
    pub aside: Aside,
    /// The last question that was asked before it looked, and had nothing to do at the head.
    pub answered: u64,
}

impl Station {
    fn of(follower: &dyn Follower) -> Self {
        let progress = Progress {
            state: FollowerState::Waiting,
            position: Position(0),
            head: Position(0),
            behind_since: None,
            aside: Aside::default(),
            answered: 0,
        };
        Self {
            name: follower.name(),
            processor: follower.processor().clone(),
            progress: watch::Sender::new(progress),
            asked: watch::Sender::new(0),
        }
    }

    pub fn say(&self, state: FollowerState) {
        self.progress.send_if_modified(|progress| {
            let news = progress.state != state;
            progress.state = state;
            news
        });
    }

    /// A page was read.
    pub fn read(&self, position: Position, page: &LogPage) {
        self.progress.send_modify(|progress| {
            progress.position = position;
            progress.head = page.head;
            progress.behind_since = page.events.first().map(|event| event.recorded_at);
            if position < page.head {
                progress.state = FollowerState::CatchingUp;
            }
        });
    }

    /// It has come this far.
    pub fn reached(&self, position: Position, aside: Aside) {
        self.progress.send_modify(|progress| {
            progress.position = position;
            progress.aside = aside;
        });
    }

    /// There is nothing to do now, as a look shows that began behind the question `asked`.
    pub fn rests(&self, position: Position, aside: Aside, asked: u64) {
        self.reached(position, aside);
        self.progress.send_modify(|progress| {
            progress.answered = asked;
            progress.state = FollowerState::Following;
        });
    }

    /// Asks it to look now. It has, and has found nothing, once this is [answered](Progress::answered).
    pub fn ask(&self) -> u64 {
        self.asked.send_modify(|asked| *asked += 1);
        self.asked()
    }

    /// The last question.
    pub fn asked(&self) -> u64 {
        *self.asked.borrow()
    }

    /// Waits for a question that is not answered.
    pub async fn question(&self) {
        let answered = self.progress().answered;
        // The sender is in `self`, so that this ends by a question only.
        let _ = self.asked.subscribe().wait_for(|asked| *asked > answered).await;
    }

    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until it is as `enough` says.
    pub async fn until(&self, enough: impl FnMut(&Progress) -> bool) -> Progress {
        let mut watching = self.progress.subscribe();
        match watching.wait_for(enough).await {
            Ok(progress) => progress.clone(),
            // The sender is in `self`, so it is there.
            Err(_) => self.progress(),
        }
    }

    pub fn status(&self, app: &App) -> FollowerStatus {
        let progress = self.progress();
        let lag_events = progress.head.0.saturating_sub(progress.position.0);
        let behind = progress.behind_since.filter(|_| lag_events > 0);
        FollowerStatus {
            name: self.name,
            position: progress.position,
            lag_events,
            lag: behind.map_or(Duration::ZERO, |since| {
                app.now().duration_since(since).try_into().unwrap_or(Duration::ZERO)
            }),
            parked: progress.aside.parked,
            state: progress.state,
        }
    }
}
