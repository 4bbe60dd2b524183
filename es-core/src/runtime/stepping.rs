//! Followers one step at a time, for whoever decides what comes next.

use super::engine::{self, Step};
use super::keeper::{give_back, take};
use super::{Follower, Halt};
use crate::app::App;
use crate::service::BoxFuture;
use crate::store::{Checkpoint, Filter, Lease, LogPage, StoredEvent};
use jiff::Timestamp;
use std::sync::Arc;

/// The most rounds of one step: what is due at once again and again never comes to rest.
const ROUNDS: usize = 1_000;

/// A follower of an app that goes only when it is told to.
pub struct Stepper {
    app: App,
    follower: OneByOne,
}

/// Why it goes no further.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Halted(String);

impl App {
    /// Everything that follows the log for this app, at this moment.
    pub(crate) fn steppers(&self) -> Vec<Stepper> {
        let stepper = |follower| Stepper { app: self.clone(), follower: OneByOne(follower) };
        self.followers().into_iter().map(stepper).collect()
    }
}

impl Stepper {
    /// Its name, as users say it.
    pub fn name(&self) -> &'static str {
        self.follower.name()
    }

    /// The name that its lease and its checkpoint are stored under.
    pub fn processor(&self) -> &Arc<str> {
        self.follower.processor()
    }

    /// The next event that it is for.
    ///
    /// # Errors
    /// [`Halted`] if the store does not answer.
    pub async fn next(&self) -> Result<Option<StoredEvent>, Halted> {
        let known =
            self.app.store().processors(self.processor()).await.map_err(|error| halted(error.into()))?;
        let known = known.into_iter().find(|known| known.name == *self.processor());
        let checkpoint = known.map(|known| known.checkpoint).unwrap_or_default();
        self.behind(checkpoint).await.map_err(halted)
    }

    /// When it has something to do without an event.
    ///
    /// # Errors
    /// [`Halted`] if what it keeps cannot be read.
    pub async fn due(&self) -> Result<Option<Timestamp>, Halted> {
        self.follower.0.due(&self.app).await.map_err(halted)
    }

    /// Takes the lease, follows one event, and gives the lease back. Where no other event is for it, it also
    /// does what is due.
    ///
    /// # Errors
    /// [`Halted`] if it has stopped, or its lease is somebody else's.
    pub async fn step(&self) -> Result<(), Halted> {
        let Some(held) = take(&self.app, &self.follower).await.map_err(halted)? else {
            return Err(Halted("its lease is somebody else's".to_owned()));
        };
        let mut lease = held.lease.clone();
        let done = self.go(&mut lease).await;
        give_back(&self.app, &held.lease).await;
        match done {
            Ok(()) | Err(Halt::Done) => Ok(()),
            Err(halt) => Err(halted(halt)),
        }
    }

    async fn go(&self, lease: &mut Lease) -> Result<(), Halt> {
        engine::known_log(&self.app, lease.checkpoint).await?;
        for _ in 0..ROUNDS {
            if let Step::Rests(next) = engine::step(&self.app, &self.follower, lease, None).await?
                && next.is_none_or(|next| next > self.app.now())
            {
                return Ok(());
            }
            if self.behind(lease.checkpoint).await?.is_some() {
                return Ok(());
            }
        }
        Err(Halt::Stopped("it does not come to rest: something is due at once, again and again".to_owned()))
    }

    async fn behind(&self, checkpoint: Checkpoint) -> Result<Option<StoredEvent>, Halt> {
        let mut from = checkpoint.position;
        loop {
            let page = self.app.store().read_log(from, self.follower.filter(), 1).await?;
            if !page.events.is_empty() || page.scanned_to <= from {
                return Ok(page.events.into_iter().next());
            }
            from = page.scanned_to;
        }
    }
}

fn halted(halt: Halt) -> Halted {
    Halted(match halt {
        Halt::Fenced => "its lease is somebody else's by now".to_owned(),
        Halt::Unavailable(error) => format!("the store does not answer: {error}"),
        Halt::Newer(error) => error.to_string(),
        Halt::Stopped(reason) => reason,
        Halt::Done => "another build has taken its place".to_owned(),
    })
}

/// A follower whose pages have one event.
struct OneByOne(Arc<dyn Follower>);

impl Follower for OneByOne {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn processor(&self) -> &Arc<str> {
        self.0.processor()
    }
    fn filter(&self) -> &Filter {
        self.0.filter()
    }
    fn page(&self) -> u32 {
        1
    }
    fn follow<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>> {
        self.0.follow(app, lease, page)
    }
    fn idle<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        reached: Checkpoint,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>> {
        self.0.idle(app, lease, reached)
    }
}
