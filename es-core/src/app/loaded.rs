//! What `load` gives: a state and how far it goes.

use crate::aggregate::Applier;
use crate::fold::Folded;
use crate::id::Position;
use jiff::Timestamp;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The state of a living aggregate at one version. Derefs to the state; cheap to clone.
#[derive(Clone)]
pub struct Loaded<A> {
    /// Living by construction: see [`Loaded::of`].
    folded: Arc<Folded<A>>,
}

impl<A: Applier> Loaded<A> {
    /// The state, if the aggregate is there and alive.
    pub(crate) fn of(folded: Arc<Folded<A>>) -> Option<Self> {
        let there = folded.version > 0 && !folded.has_ended() && folded.living().is_some();
        there.then_some(Self { folded })
    }

    /// How many events it folds.
    pub fn version(&self) -> u64 {
        self.folded.version
    }

    /// The position of the last of them in the whole log.
    pub fn position(&self) -> Position {
        self.folded.position
    }

    /// When the last of them was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        self.folded.recorded_at
    }
}

impl<A> Deref for Loaded<A> {
    type Target = A;
    fn deref(&self) -> &A {
        match self.folded.life.latest() {
            Some(state) => state,
            None => unreachable!("a loaded aggregate is alive"),
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for Loaded<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("version", &self.folded.version).field("state", &**self).finish()
    }
}
