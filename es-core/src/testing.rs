//! What `es_testing` has to see of the runtime, and nobody else should. No promise of stability.

use crate::aggregate::{Applier, Life};
use crate::app::{App, AppBuilder};
use crate::context::{Context, Delivery};
use crate::event::EventEnum;
use crate::fold::Folded;
use crate::id::CommandId;
use crate::reactor::Reactor;
use crate::service::Services;
use crate::store::StoredEvent;
use crate::upcast::{DecodeError, Payload, PayloadError};
use jiff::Timestamp;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

pub use crate::issued::{Due, Issued, IssuedCommand, Wish};
pub use crate::reactor::Call;

#[path = "testing/behind.rs"]
mod behind;
#[path = "testing/following.rs"]
mod following;
#[path = "testing/forward.rs"]
mod forward;
pub use behind::{Armed, Asked, Follows, Origin, Waits, projections, reactors};
#[path = "testing/stepping.rs"]
mod stepping;
pub use following::{
    Change, DocumentMethod, EventList, EventVisitor, Message, OnFailure, Takes, category, issued, needs, raw,
    reaction, takes,
};
pub use stepping::{Halted, Stepper, followers};

/// An event as it comes back from its own bytes.
///
/// # Errors
/// Why it cannot be written, or not be read back.
pub fn round_trip<E: EventEnum>(event: &E) -> Result<E, String> {
    let bytes = event.encode().map_err(|error| format!("cannot be written: {error}"))?;
    let payload = Payload { name: event.name(), schema: event.version(), bytes: &bytes };
    E::decode(payload).map_err(|error| match error {
        PayloadError::Unreadable(reason) => format!("cannot be read back: {reason}"),
        other => format!("cannot be read back: {other:?}"),
    })
}

/// What stored events fold to, from the beginning or from a living state that they follow.
///
/// # Errors
/// [`DecodeError`] for the first that cannot be read or comes out of order.
pub fn fold<A: Applier>(state: Option<A>, events: &[StoredEvent]) -> Result<Life<A>, DecodeError> {
    let mut folded = Folded::start();
    if let Some(state) = state {
        folded.life = Life::Living(state);
    }
    folded.add(events)?;
    Ok(folded.life)
}

/// A state as it comes back from its snapshot; `None` if the aggregate takes no snapshots.
pub fn snapshot<A: Applier>(state: &A) -> Option<Result<A, serde_json::Error>> {
    let snapshots = A::SNAPSHOT?;
    Some((snapshots.encode)(state).and_then(|bytes| (snapshots.decode)(&bytes)))
}

/// An app that asks only for the services of these commands' handlers when it is built.
pub fn requiring<S>(mut builder: AppBuilder<S>, commands: Vec<&'static str>) -> AppBuilder<S> {
    builder.services_of = Some(commands);
    builder
}

/// The surroundings of an attempt; its ids are derived from `ids`.
pub fn context<R: Reactor>(ids: CommandId, now: Timestamp, attempt: u32) -> Context<R> {
    Context { now, ids, issued: AtomicU64::new(0), around: Delivery { attempt } }
}

/// The services that an app was given.
pub fn services(app: &App) -> Arc<OnceLock<Services>> {
    app.services()
}
