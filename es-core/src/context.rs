//! What a handler or a reactor may know beside its message and its state.

use crate::aggregate::{Aggregate, Applier, Life};
use crate::draft::Draft;
use crate::event::Envelope;
use crate::id::{CommandId, StreamId};
use crate::metadata::Metadata;
use crate::reactor::Reactor;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The surroundings of one decision or one reaction: when, in answer to what, under which ids.
///
/// Handlers and reactors have no other clock and no other source of ids, so that they can be repeated.
pub struct Context<T: Surrounded> {
    pub(crate) now: Timestamp,
    /// What new ids are derived from.
    pub(crate) ids: CommandId,
    pub(crate) issued: AtomicU64,
    pub(crate) around: T::Around,
}

/// What has surroundings: an aggregate or a reactor.
#[doc(hidden)]
pub trait Surrounded {
    /// What it may know beside the time.
    type Around: Send + Sync + fmt::Debug;
}

impl<A: Aggregate> Surrounded for A {
    type Around = Around<A>;
}

/// What a command is decided in.
#[doc(hidden)]
#[derive(Debug)]
pub struct Around<A: Aggregate> {
    pub(crate) id: A::Id,
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) metadata: Arc<Metadata>,
}

/// What a reactor reacts in.
#[doc(hidden)]
#[derive(Debug)]
pub struct Delivery {
    pub(crate) attempt: u32,
}

impl<T: Surrounded> fmt::Debug for Context<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .field("around", &self.around)
            .finish_non_exhaustive()
    }
}

impl<T: Surrounded> Context<T> {
    /// For a handler, the time of this decision, which is its events' `recorded_at`. For a reactor, the time
    /// of this attempt.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// An id that is new, and the same again whenever this command is decided, or this event delivered,
    /// again: the first call gives the first id, the second call the second. So it serves as an idempotency
    /// key for the outside.
    pub fn new_id<K: From<Uuid>>(&self) -> K {
        self.ids.fresh(self.issued.fetch_add(1, Ordering::Relaxed)).into()
    }
}

impl<A: Aggregate> Context<A> {
    /// The id of the aggregate.
    pub fn id(&self) -> &A::Id {
        &self.around.id
    }

    /// The name of its stream.
    pub fn stream(&self) -> &StreamId {
        &self.around.stream
    }

    /// How many events its stream has; 0 before the first.
    pub fn version(&self) -> u64 {
        self.around.version
    }

    /// The id of the command.
    pub fn command_id(&self) -> CommandId {
        self.ids
    }

    /// What was said with the command.
    pub fn metadata(&self) -> &Metadata {
        &self.around.metadata
    }
}

impl<A: Applier> Context<A> {
    /// A working copy of a state: `cx.draft(self)`, or `cx.draft(None)` where there is none yet.
    pub fn draft<'s>(&self, state: impl Into<Option<&'s A>>) -> Draft<A> {
        use crate::aggregate::Start;
        Draft {
            life: state.into().map_or_else(A::Start::start, |state| Life::Living(state.clone())),
            events: Vec::new(),
            envelope: Envelope {
                id: Uuid::nil(),
                stream: self.around.stream.clone(),
                version: self.around.version,
                recorded_at: self.now,
                metadata: self.around.metadata.clone(),
            },
            ids: self.ids,
        }
    }
}

impl<R: Reactor> Context<R> {
    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.around.attempt
    }
}
