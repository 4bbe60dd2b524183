//! Events: what has happened, and what is known about each of them.

use crate::id::{AggregateId, Position, StreamId};
use crate::metadata::Metadata;
use crate::model::registry::ApplierRecord;
use crate::upcast::{Older, PayloadError};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use uuid::Uuid;

/// Something that has happened, written down for good. Declared by `#[event]` on a struct.
///
/// ```
/// use es_core::prelude::*;
///
/// #[event(name = "account.deposited")]
/// pub struct MoneyDeposited {
///     pub amount: u64,
/// }
///
/// assert_eq!((MoneyDeposited::NAME, MoneyDeposited::VERSION), ("account.deposited", 1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "put `#[event]` on the struct `{Self}`"
)]
pub trait Event: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name it is stored under.
    const NAME: &'static str;
    /// The version of its shape, from 1.
    const VERSION: u16 = 1;
    /// Names that it was stored under before.
    const ALIASES: &'static [&'static str] = &[];
    /// Its fields and their types, as written.
    #[doc(hidden)]
    const FIELDS: &'static [Field];
    /// The version before this one, or [`Oldest`](crate::upcast::Oldest).
    #[doc(hidden)]
    type Older: Older<Self>;
    /// [`Current`], or [`Retired`].
    #[doc(hidden)]
    type Status;
}

/// The status of an event that may be raised.
#[doc(hidden)]
#[derive(Debug)]
pub enum Current {}

/// The status of an event that is only read any more.
#[doc(hidden)]
#[derive(Debug)]
pub enum Retired {}

/// An event that may still be raised: every one that is not `retired`.
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` is retired and cannot be raised",
    label = "raised here",
    note = "raise the event that took its place, or remove `retired` from its `#[event(..)]`"
)]
pub trait Raisable: Event {}

#[diagnostic::do_not_recommend]
impl<E: Event<Status = Current>> Raisable for E {}

/// One field of an event or a command, as it is written in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name; the index in a tuple struct.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static str,
}

/// What is known of an event beside its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The event's id, unique in the whole store.
    pub id: Uuid,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// When it was decided, by the app's clock, in whole microseconds.
    pub recorded_at: Timestamp,
    /// Who and what caused it.
    pub metadata: Arc<Metadata>,
}

impl Envelope {
    /// The id of the aggregate whose stream this is.
    ///
    /// # Errors
    /// [`IdError`] if the stream's name does not hold an id of type `K`.
    pub fn stream_id<K: AggregateId>(&self) -> Result<K, IdError> {
        let text = self.stream.id_text();
        text.parse()
            .map_err(|_| IdError { stream: self.stream.clone(), expected: std::any::type_name::<K>() })
    }
}

/// The name of a stream does not hold an id of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream {stream} does not hold an id of type {expected}")]
pub struct IdError {
    stream: StreamId,
    expected: &'static str,
}

/// An event with everything that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<E> {
    /// Its place in the whole log.
    pub position: Position,
    /// When, where and by whom it was recorded.
    pub envelope: Envelope,
    /// The event itself.
    pub data: E,
}

/// Any event, as it is stored: for what follows the log without knowing every type in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEvent {
    /// The name it is stored under.
    pub name: Cow<'static, str>,
    /// The version of the payload's shape.
    pub schema: u16,
    /// Its place in the whole log. In an inline reactor it is 0 with the commit, since the event has no place yet,
    /// and the place that it got where the past is folded.
    pub position: Position,
    /// The payload, JSON as a rule; `None` if it was redacted.
    pub payload: Option<Bytes>,
    /// When, where and by whom it was recorded.
    pub envelope: Envelope,
}

/// The events of one aggregate as one type: the enum that `#[applier]` generates.
pub trait EventEnum: Clone + Debug + PartialEq + Send + Sync + Sized + 'static {
    /// The events it has a variant for.
    #[doc(hidden)]
    const EVENTS: &'static [EventInfo];
    /// What each of them does to the aggregate.
    #[doc(hidden)]
    const APPLIERS: &'static [ApplierRecord];

    /// The stored name.
    fn name(&self) -> &'static str;
    /// The version of the shape.
    fn version(&self) -> u16;
    /// The payload's bytes.
    ///
    /// # Errors
    /// What the event's own `Serialize` refuses.
    fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = Vec::new();
        self.encode_to(&mut json)?;
        Ok(json)
    }
    /// Adds the payload's bytes to what is there.
    ///
    /// # Errors
    /// What the event's own `Serialize` refuses.
    fn encode_to(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error>;
    /// Reads what is stored, in whichever version, as the newest.
    #[doc(hidden)]
    fn decode(stored: crate::upcast::Payload<'_>) -> Result<Self, PayloadError>;
}

/// One event type of an aggregate, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventInfo {
    /// The stored name.
    pub name: &'static str,
    /// The newest version.
    pub version: u16,
    /// Former names.
    pub aliases: &'static [&'static str],
    /// Its fields.
    pub fields: &'static [Field],
}

impl EventInfo {
    /// What is to be known about `E`.
    pub const fn of<E: Event>() -> Self {
        Self { name: E::NAME, version: E::VERSION, aliases: E::ALIASES, fields: E::FIELDS }
    }

    /// Whether `name` is this event's name or was once.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// An event that is read and no longer raised: its type is `#[event(retired)]` and has no applier.
///
/// It stands in the generated enum as the variant `Retired`, so that a history is complete. Folds pass
/// over it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetiredEvent {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
    pub(crate) payload: serde_json::Value,
}

impl RetiredEvent {
    /// The stored name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The version it was stored with.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Its data, as its type reads it.
    pub fn payload(&self) -> &serde_json::Value {
        &self.payload
    }
}
