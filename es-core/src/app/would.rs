//! `would`: what a command would do, without doing it.

use super::App;
use super::decide::{Terms, decide};
use super::execute::Options;
use crate::aggregate::Applier;
use crate::command::{Alone, Command, ErrorOf, Handle};
use crate::error::CommandError;

impl App {
    /// The events that a command would raise now. Nothing is recorded.
    ///
    /// Only for handlers without services, whose decision does nothing else; for the others it does not
    /// compile.
    ///
    /// # Errors
    /// The error that the command would be answered with.
    pub async fn would<C>(
        &self,
        command: &C,
    ) -> Result<Vec<<C::Aggregate as Applier>::Event>, CommandError<ErrorOf<C>>>
    where
        C: Command,
        C::Aggregate: Handle<C, Calls: Alone>,
    {
        self.mounted::<C::Aggregate>()?;
        C::Aggregate::validate(command).map_err(CommandError::Rejected)?;
        let terms = Terms::of(command, Options::default());
        let folded = self.current::<C::Aggregate>(&terms.stream).await?;
        Ok(decide(self, &terms, command.clone(), &folded).await?.events)
    }
}
