//! `would`: what a command would do, without doing it.

use super::App;
use super::decide::{Terms, decide};
use crate::aggregate::{Aggregate, Applier};
use crate::command::{Alone, Command, ErrorOf, Handle};
use crate::error::CommandError;
use crate::id::CommandId;
use crate::metadata::Metadata;

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
        let stream = C::Aggregate::stream(command.id());
        let folded = self.current::<C::Aggregate>(&stream).await?;
        let terms = Terms::of::<C>(stream, CommandId::new(), Metadata::new());
        Ok(decide(self, &terms, command.clone(), &folded).await?.events)
    }
}
