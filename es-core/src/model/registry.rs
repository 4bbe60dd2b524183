//! What the attributes register at link time.
//!
//! Every record is a constant that the macros emit; functions stand in it where a constant cannot.

use crate::aggregate::{Aggregate, Applier};
use crate::app::{self, App, Options};
use crate::command::{Command, Handle, Needs};
use crate::error::DispatchError;
use crate::event::{Event, EventEnum, EventInfo, Field};
use crate::incoming::Takes;
use crate::joining::Mode;
use crate::outcome;
use crate::projection::{Document, Projection, Rows};
use crate::reactor::{React, Reactor};
use crate::service::ServiceNeed;
use crate::store::StoreFuture;
use crate::upcast::{Older, Payload, PayloadError};
use serde_json::Value;
use std::any::TypeId;
use std::marker::PhantomData;

/// An event type, whether or not an aggregate applies it.
#[derive(Clone, Copy, Debug)]
pub struct EventRecord {
    /// Name, version, fields.
    pub info: EventInfo,
    /// The type's path in the source.
    pub path: &'static str,
    /// Whether it is only read any more.
    pub retired: bool,
    /// The lowest version that can be read.
    pub oldest: u16,
    /// Reads a payload as JSON, for retired events without applier.
    pub read: fn(Payload<'_>) -> Result<Value, PayloadError>,
}

impl EventRecord {
    /// What is registered for `E`.
    pub const fn of<E: Event>(path: &'static str, retired: bool) -> Self {
        Self { info: EventInfo::of::<E>(), path, retired, oldest: E::Older::OLDEST, read: read::<E> }
    }
}

fn read<E: Event>(payload: Payload<'_>) -> Result<Value, PayloadError> {
    let event: E = payload.read()?;
    serde_json::to_value(event).map_err(|error| PayloadError::Unreadable(error.to_string()))
}

/// An aggregate with its appliers.
#[derive(Clone, Copy, Debug)]
pub struct AggregateRecord {
    /// The type.
    pub type_id: TypeId,
    /// Its name.
    pub name: &'static str,
    /// The type's path in the source.
    pub path: &'static str,
    /// Its appliers, in written order.
    pub appliers: &'static [ApplierRecord],
}

impl AggregateRecord {
    /// The record of the type at this path.
    #[must_use]
    pub const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// What is registered for the aggregate `A`: `RECORD`, at the path of the type.
///
/// Where `A` is no aggregate, the compiler says so at the appliers. That it need not say it here again,
/// [`NoAggregate`] has a `RECORD` for that.
#[derive(Debug)]
pub struct Applied<A>(PhantomData<fn(A)>);

impl<A: Aggregate + Applier> Applied<A> {
    /// What is registered, without the path.
    pub const RECORD: AggregateRecord =
        AggregateRecord { type_id: TypeId::of::<A>(), name: A::NAME, path: "", appliers: A::Event::APPLIERS };
}

/// What stands in the place of a record that cannot be made.
pub trait NoAggregate {
    /// Nothing: the program that it stands in does not compile.
    const RECORD: AggregateRecord =
        AggregateRecord { type_id: TypeId::of::<()>(), name: "", path: "", appliers: &[] };
}

impl<A> NoAggregate for Applied<A> {}

/// One applier.
#[derive(Clone, Copy, Debug)]
pub struct ApplierRecord {
    /// The event.
    pub event: EventInfo,
    /// The event's type.
    pub type_name: fn() -> &'static str,
    /// The lowest version that can be read.
    pub oldest: u16,
    /// What it does to the aggregate.
    pub role: Role,
}

impl ApplierRecord {
    /// The applier of `E`.
    pub const fn of<E: Event>(role: Role) -> Self {
        Self {
            event: EventInfo::of::<E>(),
            type_name: std::any::type_name::<E>,
            oldest: E::Older::OLDEST,
            role,
        }
    }
}

/// What an event does to its aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It creates it.
    Birth,
    /// It changes it.
    Life,
    /// It ends it.
    End,
}

/// The handlers of one block.
#[derive(Clone, Copy, Debug)]
pub struct HandlerBlock {
    /// In written order.
    pub handlers: &'static [HandlerRecord],
}

/// A command with its handler.
#[derive(Clone, Copy, Debug)]
pub struct HandlerRecord {
    /// The aggregate's type.
    pub type_id: TypeId,
    /// The aggregate's name.
    pub aggregate: &'static str,
    /// The command's name.
    pub command: &'static str,
    /// The command type's path in the source.
    pub path: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// `absent`, `living` or `either`.
    pub needs: &'static str,
    /// The names of what it can raise.
    pub raises: fn(&mut Vec<&'static str>),
    /// The services it takes.
    pub services: &'static [ServiceNeed],
    /// Executes it from JSON.
    pub execute: fn(App, Value, Options) -> StoreFuture<'static, Result<Value, DispatchError>>,
}

/// What is registered for the handler of `C` by `A`: `RECORD`, at the path of the command type.
///
/// Where `C` is no command of `A`, the compiler says so at the handler. That it need not say it here again,
/// [`NoHandler`] has a `RECORD` for that.
#[derive(Debug)]
pub struct Registered<A, C>(PhantomData<fn(A, C)>);

impl<A: Handle<C>, C: Command<Aggregate = A>> Registered<A, C> {
    /// What is registered, without the path.
    pub const RECORD: HandlerRecord = HandlerRecord {
        type_id: TypeId::of::<A>(),
        aggregate: A::NAME,
        command: C::NAME,
        path: "",
        fields: C::FIELDS,
        needs: <A::Needs as Needs<A>>::LABEL,
        raises: outcome::names::<A, A::Outcome>,
        services: A::SERVICES,
        execute: app::execute_value::<C>,
    };
}

/// What stands in the place of a record that cannot be made.
pub trait NoHandler {
    /// Nothing: the program that it stands in does not compile.
    const RECORD: HandlerRecord = HandlerRecord {
        type_id: TypeId::of::<()>(),
        aggregate: "",
        command: "",
        path: "",
        fields: &[],
        needs: "",
        raises: |_| {},
        services: &[],
        execute: |_, _, _| Box::pin(std::future::pending()),
    };
}

impl<A, C> NoHandler for Registered<A, C> {}

impl HandlerRecord {
    /// The record of the command type at this path.
    #[must_use]
    pub const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// A reactor with its methods.
#[derive(Clone, Copy, Debug)]
pub struct ReactorRecord {
    /// Its name.
    pub name: &'static str,
    /// The type's path in the source.
    pub path: &'static str,
    /// The version of its state and keys.
    pub version: u32,
    /// Whether its commands join the commit that they answer.
    pub inline: bool,
    /// What leads to what, in written order.
    pub reactions: fn() -> Vec<ReactionRecord>,
}

/// One method of a reactor.
#[derive(Clone, Debug)]
pub struct ReactionRecord {
    /// The method's name.
    pub method: &'static str,
    /// What it answers.
    pub takes: Takes,
    /// The names of the commands that it can issue.
    pub issues: Vec<&'static str>,
    /// Whether these are all.
    pub known: bool,
    /// The services it takes.
    pub services: Vec<ServiceNeed>,
}

/// What is registered for the reactor `R`: `RECORD`, at the path of the type.
///
/// Where `R` is no reactor, the compiler says so at its methods. That it need not say it here again,
/// [`NoReactor`] has a `RECORD` for that.
#[derive(Debug)]
pub struct Reacting<R>(PhantomData<fn(R)>);

impl<R: Reactor + React> Reacting<R> {
    /// What is registered, without the path.
    pub const RECORD: ReactorRecord = ReactorRecord {
        name: R::NAME,
        path: "",
        version: R::VERSION,
        inline: R::Mode::INLINE,
        reactions: reactions::<R>,
    };
}

fn reactions<R: React>() -> Vec<ReactionRecord> {
    let each = R::METHODS.iter().map(|method| {
        let (mut issues, mut services) = (Vec::new(), Vec::new());
        let known = (method.issues)(&mut issues);
        (method.services)(&mut services);
        ReactionRecord { method: method.name, takes: method.takes, issues, known, services }
    });
    each.collect()
}

/// What stands in the place of a record that cannot be made.
pub trait NoReactor {
    /// Nothing: the program that it stands in does not compile.
    const RECORD: ReactorRecord =
        ReactorRecord { name: "", path: "", version: 0, inline: false, reactions: Vec::new };
}

impl<R> NoReactor for Reacting<R> {}

impl ReactorRecord {
    /// The record of the type at this path.
    #[must_use]
    pub const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// A projection with its methods.
#[derive(Clone, Copy, Debug)]
pub struct ProjectionRecord {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The type's path in the source.
    pub path: &'static str,
    /// `documents` or `rows`.
    pub keeps: &'static str,
    /// Whether it is written in the transaction of the commit itself.
    pub inline: bool,
    /// Adds what its methods take, in written order.
    pub takes: fn(&mut Vec<Takes>),
}

impl ProjectionRecord {
    const fn of<P: Projection>(keeps: &'static str, takes: fn(&mut Vec<Takes>)) -> Self {
        Self { name: P::NAME, version: P::VERSION, path: "", keeps, inline: P::INLINE, takes }
    }

    /// The record of the type at this path.
    #[must_use]
    pub const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// What is registered for the projection `P`: `DOCUMENTS` or `ROWS`, at the path of the type.
///
/// Where `P` is no projection, the compiler says so at its methods; for the rest there is [`NoProjection`].
#[derive(Debug)]
pub struct Followed<P>(PhantomData<fn(P)>);

impl<P: Document> Followed<P> {
    /// What is registered, without the path.
    pub const DOCUMENTS: ProjectionRecord = ProjectionRecord::of::<P>("documents", |takes| {
        takes.extend(P::METHODS.iter().map(|method| method.takes));
    });
}

impl<P: Rows> Followed<P> {
    /// What is registered, without the path.
    pub const ROWS: ProjectionRecord = ProjectionRecord::of::<P>("rows", |takes| {
        takes.extend(P::METHODS.iter().map(|method| method.takes));
    });
}

/// What stands in the place of a record that cannot be made.
pub trait NoProjection {
    /// Nothing: the program that it stands in does not compile.
    const DOCUMENTS: ProjectionRecord = NO_PROJECTION;
    /// Nothing either.
    const ROWS: ProjectionRecord = NO_PROJECTION;
}

const NO_PROJECTION: ProjectionRecord =
    ProjectionRecord { name: "", version: 0, path: "", keeps: "", inline: false, takes: |_| {} };

impl<P> NoProjection for Followed<P> {}

inventory::collect!(EventRecord);
inventory::collect!(AggregateRecord);
inventory::collect!(HandlerBlock);
inventory::collect!(ProjectionRecord);
inventory::collect!(ReactorRecord);

/// Everything registered in the linked program, in the order of the names.
pub(crate) fn events() -> Vec<&'static EventRecord> {
    sorted(inventory::iter::<EventRecord>.into_iter(), |event| {
        (event.info.name, event.info.version, event.path)
    })
}

pub(crate) fn aggregates() -> Vec<&'static AggregateRecord> {
    sorted(inventory::iter::<AggregateRecord>.into_iter(), |aggregate| (aggregate.name, aggregate.path))
}

pub(crate) fn handlers() -> Vec<&'static HandlerRecord> {
    let blocks = inventory::iter::<HandlerBlock>.into_iter();
    sorted(blocks.flat_map(|block| block.handlers), |handler| {
        (handler.aggregate, handler.command, handler.path)
    })
}

pub(crate) fn reactors() -> Vec<&'static ReactorRecord> {
    sorted(inventory::iter::<ReactorRecord>.into_iter(), |reactor| (reactor.name, reactor.path))
}

pub(crate) fn projections() -> Vec<&'static ProjectionRecord> {
    sorted(inventory::iter::<ProjectionRecord>.into_iter(), |projection| (projection.name, projection.path))
}

fn sorted<R, K: Ord>(
    records: impl Iterator<Item = &'static R>,
    key: impl Fn(&'static R) -> K,
) -> Vec<&'static R> {
    let mut records: Vec<_> = records.collect();
    records.sort_by_key(|record| key(record));
    records
}

/// The retired event that reads this name and version.
pub(crate) fn retired(name: &str, schema: u16) -> Option<&'static EventRecord> {
    inventory::iter::<EventRecord>.into_iter().find(|event| {
        event.retired && event.info.is_named(name) && (event.oldest..=event.info.version).contains(&schema)
    })
}
