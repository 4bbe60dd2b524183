//! States kept in memory, so that a command need not read its stream again.
//!
//! A cached state may be outdated by another process. Only an append may leave on it unchecked, since the
//! expected version decides there.

use crate::aggregate::Applier;
use crate::fold::Folded;
use crate::id::{ByStream, StreamId};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::any::Any;
use std::sync::Arc;

type Erased = Arc<dyn Any + Send + Sync>;

/// The newest known states, bounded by their number.
pub(crate) struct StateCache {
    states: Option<Cache<StreamId, Erased, UnitWeighter, ByStream>>,
}

impl StateCache {
    /// Room for `capacity` states; none with 0.
    pub(crate) fn new(capacity: usize) -> Self {
        let cache = || {
            let (weight, hasher) = (capacity as u64, ByStream::default());
            Cache::with(capacity, weight, UnitWeighter, hasher, DefaultLifecycle::default())
        };
        Self { states: (capacity > 0).then(cache) }
    }

    pub(crate) fn get<A: Applier>(&self, stream: &StreamId) -> Option<Arc<Folded<A>>> {
        self.states.as_ref()?.get(stream)?.downcast().ok()
    }

    /// Keeps a state unless a newer one of the same stream is kept already.
    pub(crate) fn put<A: Applier>(&self, stream: &StreamId, state: &Arc<Folded<A>>) {
        let Some(states) = &self.states else { return };
        let newer = |kept: Arc<Folded<A>>| kept.version > state.version && kept.edits >= state.edits;
        if !self.get::<A>(stream).is_some_and(newer) {
            states.insert(stream.clone(), state.clone());
        }
    }

    /// Keeps the state behind an append: nobody knows a newer one.
    pub(crate) fn put_newest<A: Applier>(&self, stream: &StreamId, state: &Arc<Folded<A>>) {
        if let Some(states) = &self.states {
            states.insert(stream.clone(), state.clone());
        }
    }

    pub(crate) fn drop_state(&self, stream: &StreamId) {
        if let Some(states) = &self.states {
            states.remove(stream);
        }
    }
}

impl std::fmt::Debug for StateCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateCache({})", self.states.as_ref().map_or(0, Cache::len))
    }
}
