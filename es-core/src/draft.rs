//! A working copy for decisions that must see their own events.

use crate::aggregate::{Applier, Life};
use crate::event::Envelope;
use crate::outcome::{IntoEvents, Outcome, Plain, Violation};

/// A working copy of a state: what is raised on it is applied at once.
///
/// Made by [`Context::draft`](crate::Context::draft) and returned by the handler. A decision that breaks
/// the order of birth, life and end is answered as a corrupt stream, and nothing is written.
#[must_use = "the events of a draft are recorded when the handler returns it"]
#[derive(Debug)]
pub struct Draft<A: Applier> {
    pub(crate) life: Life<A>,
    pub(crate) events: Vec<A::Event>,
    pub(crate) envelope: Envelope,
    pub(crate) ids: crate::id::CommandId,
}

impl<A: Applier> Draft<A> {
    /// Raises events and applies them to this copy.
    pub fn raise(&mut self, decided: impl IntoEvents<A>) {
        let from = self.events.len();
        decided.into_events(&mut self.events);
        for (n, event) in self.events.iter().enumerate().skip(from) {
            self.envelope.version += 1;
            self.envelope.id = self.ids.event(&self.envelope.stream, n as u64);
            // A disorder is found again, and answered, when the decision is settled.
            let _ = A::apply(&mut self.life, event, &self.envelope);
        }
    }

    /// The state with everything that was raised so far.
    ///
    /// # Panics
    /// Before a birth was raised there is no state to show; [`try_state`](Self::try_state) answers `None`.
    #[track_caller]
    pub fn state(&self) -> &A {
        match self.try_state() {
            Some(state) => state,
            None => panic!("this draft of `{}` has no state yet: raise its birth first", A::NAME),
        }
    }

    /// The state, if there is one: alive, or as it was before its end.
    pub fn try_state(&self) -> Option<&A> {
        self.life.latest()
    }

    /// What was raised so far.
    pub fn events(&self) -> &[A::Event] {
        &self.events
    }
}

impl<A: Applier> IntoEvents<A> for Draft<A> {
    fn names(names: &mut Vec<&'static str>) {
        crate::outcome::every_name::<A>(names);
    }
    fn into_events(self, events: &mut Vec<A::Event>) {
        events.extend(self.events);
    }
}

impl<A: Applier> Outcome<A> for Draft<A> {
    type Error = <A::Violation as Violation>::Error;
    type Reply = ();
    type Shape = Plain;
}
