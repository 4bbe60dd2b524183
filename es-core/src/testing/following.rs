//! Reactors and projections without what takes them along the log.

use crate::event::{Event, RawEvent};
use crate::id::CommandId;
use crate::key::Key;
use crate::model::registry;
use crate::reactor::{Reactor, ReactorMethod};
use crate::runtime;
use crate::service::Services;
use crate::store::StoredEvent;
use crate::upcast::DecodeError;
use uuid::Uuid;

pub use crate::incoming::{Message, Takes};
pub use crate::projection::{Change, DocumentMethod};
pub use crate::reactor::OnFailure;

/// Events of any types, in order: an event, and tuples, arrays, `Vec`s and `Option`s of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of events",
    label = "not an event",
    note = "give an event (`#[event]` structs), or a tuple, an array, a `Vec` or `events![..]` of them"
)]
pub trait EventList {
    /// Shows each of them.
    fn visit(self, visitor: &mut impl EventVisitor);
}

/// Whoever looks at the events of a list.
pub trait EventVisitor {
    /// The next one.
    fn event<E: Event>(&mut self, event: &E);
}

impl<E: Event> EventList for E {
    fn visit(self, visitor: &mut impl EventVisitor) {
        visitor.event(&self);
    }
}

impl EventList for () {
    fn visit(self, _: &mut impl EventVisitor) {}
}

macro_rules! iterable {
    ($([$($params:tt)*] $list:ty;)*) => { $(
        impl<$($params)*> EventList for $list {
            fn visit(self, visitor: &mut impl EventVisitor) {
                let events = self.into_iter();
                for one in events {
                    one.visit(visitor);
                }
            }
        }
    )* };
}
iterable! {
    [T: EventList] Option<T>;
    [T: EventList] Vec<T>;
    [T: EventList, const N: usize] [T; N];
}

macro_rules! tuple {
    ($($T:ident)+) => {
        impl<$($T: EventList),+> EventList for ($($T,)+) {
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn visit(self, visitor: &mut impl EventVisitor) {
                let ($($T,)+) = self;
                $($T.visit(visitor);)+
            }
        }
    };
}
tuple!(T1);
tuple!(T1 T2);
tuple!(T1 T2 T3);
tuple!(T1 T2 T3 T4);
tuple!(T1 T2 T3 T4 T5);
tuple!(T1 T2 T3 T4 T5 T6);
tuple!(T1 T2 T3 T4 T5 T6 T7);
tuple!(T1 T2 T3 T4 T5 T6 T7 T8);

/// The name of the aggregate that applies `E`, if one does that is linked.
pub fn category<E: Event>() -> Option<&'static str> {
    let aggregates = registry::aggregates();
    let of = |fits: fn(&registry::ApplierRecord) -> bool| {
        aggregates.iter().find(|aggregate| aggregate.appliers.iter().any(fits)).map(|found| found.name)
    };
    // An older version of an event has no applier of its own.
    of(|applier| (applier.type_name)() == std::any::type_name::<E>())
        .or_else(|| of(|applier| applier.event.is_named(E::NAME) && applier.event.version >= E::VERSION))
}

/// A stored event as reactors and projections see it.
///
/// # Errors
/// [`DecodeError`] if its metadata cannot be read.
pub fn raw(stored: &StoredEvent) -> Result<RawEvent, DecodeError> {
    runtime::raw(stored)
}

/// Whether a method that takes this takes the event.
pub fn takes(takes: &Takes, event: &RawEvent) -> bool {
    match takes {
        Takes::Event { info, .. } => info.is_named(&event.name),
        Takes::Any => true,
        Takes::Refused { .. } => false,
    }
}

/// What the ids of a reactor's answer to an event are derived from.
pub fn reaction<R: Reactor>(event: Uuid, key: &R::Key) -> CommandId {
    CommandId::reaction(R::NAME, event, &key.text())
}

/// The id of the `n`-th thing that a method wants done.
pub fn issued(ids: CommandId, method: usize, n: usize) -> CommandId {
    ids.issued(method, n)
}

/// Whether a method takes services, and the names of those that are not there.
pub fn needs<R: Reactor>(method: &ReactorMethod<R>, services: &Services) -> (bool, Vec<&'static str>) {
    let mut needs = Vec::new();
    (method.services)(&mut needs);
    let missing = needs.iter().filter(|need| !(need.provided)(services)).map(|need| need.name).collect();
    (!needs.is_empty(), missing)
}
