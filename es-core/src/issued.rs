//! What a reactor wants done, as data: commands, now or later.

use crate::command::Command;
use crate::store::BoxError;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// What a method of a reactor wants done, as data.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Issued {
    /// In the order in which it is done.
    pub wishes: Vec<Wish>,
    /// The first command that cannot be written as JSON.
    pub fault: Option<String>,
}

/// One thing that a reactor wants done.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Carry out a command.
    Command(IssuedCommand),
    /// Carry out a command later; under the same name only the last one.
    SetTimer { name: String, due: Due, command: IssuedCommand },
    /// Forget a timer.
    CancelTimer { name: String },
}

/// A command as data.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedCommand {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Value,
}

/// When a timer fires.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Due {
    /// So long after the event was recorded.
    After(Duration),
    /// Then.
    At(Timestamp),
}

impl Issued {
    fn command<C: Command>(&mut self, command: &C) -> IssuedCommand {
        let fields = serde_json::to_value(command).unwrap_or_else(|error| {
            self.fault.get_or_insert_with(|| format!("command {} cannot be written: {error}", C::NAME));
            Value::Null
        });
        IssuedCommand { name: C::NAME.to_owned(), fields }
    }
}

/// What a method of a reactor may return: `()`, a command, a [`Timer`], [`CancelTimer`], [`Commands`], and
/// tuples, `Option`s and `Vec`s of them.
#[diagnostic::on_unimplemented(
    message = "a reactor cannot return `{Self}`",
    label = "neither a command nor a timer",
    note = "a reactor returns commands (`#[command(..)]` structs), `Timer`, `CancelTimer`, `Commands`, and tuples, `Option`s or `Vec`s of them"
)]
pub trait IntoCommands {
    /// Adds the names of the commands that can come out; `false` if they are not known.
    #[doc(hidden)]
    fn names(names: &mut Vec<&'static str>) -> bool;
    /// Adds what is wanted, in order.
    #[doc(hidden)]
    fn issue(self, issued: &mut Issued);
}

#[diagnostic::do_not_recommend]
impl<C: Command> IntoCommands for C {
    fn names(names: &mut Vec<&'static str>) -> bool {
        names.push(C::NAME);
        true
    }
    fn issue(self, issued: &mut Issued) {
        let command = issued.command(&self);
        issued.wishes.push(Wish::Command(command));
    }
}

impl IntoCommands for () {
    fn names(_: &mut Vec<&'static str>) -> bool {
        true
    }
    fn issue(self, _: &mut Issued) {}
}

impl<T: IntoCommands> IntoCommands for Option<T> {
    fn names(names: &mut Vec<&'static str>) -> bool {
        T::names(names)
    }
    fn issue(self, issued: &mut Issued) {
        if let Some(one) = self {
            one.issue(issued);
        }
    }
}

impl<T: IntoCommands> IntoCommands for Vec<T> {
    fn names(names: &mut Vec<&'static str>) -> bool {
        T::names(names)
    }
    fn issue(self, issued: &mut Issued) {
        for one in self {
            one.issue(issued);
        }
    }
}

macro_rules! tuple {
    ($($T:ident)+) => {
        impl<$($T: IntoCommands),+> IntoCommands for ($($T,)+) {
            fn names(names: &mut Vec<&'static str>) -> bool {
                // Each adds its names, whatever the others know.
                [$($T::names(names)),+].into_iter().all(|known| known)
            }
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn issue(self, issued: &mut Issued) {
                let ($($T,)+) = self;
                $($T.issue(issued);)+
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

/// Commands and timers of any kind, as many as a method finds out while it runs.
#[derive(Debug, Default)]
pub struct Commands(Issued);

impl Commands {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command, a timer, or several of them.
    pub fn add(&mut self, what: impl IntoCommands) {
        what.issue(&mut self.0);
    }

    /// The same, where it is built in one go.
    #[must_use]
    pub fn and(mut self, what: impl IntoCommands) -> Self {
        self.add(what);
        self
    }
}

impl IntoCommands for Commands {
    fn names(_: &mut Vec<&'static str>) -> bool {
        false
    }
    fn issue(self, issued: &mut Issued) {
        issued.wishes.extend(self.0.wishes);
        issued.fault = issued.fault.take().or(self.0.fault);
    }
}

/// A command for later.
///
/// Its name belongs to the reactor and the key; a timer of the same name takes its place. Without one it is
/// the command's.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer<C> {
    due: Due,
    command: C,
    name: Option<String>,
}

impl<C: Command> Timer<C> {
    /// So long after the event was recorded that this answers.
    pub fn after(delay: Duration, command: C) -> Self {
        Self { due: Due::After(delay), command, name: None }
    }

    /// At this time.
    pub fn at(time: Timestamp, command: C) -> Self {
        Self { due: Due::At(time), command, name: None }
    }

    /// Under this name, by which it is replaced or cancelled.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<C: Command> IntoCommands for Timer<C> {
    fn names(names: &mut Vec<&'static str>) -> bool {
        <C as IntoCommands>::names(names)
    }
    fn issue(self, issued: &mut Issued) {
        let command = issued.command(&self.command);
        let name = self.name.unwrap_or_else(|| C::NAME.to_owned());
        issued.wishes.push(Wish::SetTimer { name, due: self.due, command });
    }
}

/// Forgets the timer of this name, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelTimer<N = &'static str>(pub N);

impl<N: Into<String>> IntoCommands for CancelTimer<N> {
    fn names(_: &mut Vec<&'static str>) -> bool {
        true
    }
    fn issue(self, issued: &mut Issued) {
        issued.wishes.push(Wish::CancelTimer { name: self.0.into() });
    }
}

/// What a method of a reactor returns: [`IntoCommands`], plain or in a `Result`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a reactor cannot return `{Self}`",
    label = "neither a command nor a timer",
    note = "a reactor returns commands (`#[command(..)]` structs), `Timer`, `CancelTimer`, `Commands`, tuples, `Option`s or `Vec`s of them, plain or in a `Result` whose error is an `Error`"
)]
pub trait Reaction {
    /// Adds the names of the commands that can come out; `false` if they are not known.
    fn names(names: &mut Vec<&'static str>) -> bool;
    /// What is wanted, or why it failed.
    fn settle(self) -> Result<Issued, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<T: IntoCommands> Reaction for T {
    fn names(names: &mut Vec<&'static str>) -> bool {
        <T as IntoCommands>::names(names)
    }
    fn settle(self) -> Result<Issued, BoxError> {
        let mut issued = Issued::default();
        self.issue(&mut issued);
        match issued.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(issued),
        }
    }
}

impl<T: IntoCommands, E: Into<BoxError>> Reaction for Result<T, E> {
    fn names(names: &mut Vec<&'static str>) -> bool {
        <T as IntoCommands>::names(names)
    }
    fn settle(self) -> Result<Issued, BoxError> {
        self.map_err(Into::into)?.settle()
    }
}
