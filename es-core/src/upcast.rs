//! Reading what older code wrote: the typed chain from old shapes to the newest.

use crate::event::{Event, EventInfo, RetiredEvent};
use crate::id::StreamId;
use crate::model::registry;

/// Why a stored event cannot be read. It is never skipped and never guessed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No event type of the aggregate has this name.
    #[error(
        "stream {stream}, version {version}: no event type of the aggregate is named \"{event}\" (version {schema})"
    )]
    Unknown {
        /// The stream.
        stream: StreamId,
        /// The event's version in it.
        version: u64,
        /// The stored name.
        event: String,
        /// The stored version of the shape.
        schema: u16,
    },
    /// Newer code wrote it.
    #[error(
        "stream {stream}, version {version}: event \"{event}\" has version {schema}, this code knows it up to {known}"
    )]
    Newer {
        /// The stream.
        stream: StreamId,
        /// The event's version in it.
        version: u64,
        /// The stored name.
        event: String,
        /// The stored version of the shape.
        schema: u16,
        /// The newest version that this code knows.
        known: u16,
    },
    /// The payload or the metadata is not what the type expects.
    #[error(
        "stream {stream}, version {version}: event \"{event}\" (version {schema}) cannot be read: {reason}"
    )]
    Payload {
        /// The stream.
        stream: StreamId,
        /// The event's version in it.
        version: u64,
        /// The stored name.
        event: String,
        /// The stored version of the shape.
        schema: u16,
        /// Which field, and what is wrong with it.
        reason: String,
    },
    /// The order of birth, life and end is broken.
    #[error("stream {stream} is corrupt at version {version}: event \"{event}\" {reason}")]
    CorruptStream {
        /// The stream.
        stream: StreamId,
        /// The event's version in it.
        version: u64,
        /// The event's name.
        event: String,
        /// What is out of order.
        reason: &'static str,
    },
}

/// What is wrong with one payload; the reader adds stream and version.
#[doc(hidden)]
#[derive(Debug)]
pub enum PayloadError {
    Unknown,
    Newer { known: u16 },
    Unreadable(String),
}

/// A stored payload with the name and the version it was stored under.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    pub name: &'a str,
    pub schema: u16,
    pub bytes: &'a [u8],
}

impl Payload<'_> {
    /// Whether `E`, or the chain behind it, reads this.
    #[inline]
    pub fn is<E: Event>(&self) -> bool {
        (self.name == E::NAME || E::ALIASES.contains(&self.name))
            && self.schema <= E::VERSION
            && self.schema >= E::Older::OLDEST
    }

    /// Reads this as `E`, through every version in between.
    ///
    /// # Errors
    /// [`PayloadError::Unreadable`], with the field.
    #[inline]
    pub fn read<E: Event>(self) -> Result<E, PayloadError> {
        if self.schema == E::VERSION { self.parse() } else { E::Older::read(self) }
    }

    /// Reads this as a retired event that no applier is written for, or says why it cannot be read.
    ///
    /// # Errors
    /// [`PayloadError`] if there is no such event, or only in older versions.
    #[cold]
    pub fn retired(self, events: &[EventInfo]) -> Result<RetiredEvent, PayloadError> {
        if let Some(retired) = registry::retired(self.name, self.schema) {
            let payload = (retired.read)(self)?;
            return Ok(RetiredEvent { name: retired.info.name, version: self.schema, payload });
        }
        let known = events.iter().filter(|event| event.is_named(self.name)).map(|event| event.version).max();
        match known {
            Some(known) if self.schema > known => Err(PayloadError::Newer { known }),
            _ => Err(PayloadError::Unknown),
        }
    }

    fn parse<E: Event>(self) -> Result<E, PayloadError> {
        serde_json::from_slice(self.bytes).map_err(|_| self.explain::<E>())
    }

    /// Parses once more, slowly, to name the field.
    #[cold]
    fn explain<E: Event>(self) -> PayloadError {
        let mut json = serde_json::Deserializer::from_slice(self.bytes);
        let reason = match serde_path_to_error::deserialize::<_, E>(&mut json) {
            Err(error) => error.to_string(),
            Ok(_) => json.end().err().map_or_else(|| "not readable".to_owned(), |error| error.to_string()),
        };
        PayloadError::Unreadable(reason)
    }
}

/// The older shapes of an event: [`Oldest`], or the event type that `from = ..` names.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no older version of `{E}`",
    label = "not an event",
    note = "put `#[event(name = .., version = ..)]` on `{Self}`, with the same name and the version before"
)]
pub trait Older<E> {
    /// The lowest version that can be read.
    const OLDEST: u16;
    /// Name and version of the shape just below `E`.
    const BELOW: (&'static str, u16);
    /// Reads an older shape and turns it into `E`.
    ///
    /// # Errors
    /// [`PayloadError`] if it cannot be read.
    fn read(payload: Payload<'_>) -> Result<E, PayloadError>;
}

/// There is no older shape.
#[doc(hidden)]
#[derive(Debug)]
pub enum Oldest {}

impl<E: Event> Older<E> for Oldest {
    const OLDEST: u16 = E::VERSION;
    const BELOW: (&'static str, u16) = (E::NAME, E::VERSION.saturating_sub(1));
    #[cold]
    fn read(_: Payload<'_>) -> Result<E, PayloadError> {
        Err(PayloadError::Unknown)
    }
}

/// An event that can be made from its older shape `O`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{O}`",
    label = "no way from this version to the next",
    note = "write `impl From<{O}> for {Self}`"
)]
pub trait MadeFrom<O> {
    /// The older shape as this one.
    fn made_from(older: O) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<O>, O> MadeFrom<O> for E {
    fn made_from(older: O) -> Self {
        older.into()
    }
}

impl<E: MadeFrom<O>, O: Event> Older<E> for O {
    const OLDEST: u16 = <O::Older as Older<O>>::OLDEST;
    const BELOW: (&'static str, u16) = (O::NAME, O::VERSION);
    #[cold]
    fn read(payload: Payload<'_>) -> Result<E, PayloadError> {
        payload.read::<O>().map(E::made_from)
    }
}
