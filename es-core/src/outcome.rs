//! What a handler may return, and how that becomes events.

use crate::aggregate::Applier;
use crate::event::EventEnum as _;
use std::any::Any;
use std::convert::Infallible;
use std::error::Error;

/// What can be recorded on an aggregate: its events, and tuples, arrays, `Vec`s and `Option`s of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no applier in `{A}`",
    label = "`{A}` cannot record it",
    note = "add `fn name(&mut self, e: &{Self}) {{ .. }}` to `#[applier] impl {A}`, without receiver if it is a birth"
)]
pub trait IntoEvents<A: Applier> {
    /// The names of all events that can come out.
    #[doc(hidden)]
    fn names(names: &mut Vec<&'static str>);
    /// Adds the events, in order.
    fn into_events(self, events: &mut Vec<A::Event>);
}

/// What a handler may return: what can be recorded, a [`Draft`](crate::Draft) or a [`Reply`](crate::Reply),
/// plain or in a `Result`.
#[diagnostic::on_unimplemented(
    message = "a handler of `{A}` cannot return `{Self}`",
    label = "not a decision of `{A}`",
    note = "if it is an event, add its applier, `fn name(&mut self, e: &{Self}) {{ .. }}`, to `#[applier] impl {A}`, without receiver if it is a birth",
    note = "a handler returns events, tuples, arrays, `Vec`s or `Option`s of them, `Draft<Self>` or `Reply`, plain or in a `Result`"
)]
pub trait Outcome<A: Applier>: Sized + Send {
    /// What a refusal says.
    type Error: Refusal + FromViolation<A::Violation>;
    /// What an accepted command answers.
    type Reply: ReplyValue;
    /// How it becomes a decision.
    #[doc(hidden)]
    type Shape: Settle<A, Self>;
}

/// How an outcome becomes a decision. Apart from [`Outcome`], so that what is generated for each event is
/// types only.
#[doc(hidden)]
pub trait Settle<A: Applier, O: Outcome<A>> {
    /// The names of all events that can come out.
    fn names(names: &mut Vec<&'static str>);
    /// The decision as data.
    fn settle(outcome: O) -> Result<Decision<A, O::Reply>, O::Error>;
}

/// The names of all events that can come out of `O`.
pub(crate) fn names<A: Applier, O: Outcome<A>>(names: &mut Vec<&'static str>) {
    O::Shape::names(names);
}

/// The decision of an outcome.
pub(crate) fn settle<A: Applier, O: Outcome<A>>(outcome: O) -> Result<Decision<A, O::Reply>, O::Error> {
    O::Shape::settle(outcome)
}

/// Nothing but what is recorded.
#[doc(hidden)]
#[derive(Debug)]
pub enum Plain {}

impl<A: Applier, O: Outcome<A, Reply = ()> + IntoEvents<A>> Settle<A, O> for Plain {
    fn names(names: &mut Vec<&'static str>) {
        <O as IntoEvents<A>>::names(names);
    }
    fn settle(outcome: O) -> Result<Decision<A, ()>, O::Error> {
        let mut events = Vec::with_capacity(1);
        outcome.into_events(&mut events);
        Ok(Decision { events, answer: Answer::Known(()) })
    }
}

/// What may be refused.
#[derive(Debug)]
pub enum Fallible {}

/// The error of a handler or an invariant: any error type of one's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error type",
    label = "handlers and invariants answer an error type",
    note = "derive `Debug` and `thiserror::Error` for it"
)]
pub trait Refusal: Error + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<E: Error + Send + Sync + 'static> Refusal for E {}

/// A reply: a `#[value]`, or anything else that serde reads and writes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "not a value",
    note = "put `#[value]` on `{Self}`: a reply is stored with the events, and given back for a repeated command"
)]
pub trait ReplyValue: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<R: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> ReplyValue for R {}

/// Events, and how to answer once they are applied.
#[doc(hidden)]
#[derive(Debug)]
pub struct Decision<A: Applier, R> {
    pub(crate) events: Vec<A::Event>,
    pub(crate) answer: Answer<R>,
}

/// Reads a reply from a state whose type is checked when it is called.
pub(crate) type ReadState<R> = Box<dyn FnOnce(&dyn Any) -> R + Send>;

/// Where the reply comes from.
pub(crate) enum Answer<R> {
    Known(R),
    FromState(ReadState<R>),
}

impl<R> std::fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Known(_)) { "Known" } else { "FromState" })
    }
}

/// What the invariants of an aggregate answer; generated.
#[doc(hidden)]
pub trait Violation: Sized + Send + 'static {
    /// Their common error; [`Infallible`] where there are none.
    type Error: FromViolation<Self> + Refusal;
    /// The other way round.
    fn from_error(error: Self::Error) -> Self;
}

/// The aggregate has no invariants.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoInvariant {}

/// An invariant answered `E`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Checked<E>(pub E);

impl Violation for NoInvariant {
    type Error = Infallible;
    fn from_error(error: Infallible) -> Self {
        match error {}
    }
}

impl<E: Refusal> Violation for Checked<E> {
    type Error = E;
    fn from_error(error: E) -> Self {
        Self(error)
    }
}

/// A handler's error that the error of the invariants turns into.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` cannot take what the invariants answer",
    label = "not the invariants' error, and not made from it",
    note = "implement `From` the invariants' error type for `{Self}`, or return that type"
)]
pub trait FromViolation<V> {
    /// The violation as an error of the handler.
    fn from_violation(violation: V) -> Self;
}

impl<E> FromViolation<NoInvariant> for E {
    fn from_violation(violation: NoInvariant) -> Self {
        match violation {}
    }
}

#[diagnostic::do_not_recommend]
impl<V, E: From<V>> FromViolation<Checked<V>> for E {
    fn from_violation(violation: Checked<V>) -> Self {
        violation.0.into()
    }
}

impl<A, O, E> Outcome<A> for Result<O, E>
where
    A: Applier,
    O: Outcome<A, Error = <A::Violation as Violation>::Error>,
    E: Refusal + FromViolation<A::Violation>,
{
    type Error = E;
    type Reply = O::Reply;
    type Shape = Fallible;
}

impl<A, O, E> Settle<A, Result<O, E>> for Fallible
where
    A: Applier,
    O: Outcome<A, Error = <A::Violation as Violation>::Error>,
    E: Refusal + FromViolation<A::Violation>,
{
    fn names(all: &mut Vec<&'static str>) {
        names::<A, O>(all);
    }
    fn settle(outcome: Result<O, E>) -> Result<Decision<A, O::Reply>, E> {
        settle(outcome?).map_err(|error| E::from_violation(A::Violation::from_error(error)))
    }
}

/// Makes an [`Outcome`] of a type that is [`IntoEvents`] already.
macro_rules! plain_outcome {
    ([$($generics:tt)*] $ty:ty) => {
        impl<A: Applier, $($generics)*> Outcome<A> for $ty
        where
            Self: IntoEvents<A> + Send,
        {
            type Error = <A::Violation as Violation>::Error;
            type Reply = ();
            type Shape = Plain;
        }
    };
}

impl<A: Applier> IntoEvents<A> for () {
    fn names(_: &mut Vec<&'static str>) {}
    fn into_events(self, _: &mut Vec<A::Event>) {}
}
plain_outcome!([]());

/// What holds any number of one kind.
macro_rules! many {
    ([$($generics:tt)*] $ty:ty) => {
        impl<A: Applier, T: IntoEvents<A>, $($generics)*> IntoEvents<A> for $ty {
            fn names(names: &mut Vec<&'static str>) {
                T::names(names);
            }
            fn into_events(self, events: &mut Vec<A::Event>) {
                let mut each = self.into_iter();
                while let Some(one) = each.next() {
                    one.into_events(events);
                }
            }
        }
        plain_outcome!([T, $($generics)*] $ty);
    };
}
many!([] Option<T>);
many!([] Vec<T>);
many!([const N: usize] [T; N]);

macro_rules! tuple {
    ($($T:ident)+) => {
        impl<A: Applier, $($T: IntoEvents<A>),+> IntoEvents<A> for ($($T,)+) {
            fn names(names: &mut Vec<&'static str>) {
                $($T::names(names);)+
            }
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn into_events(self, events: &mut Vec<A::Event>) {
                let ($($T,)+) = self;
                $($T.into_events(events);)+
            }
        }
        plain_outcome!([$($T),+] ($($T,)+));
    };
}
tuple!(T1);
tuple!(T1 T2);
tuple!(T1 T2 T3);
tuple!(T1 T2 T3 T4);
tuple!(T1 T2 T3 T4 T5);
tuple!(T1 T2 T3 T4 T5 T6);
tuple!(T1 T2 T3 T4 T5 T6 T7);
tuple!(T1 T2 T3 T4 T5 T6 T7 T8);

/// The names of all events of `A`.
#[doc(hidden)]
pub fn every_name<A: Applier>(names: &mut Vec<&'static str>) {
    names.extend(A::Event::EVENTS.iter().map(|event| event.name));
}

/// Makes an event, or the generated enum, something that its aggregate records; generated code calls it.
///
/// What the aggregate and its invariants' error have to be stands in clauses that are looked at where the
/// event is used: that one of them is not is said once, at the appliers, and not here for each event.
#[doc(hidden)]
#[macro_export]
macro_rules! recordable {
    ($aggregate:ty, $error:ty, $enum:ident, $variant:ident, $event:ty) => {
        impl $crate::__private::IntoEvents<$aggregate> for $event
        where
            for<'__es_any> $aggregate: $crate::__private::Aggregate,
            for<'__es_any> $event: $crate::__private::Event,
            for<'__es_any> $crate::__private::Anyone: $crate::__private::MayRaise<$event>,
        {
            fn names(names: &mut ::std::vec::Vec<&'static str>) {
                names.push(<$event as $crate::__private::Event>::NAME);
            }
            fn into_events(self, events: &mut ::std::vec::Vec<$enum>) {
                events.push($enum::$variant(self));
            }
        }
        $crate::recordable!(@outcome $aggregate, $error, $event);
    };
    ($aggregate:ty, $error:ty, $enum:ident) => {
        impl $crate::__private::IntoEvents<$aggregate> for $enum
        where
            for<'__es_any> $aggregate: $crate::__private::Aggregate,
        {
            fn names(names: &mut ::std::vec::Vec<&'static str>) {
                $crate::__private::every_name::<$aggregate>(names);
            }
            fn into_events(self, events: &mut ::std::vec::Vec<$enum>) {
                events.push(self);
            }
        }
        $crate::recordable!(@outcome $aggregate, $error, $enum);
    };
    (@outcome $aggregate:ty, $error:ty, $event:ty) => {
        impl $crate::__private::Outcome<$aggregate> for $event
        where
            for<'__es_any> $aggregate: $crate::__private::Aggregate,
            for<'__es_any> $error: $crate::__private::Refusal,
            for<'__es_any> $event: $crate::__private::IntoEvents<$aggregate>,
        {
            type Error = $error;
            type Reply = ();
            type Shape = $crate::__private::Plain;
        }
    };
}
