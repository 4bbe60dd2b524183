//! Aggregates: a state that is the fold of its events.

use crate::event::{Envelope, EventEnum};
use crate::id::{AggregateId, StreamId};
use crate::outcome::Violation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A type whose state is the fold of its events. Declared by `#[aggregate]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate(id = ..)]` on the type `{Self}`"
)]
pub trait Aggregate: Clone + Debug + PartialEq + Send + Sync + Sized + 'static {
    /// Its name: the category of its streams.
    const NAME: &'static str;
    /// What tells one from another.
    type Id: AggregateId;
    /// How a stream begins: with a birth, or from the type's own `Default`.
    #[doc(hidden)]
    type Start: Start<Self>;
    /// When and how its states are kept as snapshots.
    #[doc(hidden)]
    const SNAPSHOT: Option<Snapshots<Self>>;

    /// The stream of the aggregate with this id.
    fn stream(id: &Self::Id) -> StreamId {
        StreamId::of(Self::NAME, id)
    }
}

/// An aggregate with its appliers. Declared by `#[applier]` on its `impl` block.
#[diagnostic::on_unimplemented(
    message = "the aggregate `{Self}` has no appliers",
    label = "no events, no fold",
    note = "write `#[applier] impl {Self} {{ fn opened(e: &Opened) -> Self {{ .. }} }}`"
)]
pub trait Applier: Aggregate {
    /// Its events as one enum.
    type Event: EventEnum;
    /// What its invariants answer: nothing, or an error.
    #[doc(hidden)]
    type Violation: Violation;
    /// Whether an applier looks at the envelope.
    #[doc(hidden)]
    const READS_ENVELOPE: bool;

    /// Applies one event.
    #[doc(hidden)]
    fn apply(life: &mut Life<Self>, event: &Self::Event, envelope: &Envelope) -> Result<(), Disorder>;

    /// Asks every invariant about the new state.
    #[doc(hidden)]
    fn check(&self) -> Result<(), Self::Violation>;
}

/// Where an aggregate stands between birth and end.
#[derive(Clone, Debug, PartialEq)]
pub enum Life<A> {
    /// Before its birth.
    Unborn,
    /// Alive.
    Living(A),
    /// Behind its end, with the last living state.
    Ended(A),
}

/// An event came where it cannot come.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disorder {
    SecondBirth,
    BeforeBirth,
    AfterTheEnd,
}

impl Disorder {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::SecondBirth => "is a second birth",
            Self::BeforeBirth => "comes before the birth",
            Self::AfterTheEnd => "comes after the end",
        }
    }
}

impl<A> Life<A> {
    /// The state, while it is alive.
    pub fn living(&self) -> Option<&A> {
        if let Self::Living(state) = self { Some(state) } else { None }
    }

    /// The state, alive or at its end.
    pub(crate) fn latest(&self) -> Option<&A> {
        match self {
            Self::Unborn => None,
            Self::Living(state) | Self::Ended(state) => Some(state),
        }
    }

    /// An applier without receiver: the stream begins.
    #[doc(hidden)]
    #[inline]
    pub fn birth(&mut self, state: impl FnOnce() -> A) -> Result<(), Disorder> {
        match self {
            Self::Unborn => {
                *self = Self::Living(state());
                Ok(())
            }
            Self::Living(_) => Err(Disorder::SecondBirth),
            Self::Ended(_) => Err(Disorder::AfterTheEnd),
        }
    }

    /// An applier with `&mut self`: the state changes.
    #[doc(hidden)]
    #[inline]
    pub fn change(&mut self, change: impl FnOnce(&mut A)) -> Result<(), Disorder> {
        match self {
            Self::Living(state) => {
                change(state);
                Ok(())
            }
            Self::Unborn => Err(Disorder::BeforeBirth),
            Self::Ended(_) => Err(Disorder::AfterTheEnd),
        }
    }

    /// An applier with `self`: the stream ends.
    #[doc(hidden)]
    pub fn end(&mut self, end: impl FnOnce(A)) -> Result<(), Disorder>
    where
        A: Clone,
    {
        match std::mem::replace(self, Self::Unborn) {
            Self::Living(state) => {
                end(state.clone());
                *self = Self::Ended(state);
                Ok(())
            }
            Self::Unborn => Err(Disorder::BeforeBirth),
            ended @ Self::Ended(_) => {
                *self = ended;
                Err(Disorder::AfterTheEnd)
            }
        }
    }
}

/// How a stream begins.
#[doc(hidden)]
pub trait Start<A> {
    /// The state before the first event.
    fn start() -> Life<A>;
}

/// A stream begins with a birth: an applier without receiver.
#[doc(hidden)]
#[derive(Debug)]
pub enum FromBirth {}

/// A stream begins from the type's `Default`: `#[aggregate(default)]`.
#[doc(hidden)]
#[derive(Debug)]
pub enum FromDefault {}

impl<A> Start<A> for FromBirth {
    fn start() -> Life<A> {
        Life::Unborn
    }
}

impl<A: Default> Start<A> for FromDefault {
    fn start() -> Life<A> {
        Life::Living(A::default())
    }
}

/// When snapshots are taken, and how a state becomes bytes and comes back.
#[doc(hidden)]
pub struct Snapshots<A> {
    pub(crate) every: u64,
    pub(crate) fingerprint: u64,
    pub(crate) encode: fn(&A) -> Result<Vec<u8>, serde_json::Error>,
    pub(crate) decode: fn(&[u8]) -> Result<A, serde_json::Error>,
}

impl<A: Serialize + DeserializeOwned> Snapshots<A> {
    /// A snapshot every `every` events. `fingerprint` covers the state's shape and the declared version.
    pub const fn every(every: u64, fingerprint: u64) -> Self {
        Self {
            every,
            fingerprint,
            encode: |state| serde_json::to_vec(state),
            decode: |bytes| serde_json::from_slice(bytes),
        }
    }
}

impl<A> Debug for Snapshots<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshots")
            .field("every", &self.every)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
