//! States kept in memory, so that a command need not read its stream again.
//!
//! A cached state may be outdated by another process. Only an append may leave on it unchecked, since the
//! expected version and the known edits decide there.

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
        // What was folded before an edit is outdated, however far it goes.
        let newer = |kept: Arc<Folded<A>>| (kept.edits, kept.version) > (state.edits, state.version);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[event]
    struct Counted;

    #[aggregate(id = u32, default)]
    #[derive(Default)]
    struct Counter;

    #[applier]
    impl Counter {
        fn counted(&mut self, _: &Counted) {}
    }

    /// What is kept after states of these edits and versions were put, one after the other.
    fn kept(states: [(u64, u64); 2]) -> (u64, u64) {
        let (cache, stream) = (StateCache::new(10), Counter::stream(&1));
        for (edits, version) in states {
            cache.put::<Counter>(&stream, &Arc::new(Folded { version, edits, ..Folded::start() }));
        }
        cache.get::<Counter>(&stream).map(|state| (state.edits, state.version)).unwrap()
    }

    #[test]
    fn of_two_versions_the_later_is_kept() {
        assert_eq!(kept([(1, 4), (1, 5)]), (1, 5));
        assert_eq!(kept([(1, 5), (1, 4)]), (1, 5));
    }

    #[test]
    fn what_was_folded_before_an_edit_gives_way_however_far_it_goes() {
        assert_eq!(kept([(0, 5), (1, 4)]), (1, 4));
        assert_eq!(kept([(1, 4), (0, 5)]), (1, 4));
        assert_eq!(kept([(1, 5), (0, 5)]), (1, 5));
    }
}
