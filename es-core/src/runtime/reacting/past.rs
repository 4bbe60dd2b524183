//! The past of an inline reactor with a state: folded before the first commit that is decided on it.

use super::desk::Desk;
use super::memory::Memory;
use super::{Reacting, origin, park};
use crate::app::App;
use crate::id::Position;
use crate::runtime::keeper::{Held, give_back, keep, take};
use crate::runtime::race::{First, race};
use crate::runtime::{Follower, Halt};
use crate::store::{Advance, Checkpoint, Lease};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long another process is left alone that folds the same past.
const PATIENCE: Duration = Duration::from_millis(50);

/// Folds the past, unless that was done; goes on where somebody before has stopped.
///
/// # Errors
/// Why it cannot be folded.
pub(super) async fn fold(app: &App, reacting: &Reacting) -> Result<(), String> {
    loop {
        match attempt(app, reacting).await {
            Ok(true) => return Ok(()),
            Ok(false) | Err(Halt::Fenced) => sleep(PATIENCE).await,
            Err(Halt::Stopped(why)) => return Err(why),
            Err(Halt::Unavailable(error)) => return Err(error.to_string()),
            Err(Halt::Newer(error)) => return Err(error.to_string()),
            Err(Halt::Done) => return Err("another one has taken its place".to_owned()),
        }
    }
}

/// Whether it is folded; if not, somebody else is about to.
async fn attempt(app: &App, reacting: &Reacting) -> Result<bool, Halt> {
    if origin::is_folded(app, &reacting.inner.names).await? {
        return Ok(true);
    }
    let Some(held) = take(app, reacting).await? else { return Ok(false) };
    let folded = hold(app, reacting, &held).await;
    give_back(app, &held.lease).await;
    folded.map(|()| true)
}

async fn hold(app: &App, reacting: &Reacting, held: &Held) -> Result<(), Halt> {
    match race(under(app, reacting, held.lease.clone()), keep(app, held)).await {
        First::One(folded) => folded,
        First::Other(()) => Err(Halt::Fenced),
    }
}

async fn under(app: &App, reacting: &Reacting, mut lease: Lease) -> Result<(), Halt> {
    // Somebody else may have done it since it was looked up.
    if origin::is_folded(app, &reacting.inner.names).await? {
        return Ok(());
    }
    reacting.fold_all(app, &mut lease).await?;
    origin::folded(app, &reacting.inner.names, &lease).await
}

impl Reacting {
    /// Takes its states along the log to the head, without anything else that following it would do.
    async fn fold_all(&self, app: &App, lease: &mut Lease) -> Result<(), Halt> {
        let mut desk = Desk {
            inner: self.inner.clone(),
            app: app.clone(),
            epoch: lease.epoch,
            silent_until: Position(u64::MAX),
            skipped: Arc::default(),
        };
        desk.skipped = park::skipped(&desk).await?;
        let origin = origin::known(app, &self.inner.names).await?;
        let mut memory = Memory::load(&desk, &origin).await?;
        loop {
            let from = lease.checkpoint.position;
            let page = app.store().read_log(from, self.filter(), self.page()).await?;
            let (works, halt) = self.plan(&page.events);
            if let Some((_, halt)) = halt {
                return Err(halt);
            }
            let lanes = works.into_iter().map(|(key, works)| memory.lane(key, works)).collect();
            memory.run(&desk, lanes).await?;
            if page.scanned_to > from {
                let to = Checkpoint { position: page.scanned_to, event: page.scanned_id };
                app.store().advance(Advance { to: Some(to), ..Advance::under(lease) }).await?;
                lease.checkpoint = to;
            }
            if page.scanned_to >= page.head {
                return Ok(());
            }
        }
    }
}
