//! Commands, and what an aggregate needs to decide one.

use crate::aggregate::{Aggregate, Applier};
use crate::context::Context;
use crate::event::Field;
use crate::fold::Folded;
use crate::outcome::Outcome;
use crate::retry::RetryPolicy;
use crate::service::{ServiceNeed, Services};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A wish to change one aggregate. Declared by `#[command(Account)]`.
///
/// ```
/// # use es_core::prelude::*;
/// # #[aggregate(id = String, default)]
/// # #[derive(Default)]
/// # pub struct Account {}
/// # #[event] pub struct MoneyWithdrawn { pub amount: u64 }
/// # #[applier] impl Account { fn withdrawn(&mut self, _: &MoneyWithdrawn) {} }
/// #[command(Account)]
/// pub struct Withdraw {
///     #[id]
///     pub account: String,
///     pub amount: u64,
/// }
///
/// assert_eq!(Withdraw::NAME, "Withdraw");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "not a command",
    note = "put `#[command(Aggregate)]` on the struct `{Self}`, and `#[id]` on the field that names the aggregate"
)]
pub trait Command: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The aggregate that decides it.
    type Aggregate: Aggregate;
    /// Its name, for JSON and the model.
    const NAME: &'static str;
    /// Its fields and their types, as written.
    #[doc(hidden)]
    const FIELDS: &'static [Field];

    /// Which aggregate it is for.
    fn id(&self) -> &<Self::Aggregate as Aggregate>::Id;
}

/// An aggregate that decides the command `C`. Written by `#[command_handler]`, one method a command.
#[diagnostic::on_unimplemented(
    message = "no handler for the command `{C}`",
    label = "`{Self}` does not handle it",
    note = "add a method that takes `{C}` to a `#[command_handler] impl {Self}` block"
)]
pub trait Handle<C: Command<Aggregate = Self>>: Applier {
    /// What the handler needs: nothing there yet, a living state, or either.
    #[doc(hidden)]
    type Needs: Needs<Self>;
    /// What it returns.
    #[doc(hidden)]
    type Outcome: Outcome<Self>;
    /// How often it is repeated when somebody else was faster.
    #[doc(hidden)]
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT;
    /// Whether it takes services: [`NoServices`] or [`WithServices`].
    #[doc(hidden)]
    type Calls;
    /// The services it takes; with any, it is decided on a state that was just checked.
    #[doc(hidden)]
    const SERVICES: &'static [ServiceNeed] = &[];

    /// What can be refused without a look at the state.
    #[doc(hidden)]
    fn validate(_command: &C) -> Result<(), <Self::Outcome as Outcome<Self>>::Error> {
        Ok(())
    }

    /// Decides.
    #[doc(hidden)]
    fn handle<'a>(
        state: <Self::Needs as Needs<Self>>::State<'a>,
        command: C,
        context: &'a Context<Self>,
        services: &'a Services,
    ) -> impl Future<Output = Self::Outcome> + Send + 'a;
}

/// The error of the handler of `C`.
pub type ErrorOf<C> = <OutcomeOf<C> as Outcome<<C as Command>::Aggregate>>::Error;
/// The reply of the handler of `C`.
pub type ReplyOf<C> = <OutcomeOf<C> as Outcome<<C as Command>::Aggregate>>::Reply;
type OutcomeOf<C> = <<C as Command>::Aggregate as Handle<C>>::Outcome;

/// A handler that does nothing but decide.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this command's handler takes services, so asking what it would do could do it",
    label = "its handler takes services",
    note = "`would` is for handlers that take no services"
)]
pub trait Alone {}

/// A handler that takes no services.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoServices {}
impl Alone for NoServices {}

/// A handler that takes services.
#[doc(hidden)]
#[derive(Debug)]
pub enum WithServices {}

/// What a handler's receiver asks for.
#[doc(hidden)]
pub trait Needs<A: 'static>: Send {
    /// What the handler gets to see.
    type State<'a>: Send;
    /// For the model.
    const LABEL: &'static str;
    /// The state, or why there is none.
    fn admit(folded: &Folded<A>) -> Result<Self::State<'_>, Unmet>;
}

/// A need that is not met.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    NotFound,
    AlreadyExists,
    Ended,
}

/// No receiver: the stream must not exist.
#[doc(hidden)]
#[derive(Debug)]
pub enum Absent {}

/// `&self`: it must be alive.
#[doc(hidden)]
#[derive(Debug)]
pub enum Living {}

/// `Option<&Self>`: there or not yet there.
#[doc(hidden)]
#[derive(Debug)]
pub enum Either {}

impl<A: Sync + 'static> Needs<A> for Absent {
    type State<'a> = ();
    const LABEL: &'static str = "absent";
    fn admit(folded: &Folded<A>) -> Result<(), Unmet> {
        if folded.has_ended() {
            Err(Unmet::Ended)
        } else if folded.version() > 0 {
            Err(Unmet::AlreadyExists)
        } else {
            Ok(())
        }
    }
}

impl<A: Sync + 'static> Needs<A> for Living {
    type State<'a> = &'a A;
    const LABEL: &'static str = "living";
    fn admit(folded: &Folded<A>) -> Result<&A, Unmet> {
        if folded.has_ended() { Err(Unmet::Ended) } else { folded.living().ok_or(Unmet::NotFound) }
    }
}

impl<A: Sync + 'static> Needs<A> for Either {
    type State<'a> = Option<&'a A>;
    const LABEL: &'static str = "either";
    fn admit(folded: &Folded<A>) -> Result<Option<&A>, Unmet> {
        if folded.has_ended() { Err(Unmet::Ended) } else { Ok(folded.living()) }
    }
}
