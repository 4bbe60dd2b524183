//! What reactors and projections are given: an event on its way to their methods.

use crate::check::Effects;
use crate::event::{Envelope, Event, EventInfo, IdError, RawEvent};
use crate::id::AggregateId;
use crate::key::Key;
use crate::service::{Service, ServiceNeed, Services};
use crate::upcast::{Older, Payload, PayloadError};
use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;

/// What a method's first parameter asks for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// An event of this type, from `oldest` up to its newest version.
    Event { info: EventInfo, oldest: u16 },
    /// Every event, as it is stored.
    Any,
    /// A command of this name that was refused.
    Refused { command: &'static str },
}

impl Takes {
    /// An event of type `E`.
    pub const fn event<E: Event>() -> Self {
        Self::Event { info: EventInfo::of::<E>(), oldest: E::Older::OLDEST }
    }
}

/// A decoded message, whose type the method knows that it is for.
#[doc(hidden)]
pub type Message = Box<dyn Any + Send + Sync>;

/// Reads an event as an `E`; what stands in a method's record for `&E`.
#[doc(hidden)]
pub fn read_event<E: Event>(event: &RawEvent) -> Result<Message, PayloadError> {
    let bytes = event.payload.as_deref().ok_or_else(|| PayloadError::Unreadable("it was redacted".into()))?;
    let payload = Payload { name: &event.name, schema: event.schema, bytes };
    Ok(Box::new(payload.read::<E>()?))
}

/// Reads an event as it is; what stands in a method's record for `&RawEvent`.
#[doc(hidden)]
pub fn read_raw(event: &RawEvent) -> Result<Message, PayloadError> {
    Ok(Box::new(event.clone()))
}

/// What stands in a method's record for a refusal, which is not read from the log.
#[doc(hidden)]
pub fn read_refusal(event: &RawEvent) -> Result<Message, PayloadError> {
    Err(PayloadError::Unreadable(format!("{} is no refusal", event.name)))
}

/// A message as what its method takes.
///
/// # Panics
/// If the method's record was not the one that read the message, which generated code does not do.
#[doc(hidden)]
pub fn message<M: Any>(message: &(dyn Any + Send + Sync)) -> &M {
    message.downcast_ref().expect("a message is read by the record of its method")
}

/// What a parameter `&T` of a method of `P`, whose key is a `K`, is given. Found by its type: the key, where
/// it is one; else the stream's id, where it is an id; else a service.
#[doc(hidden)]
#[derive(Debug)]
pub struct Param<P, K, T: ?Sized>(PhantomData<Of<P, K, T>>);

/// It owns none of them.
type Of<P, K, T> = (fn(P, K), fn(&T));

/// Where a parameter is looked for.
#[doc(hidden)]
pub struct Source<'a, K> {
    pub key: &'a K,
    pub envelope: &'a Envelope,
    pub services: &'a Services,
}

// Derived, they would ask the key to be `Copy`.
impl<K> Clone for Source<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Source<'_, K> {}

impl<P, K, T: ?Sized> Param<P, K, T> {
    /// Of which the type is everything.
    pub const NEW: Self = Self(PhantomData);
}

impl<P, Same: Key> Param<P, Same, Same> {
    /// The key itself.
    pub fn get(self, source: Source<'_, Same>) -> Result<&Same, IdError> {
        Ok(source.key)
    }
    /// It needs no service.
    pub fn need(self, _name: &'static str, _needs: &mut Vec<ServiceNeed>) {}
}

/// A parameter that is the id of the event's stream.
#[doc(hidden)]
pub trait ViaStream: Sized {
    type Id: AggregateId;
    type Key;
    fn get(self, source: Source<'_, Self::Key>) -> Result<Parsed<Self::Id>, IdError> {
        source.envelope.stream_id().map(Parsed)
    }
    fn need(self, _name: &'static str, _needs: &mut Vec<ServiceNeed>) {}
}

impl<P, K, T: AggregateId> ViaStream for Param<P, K, T> {
    type Id = T;
    type Key = K;
}

/// An id that was read from the name of a stream.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parsed<T>(pub(crate) T);

impl<T> Deref for Parsed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A parameter that is a service. What it has to be for that is asked of it when it is taken for one.
#[doc(hidden)]
pub trait ViaService: Sized {
    type Owner;
    type Service: ?Sized + 'static;
    type Key;
    fn get(self, source: Source<'_, Self::Key>) -> Result<&Self::Service, IdError> {
        Ok(source.services.get())
    }
    fn need(self, name: &'static str, needs: &mut Vec<ServiceNeed>)
    where
        Self::Service: Service,
        Self::Owner: Effects,
    {
        needs.push(ServiceNeed::of::<Self::Service>(name));
    }
}

impl<P, K, T: ?Sized + 'static> ViaService for &Param<P, K, T> {
    type Owner = P;
    type Service = T;
    type Key = K;
}
