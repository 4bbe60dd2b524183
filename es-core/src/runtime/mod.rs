//! What runs behind the commands: one engine that takes reactors and projections along the log.

use crate::app::App;
use crate::event::RawEvent;
use crate::fold;
use crate::service::BoxFuture;
use crate::store::{BoxError, Checkpoint, Filter, Lease, LogPage, StoredEvent};
use crate::upcast::DecodeError;
use jiff::Timestamp;
use std::sync::Arc;

/// Something that follows the log under a lease: a reactor, or one build of a projection.
pub(crate) trait Follower: Send + Sync + 'static {
    /// Its name, as users say it.
    fn name(&self) -> &'static str;
    /// The name that lease and checkpoint are stored under; another one for each version and build.
    fn processor(&self) -> &Arc<str>;
    /// The events that it is for. Others are passed over.
    fn filter(&self) -> &Filter;
    /// Works through a page that begins behind its checkpoint, and writes how far it has come, in as many
    /// steps as it likes: `lease.checkpoint` is where it is afterwards.
    fn follow<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>>;
    /// Does what is due without an event, after it has reached `reached`, the head of the log. Answers when
    /// there is more to do, at the earliest.
    fn idle<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        reached: Checkpoint,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>>;
}

/// Why a follower goes no further.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The lease is somebody else's by now.
    Fenced,
    /// The store does not answer: try again later.
    Unavailable(BoxError),
    /// An event is newer than this code: the lease goes to whoever can read it.
    Newer(DecodeError),
    /// It has stopped for good, and says why.
    Stopped(String),
    /// There is nothing to do any more: another build has taken its place.
    Done,
}

/// An event as followers see it.
pub(crate) fn raw(stored: &StoredEvent) -> Result<RawEvent, DecodeError> {
    Ok(RawEvent {
        name: stored.name.clone(),
        schema: stored.schema,
        position: stored.position,
        payload: stored.payload.clone(),
        envelope: fold::envelope(stored)?,
    })
}
