//! What runs behind the commands: one engine that takes reactors and projections along the log.

mod drain;
mod engine;
mod keeper;
mod projecting;
mod race;
mod reacting;
mod running;
mod station;
mod stepping;
mod wait;

pub use drain::DrainError;
pub use projecting::{DocumentError, Documents, Mounted, ProjectionError, ScratchCopy};
pub(crate) use projecting::{Projecting, check, open};
pub(crate) use race::caught;
pub use reacting::InnerCommand;
pub(crate) use reacting::{InlineReactor, Kept, Mount};
pub use reacting::{ParkedEntry, ParkedError, ParkedWork};
pub use running::{Running, StartError, StopError};
pub(crate) use station::Hub;
pub use station::{FollowerState, FollowerStatus};
pub use stepping::{Halted, Stepper};
pub use wait::WaitError;

use crate::app::App;
use crate::event::{Envelope, RawEvent};
use crate::fold;
use crate::metadata::Metadata;
use crate::service::BoxFuture;
use crate::store::{
    AdvanceError, BoxError, Checkpoint, Filter, Lease, LogPage, ReadError, StoreClosed, StoredEvent,
};
use crate::upcast::DecodeError;
use jiff::Timestamp;
use std::sync::{Arc, LazyLock};

/// Something that follows the log under a lease: a reactor, or one build of a projection.
pub(crate) trait Follower: Send + Sync + 'static {
    /// Its name, as users say it.
    fn name(&self) -> &'static str;
    /// The name that lease and checkpoint are stored under; another one for each version and build.
    fn processor(&self) -> &Arc<str>;
    /// The events that it is for. Others are passed over.
    fn filter(&self) -> &Filter;
    /// The most events of one page. Whoever stops it waits until a page is done.
    fn page(&self) -> u32 {
        500
    }
    /// What it has set aside on the way.
    fn aside(&self) -> Aside {
        Aside::default()
    }
    /// Works through a page that begins behind its checkpoint, and writes how far it has come, in as many
    /// steps as it likes: `lease.checkpoint` is where it is afterwards.
    fn follow<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>>;
    /// Whether it still has a place, asked while its lease cannot be taken.
    ///
    /// # Errors
    /// [`Halt::Done`] if another build has taken its place.
    fn still_there(&self) -> BoxFuture<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }
    /// Does what is due without an event, after it has reached `reached`, the head of the log. Answers when
    /// there is more to do, at the earliest.
    fn idle<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        reached: Checkpoint,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>>;
    /// When it has something to do without an event, by what it keeps in the store: asked without its lease.
    fn due<'a>(&'a self, _: &'a App) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>> {
        Box::pin(async { Ok(None) })
    }
}

/// Work that a follower has set aside, counted in keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    /// Those that wait for somebody to decide.
    pub parked: u64,
    /// Those that wait for their next attempt.
    pub retrying: u64,
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

impl Halt {
    /// Unlike an outage, this does not pass.
    fn closed() -> Self {
        Self::Stopped(StoreClosed.to_string())
    }
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        match error {
            closed if closed.is_closed() => Self::closed(),
            ReadError::Unavailable(cause) => Self::Unavailable(cause),
            corrupt @ ReadError::Corrupt { .. } => Self::Stopped(corrupt.to_string()),
        }
    }
}

impl From<AdvanceError> for Halt {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::Fenced { .. } => Self::Fenced,
            AdvanceError::Work(cause) => Self::Stopped(cause.to_string()),
            never @ (AdvanceError::TooLarge { .. } | AdvanceError::Repeated { .. }) => {
                Self::Stopped(never.to_string())
            }
            AdvanceError::Unavailable(cause) if cause.is::<StoreClosed>() => Self::closed(),
            AdvanceError::Unavailable(cause) => Self::Unavailable(cause),
            // Somebody else wrote, or this one did and has not heard of it: whoever begins anew sees which.
            changed @ (AdvanceError::Changed { .. } | AdvanceError::Moved { .. }) => {
                Self::Unavailable(changed.into())
            }
        }
    }
}

impl From<DecodeError> for Halt {
    fn from(error: DecodeError) -> Self {
        match error {
            newer @ DecodeError::Newer { .. } => Self::Newer(newer),
            other => Self::Stopped(other.to_string()),
        }
    }
}

/// Names that a reactor and a projection share: whatever follows the log is asked for by its name.
pub(crate) fn check_names(reactors: &[Mount], projections: &[Arc<dyn Projecting>], faults: &mut Vec<String>) {
    for projection in projections {
        let (name, (_, this)) = (projection.name(), projection.of_type());
        for reactor in reactors.iter().filter(|reactor| reactor.name == name) {
            let other = reactor.type_name;
            faults.push(format!(
                "the reactor {other} and the projection {this} are both named \"{name}\": give one another \
                 name, as in `#[projection(name = \"{name}_view\")]`"
            ));
        }
    }
}

/// What would take part in commits of a store that cannot take anything along.
pub(crate) fn check_inline(
    reactors: &[Mount],
    projections: &[Arc<dyn Projecting>],
    faults: &mut Vec<String>,
) {
    let reactors = reactors.iter().filter(|reactor| reactor.inline.is_some());
    let projections = projections.iter().filter(|projection| projection.inline().is_some());
    let inline = reactors.map(|reactor| ("reactor", reactor.name));
    let inline = inline.chain(projections.map(|projection| ("projection", projection.name())));
    faults.extend(inline.map(|(kind, name)| {
        format!(
            "the {kind} {name} takes part in commits (`inline`), which this store cannot do: leave `inline` out, \
             or use a store of SQL"
        )
    }));
}

/// An event as followers see it.
pub(crate) fn raw(stored: &StoredEvent) -> Result<RawEvent, DecodeError> {
    Ok(raw_with(stored, fold::envelope(stored)?))
}

fn raw_with(stored: &StoredEvent, envelope: Envelope) -> RawEvent {
    RawEvent {
        name: stored.name.clone(),
        schema: stored.schema,
        position: stored.position,
        payload: stored.payload.clone(),
        envelope,
    }
}

/// An event for those who are not given its metadata, which is not read then.
fn raw_without_metadata(stored: &StoredEvent) -> RawEvent {
    static UNREAD: LazyLock<Arc<Metadata>> = LazyLock::new(Arc::default);
    let (stream, metadata) = (stored.stream.clone(), UNREAD.clone());
    let StoredEvent { id, version, recorded_at, .. } = *stored;
    raw_with(stored, Envelope { id, stream, version, recorded_at, metadata })
}
