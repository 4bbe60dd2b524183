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

#[path = "testing/following.rs"]
mod following;
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

/// The methods of an `EventStore` about processors and documents, passed on to a field: for stores around a
/// store.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_processors {
    ($field:ident) => {
        fn register<'a>(
            &'a self,
            processor: &'a str,
            start: $crate::store::Checkpoint,
        ) -> $crate::store::StoreFuture<'a, Result<$crate::store::Checkpoint, $crate::store::ReadError>> {
            self.$field.register(processor, start)
        }
        fn processors<'a>(
            &'a self,
            prefix: &'a str,
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredProcessor>, $crate::store::ReadError>,
        > {
            self.$field.processors(prefix)
        }
        fn acquire<'a>(
            &'a self,
            processor: &'a str,
            owner: $crate::uuid::Uuid,
            ttl: ::std::time::Duration,
        ) -> $crate::store::StoreFuture<'a, Result<Option<$crate::store::Lease>, $crate::store::ReadError>> {
            self.$field.acquire(processor, owner, ttl)
        }
        fn renew<'a>(
            &'a self,
            lease: &'a $crate::store::Lease,
            ttl: ::std::time::Duration,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.renew(lease, ttl)
        }
        fn release<'a>(
            &'a self,
            lease: &'a $crate::store::Lease,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.release(lease)
        }
        fn advance(
            &self,
            advance: $crate::store::Advance,
        ) -> $crate::store::StoreFuture<'_, Result<(), $crate::store::AdvanceError>> {
            self.$field.advance(advance)
        }
        fn documents<'a>(
            &'a self,
            collection: &'a str,
            keys: &'a [String],
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredDocument>, $crate::store::ReadError>,
        > {
            self.$field.documents(collection, keys)
        }
        fn list_documents<'a>(
            &'a self,
            collection: &'a str,
            range: &'a $crate::store::DocumentRange,
        ) -> $crate::store::StoreFuture<
            'a,
            Result<Vec<$crate::store::StoredDocument>, $crate::store::ReadError>,
        > {
            self.$field.list_documents(collection, range)
        }
        fn forget<'a>(
            &'a self,
            processor: &'a str,
        ) -> $crate::store::StoreFuture<'a, Result<(), $crate::store::AdvanceError>> {
            self.$field.forget(processor)
        }
    };
}
