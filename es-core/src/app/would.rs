//! `would`: what a command would do, without doing it.

use super::decide::{Terms, decide};
use super::execute::Options;
use super::{App, inline};
use crate::aggregate::Applier;
use crate::command::{Alone, Command, ErrorOf, Handle};
use crate::error::CommandError;
use crate::service::BoxFuture;

type Foreseen<C> = Result<Vec<<<C as Command>::Aggregate as Applier>::Event>, CommandError<ErrorOf<C>>>;

impl App {
    /// The events that a command would raise now, if inline reactors let it; not those of their answers.
    /// Nothing is recorded.
    ///
    /// Only for handlers without services, whose decision does nothing else; for the others it does not
    /// compile.
    ///
    /// # Errors
    /// The error that the command would be answered with.
    // A boxed future, whose type says nothing of the handler: one with services is one error, not three.
    pub fn would<'a, C>(&'a self, command: &'a C) -> BoxFuture<'a, Foreseen<C>>
    where
        C: Command,
        C::Aggregate: Handle<C, Calls: Alone>,
    {
        Box::pin(async move {
            self.mounted::<C::Aggregate>()?;
            C::Aggregate::validate(command).map_err(CommandError::Rejected)?;
            let terms = Terms::of(command, Options::default());
            let folded = self.current::<C::Aggregate>(&terms.stream).await?;
            let decided = decide(self, &terms, command.clone(), &folded).await?;
            if !decided.events.is_empty() && self.inlines().meet::<C::Aggregate>() {
                inline::joining(self, &terms, &folded, true, &decided).await.map_err(inline::outer)?;
            }
            Ok(decided.events)
        })
    }
}
