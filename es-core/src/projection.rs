//! Projections: read models that follow the log, as documents or as rows of one's own.

use crate::event::{Envelope, Event, IdError, RawEvent};
use crate::id::AggregateId;
use crate::incoming::{Message, Parsed, Takes, read_event, read_raw};
use crate::key::Key;
use crate::runtime::Mounted;
use crate::service::BoxFuture;
use crate::store::{BoxError, BuildTables, EventStore, RowStore};
use crate::upcast::PayloadError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A read model that follows the log. Declared by `#[projection]` on a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "not a projection",
    note = "put `#[projection]` on the type `{Self}`"
)]
pub trait Projection: Default + Send + Sync + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its version; another one is built anew beside this one.
    const VERSION: u32;
    /// What separates its documents; `()` where it keeps rows.
    type Key: Key;
    /// Whether it is written in the transaction of the commit itself.
    #[doc(hidden)]
    const INLINE: bool;
    /// Of the shape of document and key. Another one needs another version.
    #[doc(hidden)]
    const FINGERPRINT: u64;
}

/// A projection that keeps a document for each key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no documents",
    label = "not a document",
    note = "write `#[projection(key = ..)]` on the type, and its methods in `#[projection] impl {Self}`"
)]
pub trait Document: Projection + Clone + Serialize + DeserializeOwned {
    /// In written order.
    #[doc(hidden)]
    const METHODS: &'static [DocumentMethod<Self>];
}

/// One method of a projection that keeps documents.
#[doc(hidden)]
pub struct DocumentMethod<P: Projection> {
    /// Its name.
    pub name: &'static str,
    /// What its first parameter asks for.
    pub takes: Takes,
    /// Reads the event as what it takes.
    pub read: fn(&RawEvent) -> Result<Message, PayloadError>,
    /// The keys that the event is for.
    pub keys: KeysOf<P>,
    /// Changes the document of one key.
    pub apply: ChangeOf<P>,
    /// Whether it is given the event's metadata, which is left unread where no method is.
    pub sees_metadata: bool,
}

impl<P: Projection> DocumentMethod<P> {
    /// A method that takes `&E`.
    pub const fn event<E: Event>(name: &'static str, keys: KeysOf<P>, apply: ChangeOf<P>) -> Self {
        let takes = Takes::event::<E>();
        Self { name, takes, read: read_event::<E>, keys, apply, sees_metadata: false }
    }

    /// The same with `&Envelope`.
    #[must_use]
    pub const fn with_envelope(mut self) -> Self {
        self.sees_metadata = true;
        self
    }

    /// A method that takes `&RawEvent`.
    pub const fn any(name: &'static str, keys: KeysOf<P>, apply: ChangeOf<P>) -> Self {
        Self { name, takes: Takes::Any, read: read_raw, keys, apply, sees_metadata: true }
    }
}

/// Says which keys an event is for.
type KeysOf<P> = fn(&(dyn Any + Send + Sync), &RawEvent) -> Result<Vec<<P as Projection>::Key>, IdError>;
/// Changes the document of one key.
type ChangeOf<P> = fn(Change<'_, P>) -> Result<(), BoxError>;

/// The key of an event where no method says another; what stands in a method's record without `#[key(..)]`.
#[doc(hidden)]
pub fn key_of_stream<P: Projection>(
    _: &(dyn Any + Send + Sync),
    event: &RawEvent,
) -> Result<Vec<P::Key>, IdError> {
    P::Key::of(&event.envelope).map(|key| vec![key])
}

/// What a method is called with.
#[doc(hidden)]
pub struct Change<'a, P: Projection> {
    /// The key's document; `None` if there is none. A method that takes `self` leaves `None` behind.
    pub document: &'a mut Option<P>,
    /// What it takes, as its record reads it.
    pub message: &'a (dyn Any + Send + Sync),
    /// The event.
    pub event: &'a RawEvent,
    /// The key.
    pub key: &'a P::Key,
}

/// A projection that keeps rows of its own in the database that holds the log, by a transaction of type `Tx`.
#[doc(hidden)]
pub trait Rows: Projection {
    /// The transaction that its methods take.
    type Tx: Send + 'static;
    /// In written order.
    const METHODS: &'static [RowMethod<Self>];
    /// Makes its tables.
    fn setup(tx: &mut Self::Tx) -> BoxFuture<'_, Result<(), BoxError>>;
}

/// One method of a projection that keeps rows.
#[doc(hidden)]
pub struct RowMethod<P: Rows> {
    /// Its name.
    pub name: &'static str,
    /// What its first parameter asks for.
    pub takes: Takes,
    /// Reads the event as what it takes.
    pub read: fn(&RawEvent) -> Result<Message, PayloadError>,
    /// Changes the rows.
    pub apply: RowApply<P>,
}

impl<P: Rows> RowMethod<P> {
    /// A method that takes `&E`.
    pub const fn event<E: Event>(name: &'static str, apply: RowApply<P>) -> Self {
        Self { name, takes: Takes::event::<E>(), read: read_event::<E>, apply }
    }

    /// A method that takes `&RawEvent`.
    pub const fn any(name: &'static str, apply: RowApply<P>) -> Self {
        Self { name, takes: Takes::Any, read: read_raw, apply }
    }
}

/// How a method changes the rows.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "two pointers to functions say nothing")]
pub enum RowApply<P: Rows> {
    /// A plain one, on a database that answers at once.
    Now(fn(RowChange<'_, P>) -> Result<(), BoxError>),
    /// An async one.
    Later(for<'a> fn(RowChange<'a, P>) -> BoxFuture<'a, Result<(), BoxError>>),
}

/// What a method is called with.
#[doc(hidden)]
pub struct RowChange<'a, P: Rows> {
    /// The projection.
    pub projection: &'a P,
    /// What it takes, as its record reads it.
    pub message: &'a (dyn Any + Send + Sync),
    /// The event.
    pub event: &'a RawEvent,
    /// The transaction.
    pub tx: &'a mut P::Tx,
}

/// What a method of a projection may return.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a projection cannot return `{Self}`",
    label = "neither nothing nor a `Result`",
    note = "a projection's method returns nothing, or `Result<(), E>` where `E` is an error"
)]
pub trait Projected {
    /// The error, if there is one.
    fn settle(self) -> Result<(), BoxError>;
}

impl Projected for () {
    fn settle(self) -> Result<(), BoxError> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Projected for Result<(), E> {
    fn settle(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// What a parameter `&T` of a method is given, where the key is a `K`. Found by its type: the key, where it
/// is one; else the stream's id.
#[doc(hidden)]
#[derive(Debug)]
pub struct IdParam<K, T: ?Sized>(PhantomData<fn(K, &T)>);

impl<K, T: ?Sized> IdParam<K, T> {
    /// Of which the types are everything.
    pub const NEW: Self = Self(PhantomData);
}

impl<Id> IdParam<Id, Id> {
    /// The key itself.
    pub fn get<'a>(self, key: &'a Id, _: &Envelope) -> Result<&'a Id, IdError> {
        Ok(key)
    }

    /// For `#[key(..)]` the key is not there yet.
    pub fn early(self, _: &Envelope) -> Result<Parsed<Id>, IdError>
    where
        KeyBefore: Known<Id>,
    {
        Ok(KeyBefore::key())
    }
}

/// A parameter that is the id of the event's stream.
#[doc(hidden)]
pub trait OfStream<K, T: ?Sized>: Sized {
    fn get(self, _: &K, envelope: &Envelope) -> Result<Parsed<T>, IdError>
    where
        T: StreamPart,
    {
        envelope.stream_id().map(Parsed)
    }
    fn early(self, envelope: &Envelope) -> Result<Parsed<T>, IdError>
    where
        T: StreamPart,
    {
        envelope.stream_id().map(Parsed)
    }
}

impl<K, T: ?Sized> OfStream<K, T> for IdParam<K, T> {}

/// What a parameter of a projection's method may be, beside its event, its envelope and its key.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a projection cannot be given `{Self}`",
    label = "neither the key nor an id of a stream",
    note = "behind its event a method takes `&Envelope`, and the key or the stream's id as `&T`; services are for reactors"
)]
pub trait StreamPart: AggregateId {}

#[diagnostic::do_not_recommend]
impl<T: AggregateId> StreamPart for T {}

/// Where `#[key(..)]` says what the key is.
#[doc(hidden)]
#[derive(Debug)]
pub enum KeyBefore {}

/// What is known while the key is found out: implemented for nothing, since the key is not.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[key(..)]` says what the key is, it cannot use it",
    label = "this parameter is the key, `{K}`",
    note = "use the event, or `env.stream_id::<{K}>()?` for the id of its stream"
)]
pub trait Known<K> {
    fn key() -> Parsed<K>;
}

/// What the declaration of a projection says it keeps; implemented by `#[projection]` on the type.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "not a projection",
    note = "put `#[projection]` on the type `{Self}`"
)]
pub trait Kept: Sized {
    /// [`DocumentKind`] or [`RowKind`].
    type Kind;
}

/// A document for each key.
#[doc(hidden)]
#[derive(Debug)]
pub enum DocumentKind {}

/// Rows of its own.
#[doc(hidden)]
#[derive(Debug)]
pub enum RowKind {}

/// A projection that an app over a store of type `S` can run.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "not a projection",
    note = "put `#[projection]` on the type `{Self}`"
)]
pub trait MountOn<S>: Projection {
    /// What it keeps.
    type Kind: MountKind<Self, S>;
}

/// How a projection `P` of this kind runs on a store of type `S`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the projection `{P}` cannot be kept in `{S}`",
    label = "not on this store",
    note = "rows belong to one database: what takes `&SqliteTx` runs on a `SqliteStore` alone, what takes `&mut PgTx` on a `PgStore`; documents, `#[projection(key = ..)]`, run on every store",
    note = "its methods stand in `#[projection] impl {P} {{ .. }}`"
)]
pub trait MountKind<P, S> {
    /// Takes it to the store.
    fn mount(store: &Arc<S>) -> Mounted;
}

#[diagnostic::do_not_recommend]
impl<P: Document, S: EventStore> MountKind<P, S> for DocumentKind {
    fn mount(store: &Arc<S>) -> Mounted {
        Mounted::documents::<P>(store.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<P: Rows<Tx: BuildTables>, S: RowStore<Tx = P::Tx>> MountKind<P, S> for RowKind {
    fn mount(store: &Arc<S>) -> Mounted {
        Mounted::rows::<P>(store)
    }
}
