//! What separates the states of a reactor and the documents of a projection from each other.

use crate::event::{Envelope, IdError, RawEvent};
use crate::id::{AggregateId, StreamId};
use std::any::Any;
use std::fmt::Debug;
use std::hash::Hash;

/// A key: any [`AggregateId`]; or `()`, which is one for all.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key",
    label = "not a key",
    note = "put `#[aggregate_id]` on `{Self}`, or use `String`, `Uuid`, an integer, a date, or `()` for one key"
)]
pub trait Key: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// The text that it is stored under.
    #[doc(hidden)]
    fn text(&self) -> String;
    /// The key that is stored under a text.
    #[doc(hidden)]
    fn parse(text: &str) -> Option<Self>;
    /// The key of an event where no method says another: the id of its stream.
    ///
    /// # Errors
    /// [`IdError`] if the stream's name holds no such id.
    #[doc(hidden)]
    fn of(envelope: &Envelope) -> Result<Self, IdError>;
}

impl<K: AggregateId> Key for K {
    fn text(&self) -> String {
        let mut text = String::new();
        self.push_to(&mut text);
        text
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn of(envelope: &Envelope) -> Result<Self, IdError> {
        envelope.stream_id()
    }
}

impl Key for () {
    fn text(&self) -> String {
        String::new()
    }
    fn parse(_: &str) -> Option<Self> {
        Some(())
    }
    fn of(_: &Envelope) -> Result<Self, IdError> {
        Ok(())
    }
}

/// The key of a reactor without state: events of one stream stay in order.
impl Key for StreamId {
    fn text(&self) -> String {
        self.as_str().to_owned()
    }
    fn parse(text: &str) -> Option<Self> {
        Some(Self::named(text))
    }
    fn of(envelope: &Envelope) -> Result<Self, IdError> {
        Ok(envelope.stream.clone())
    }
}

/// Finds the keys that an event is for, given what was read from it.
#[doc(hidden)]
pub type FindKeys<K> = fn(&(dyn Any + Send + Sync), &RawEvent) -> Result<Vec<K>, IdError>;

/// The key of an event by its stream; what stands in a method's record that has no `#[key(..)]`.
#[doc(hidden)]
pub fn stream_key<K: Key>(_: &(dyn Any + Send + Sync), event: &RawEvent) -> Result<Vec<K>, IdError> {
    Ok(vec![K::of(&event.envelope)?])
}

/// What stands in a method's record for a refusal, which is for the key that issued the command.
#[doc(hidden)]
pub fn no_keys<K: Key>(_: &(dyn Any + Send + Sync), _: &RawEvent) -> Result<Vec<K>, IdError> {
    Ok(Vec::new())
}

/// What `#[key(..)]` may give: a key, a reference to one, an `Option` (none: skip), or a `Vec` (each).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[key(..)]` gives `{Self}`, the key is `{K}`",
    label = "not a key of this kind",
    note = "give a `{K}`, a `&{K}`, an `Option<{K}>` for none, or a `Vec<{K}>` for each of several"
)]
pub trait IntoKeys<K> {
    /// The keys, in order.
    fn into_keys(self) -> Vec<K>;
}

impl<K: Key> IntoKeys<K> for K {
    fn into_keys(self) -> Vec<K> {
        vec![self]
    }
}
impl<K: Key> IntoKeys<K> for &K {
    fn into_keys(self) -> Vec<K> {
        vec![self.clone()]
    }
}
impl<K: Key> IntoKeys<K> for Option<K> {
    fn into_keys(self) -> Vec<K> {
        self.into_iter().collect()
    }
}
impl<K: Key> IntoKeys<K> for Vec<K> {
    fn into_keys(self) -> Vec<K> {
        self
    }
}
