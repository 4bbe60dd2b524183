//! Whether a reactor's commands follow the commit that they answer or join it, and for those that join it, who
//! decides them.

use crate::app::{self, DecideInner};
use crate::command::{Command, Handle};
use crate::issued::{CancelTimer, Timer};

/// How a reactor's commands are carried out: [`Follows`] or [`Inline`].
#[doc(hidden)]
pub trait Mode: 'static {
    /// Whether they join the commit that they answer.
    const INLINE: bool;
}

/// Behind the commit.
#[doc(hidden)]
#[derive(Debug)]
pub enum Follows {}

/// In the commit.
#[doc(hidden)]
#[derive(Debug)]
pub enum Inline {}

impl Mode for Follows {
    const INLINE: bool = false;
}
impl Mode for Inline {
    const INLINE: bool = true;
}

/// What the methods of an inline reactor can want done.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Joined {
    /// Who decides the commands, by their names.
    pub(crate) deciders: Vec<(&'static str, DecideInner)>,
    /// Whether some of it is about timers.
    pub(crate) timers: bool,
}

/// What may join a commit: a command that an aggregate handles, timers, and tuples, `Option`s and `Vec`s of
/// them.
#[doc(hidden)]
pub trait IntoJoined {
    /// Adds what can come out.
    fn collect(joined: &mut Joined);
}

#[diagnostic::do_not_recommend]
impl<C: Command> IntoJoined for C
where
    C::Aggregate: Handle<C>,
{
    fn collect(joined: &mut Joined) {
        joined.deciders.push((C::NAME, app::decide_inner::<C>));
    }
}

// A timer's command is carried out when it is due, like any other reactor's.
impl<C: Command> IntoJoined for Timer<C>
where
    C::Aggregate: Handle<C>,
{
    fn collect(joined: &mut Joined) {
        joined.timers = true;
    }
}

impl<N> IntoJoined for CancelTimer<N> {
    fn collect(joined: &mut Joined) {
        joined.timers = true;
    }
}

impl IntoJoined for () {
    fn collect(_: &mut Joined) {}
}

impl<T: IntoJoined> IntoJoined for Option<T> {
    fn collect(joined: &mut Joined) {
        T::collect(joined);
    }
}

impl<T: IntoJoined> IntoJoined for Vec<T> {
    fn collect(joined: &mut Joined) {
        T::collect(joined);
    }
}

macro_rules! tuple {
    ($($T:ident)+) => {
        impl<$($T: IntoJoined),+> IntoJoined for ($($T,)+) {
            fn collect(joined: &mut Joined) {
                $($T::collect(joined);)+
            }
        }
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

/// What a method of a reactor of mode `M` may return. A reactor that follows may return whatever is a
/// [`Reaction`](crate::issued::Reaction), so only an inline one can lack this.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an inline reactor cannot return `{Self}`",
    label = "not decided in the commit",
    note = "an inline reactor returns commands that a method in some `#[command_handler]` block takes, `Timer`, `CancelTimer`, and tuples, `Option`s or `Vec`s of them, plain or in a `Result`",
    note = "what `Commands` holds is not known before it runs: write `Vec<OneCommand>`, or a tuple of them, or remove `inline`"
)]
pub trait Joins<M> {
    /// Adds what can join a commit.
    fn joins(joined: &mut Joined);
}

#[diagnostic::do_not_recommend]
impl<T> Joins<Follows> for T {
    fn joins(_: &mut Joined) {}
}

#[diagnostic::do_not_recommend]
impl<T: IntoJoined> Joins<Inline> for T {
    fn joins(joined: &mut Joined) {
        T::collect(joined);
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoJoined, E> Joins<Inline> for Result<T, E> {
    fn joins(joined: &mut Joined) {
        T::collect(joined);
    }
}

/// A reactor that is told what became of its commands: one without `inline`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an inline reactor is not told of refusals: what is refused refuses the whole commit",
    label = "nobody hears of it",
    note = "remove this method; or remove `inline` from `#[reactor(..)]`, and the reactor compensates behind the commit"
)]
pub trait Hears {}
impl Hears for Follows {}

/// What takes a refusal needs this.
#[doc(hidden)]
pub const fn assert_hears<R: crate::reactor::Reactor<Mode: Hears>>() {}
