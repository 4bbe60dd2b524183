//! Commands by name, from JSON to JSON.

use super::App;
use super::execute::{self, Committed, Execute, Options};
use crate::aggregate::Applier;
use crate::command::{Command, Handle, ReplyOf};
use crate::error::{DispatchError, DomainError};
use crate::event::EventEnum;
use crate::store::StoreFuture;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::Instrument;

/// A command whose type is known by its name only.
#[derive(Clone, Debug)]
pub struct JsonCommand {
    name: String,
    fields: Value,
}

impl App {
    /// Carries out the command of this name, read from JSON, and answers JSON:
    /// `{"reply", "events", "version", "position", "attempts", "duplicate"}`, where `events` are the names
    /// of what was recorded.
    ///
    /// # Errors
    /// [`DispatchError`] if no mounted aggregate has such a command, if the JSON does not fit, or if the
    /// command was refused.
    pub fn execute_json(
        &self,
        name: impl Into<String>,
        fields: Value,
    ) -> Execute<JsonCommand, Value, DispatchError> {
        let command = JsonCommand { name: name.into(), fields };
        Execute::new(self.clone(), command, |app, command, options| {
            let handlers = app.handlers();
            let Some(handler) = handlers.get(command.name.as_str()) else {
                let known = app.commands();
                return Box::pin(async { Err(DispatchError::UnknownCommand { name: command.name, known }) });
            };
            (handler.execute)(app, command.fields, options)
        })
    }

    /// The names of the commands that the mounted aggregates handle, in alphabetical order.
    pub fn commands(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.handlers().keys().copied().collect();
        names.sort_unstable();
        names
    }
}

impl Execute<JsonCommand, Value, DispatchError> {
    /// Only if the stream is at this version; then nothing is retried.
    pub fn expect_version(self, version: u64) -> Self {
        self.expecting(version)
    }
}

/// Carries out a `C` that comes as JSON; what the registry holds for its handler.
pub(crate) fn execute_value<C>(
    app: App,
    fields: Value,
    options: Options,
) -> StoreFuture<'static, Result<Value, DispatchError>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let span = tracing::info_span!("command", name = C::NAME, stream = tracing::field::Empty);
    let executed = async move {
        let command: C = serde_path_to_error::deserialize(fields)
            .map_err(|error| DispatchError::Malformed { command: C::NAME, reason: error.to_string() })?;
        let done = execute::run(app, command, options).await.map_err(|error| error.map(DomainError::new))?;
        Ok(answer::<C::Aggregate, ReplyOf<C>>(&done))
    };
    Box::pin(executed.instrument(span))
}

fn answer<A: Applier, R: Serialize>(done: &Committed<A, R>) -> Value {
    json!({
        "reply": done.reply,
        "events": done.events.iter().map(EventEnum::name).collect::<Vec<_>>(),
        "version": done.version,
        "position": done.position,
        "attempts": done.attempts,
        "duplicate": done.duplicate,
    })
}
