//! Decisions that answer something.

use crate::aggregate::Applier;
use crate::outcome::{Answer, Decision, IntoEvents, Outcome, ReadState, ReplyValue, Settle, Violation};
use std::any::Any;
use std::fmt;

/// Events together with an answer for whoever gave the command.
///
/// The answer is stored with the first event, and given back when the command is repeated under its id.
#[must_use = "a reply does nothing until the handler returns it"]
pub struct Reply<E, R> {
    events: E,
    answer: Source<R>,
}

enum Source<R> {
    Known(R),
    FromState(ReadState<R>),
}

impl<E, R> Reply<E, R> {
    /// Events, and an answer that is known already.
    pub fn new(events: E, reply: R) -> Self {
        Self { events, answer: Source::Known(reply) }
    }

    /// Events, and an answer that is read from the state behind them; for a decision that ends the
    /// aggregate, from its last living state.
    ///
    /// # Panics
    /// When it is returned by a handler of another aggregate than `A`, which an event with appliers in two
    /// aggregates makes possible to write.
    pub fn from_state<A>(events: E, reply: impl FnOnce(&A) -> R + Send + 'static) -> Self
    where
        A: Applier,
        E: IntoEvents<A>,
    {
        let answer = |state: &dyn Any| match state.downcast_ref() {
            Some(state) => reply(state),
            None => panic!(
                "this reply reads the state of `{}`, and another aggregate's handler returned it",
                A::NAME
            ),
        };
        Self { events, answer: Source::FromState(Box::new(answer)) }
    }
}

impl<E: fmt::Debug, R: fmt::Debug> fmt::Debug for Reply<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer: &dyn fmt::Debug = match &self.answer {
            Source::Known(reply) => reply,
            Source::FromState(_) => &"from the new state",
        };
        f.debug_struct("Reply").field("events", &self.events).field("answer", answer).finish()
    }
}

impl<A, E, R> Outcome<A> for Reply<E, R>
where
    A: Applier,
    E: IntoEvents<A> + Send,
    R: ReplyValue,
{
    type Error = <A::Violation as Violation>::Error;
    type Reply = R;
    type Shape = Answering;
}

/// Events and an answer.
#[derive(Debug)]
pub enum Answering {}

impl<A, E, R> Settle<A, Reply<E, R>> for Answering
where
    A: Applier,
    E: IntoEvents<A> + Send,
    R: ReplyValue,
{
    fn names(names: &mut Vec<&'static str>) {
        E::names(names);
    }
    fn settle(outcome: Reply<E, R>) -> Result<Decision<A, R>, <A::Violation as Violation>::Error> {
        let mut events = Vec::with_capacity(1);
        outcome.events.into_events(&mut events);
        let answer = match outcome.answer {
            Source::Known(reply) => Answer::Known(reply),
            Source::FromState(read) => Answer::FromState(read),
        };
        Ok(Decision { events, answer })
    }
}
