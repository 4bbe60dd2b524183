//! What a handler may know beside its command and its state.

use crate::aggregate::{Aggregate, Applier, Life};
use crate::draft::Draft;
use crate::event::Envelope;
use crate::id::{CommandId, StreamId};
use crate::metadata::Metadata;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The surroundings of one decision: which aggregate, at which version, when, on whose behalf.
///
/// A handler has no other clock and no other source of ids, so that a decision can be repeated.
#[derive(Debug)]
pub struct Context<A: Aggregate> {
    pub(crate) id: A::Id,
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) now: Timestamp,
    pub(crate) command_id: CommandId,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) issued: AtomicU64,
}

impl<A: Aggregate> Context<A> {
    /// The id of the aggregate.
    pub fn id(&self) -> &A::Id {
        &self.id
    }

    /// The name of its stream.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// How many events its stream has; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The time of this decision: what its events' `recorded_at` will be.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The id of the command.
    pub fn command_id(&self) -> CommandId {
        self.command_id
    }

    /// What was said with the command.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// An id that is new, and the same again whenever this command is decided again: the first call gives
    /// the first id, the second call the second. So it serves as an idempotency key for the outside.
    pub fn new_id<K: From<Uuid>>(&self) -> K {
        self.command_id.fresh(self.issued.fetch_add(1, Ordering::Relaxed)).into()
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
                stream: self.stream.clone(),
                version: self.version,
                recorded_at: self.now,
                metadata: self.metadata.clone(),
            },
            ids: self.command_id,
        }
    }
}
