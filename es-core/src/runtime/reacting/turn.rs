//! A reactor's turn: methods on a copy, one write, then the commands, each struck when it is done.

use super::desk::Desk;
use super::document::{Cell, Document, Origin, Pending};
use super::methods::{Delivered, Shared, Step};
use crate::app::Options;
use crate::error::{CommandError, DispatchError};
use crate::event::RawEvent;
use crate::id::CommandId;
use crate::reactor::Executed;
use crate::runtime::Halt;
use crate::runtime::race::caught;
use crate::store::Fence;
use crate::upcast::DecodeError;
use jiff::Timestamp;

/// Why a turn has not come to its end.
pub(super) enum Trouble {
    /// Nobody of this reactor goes on.
    Halt(Halt),
    /// This key has failed.
    Failed {
        error: String,
        /// Whether trying again is of no use.
        lasting: bool,
    },
}

impl From<Halt> for Trouble {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

fn failed(error: String) -> Trouble {
    Trouble::Failed { error, lasting: false }
}

impl Desk {
    /// Runs the methods that an event is for, unless that was done, and carries out what is left to do.
    pub async fn deliver(&self, cell: &mut Cell, delivered: &Delivered, attempt: u32) -> Result<(), Trouble> {
        if cell.document.position < delivered.event.position {
            self.carry_out(cell, attempt).await?;
            self.react(cell, delivered, attempt).await?;
        }
        self.carry_out(cell, attempt).await
    }

    /// Does what timers say that are due.
    pub async fn fire(&self, cell: &mut Cell, until: Timestamp, inclusive: bool) -> Result<(), Trouble> {
        self.amend(cell, |next| next.fire(until, inclusive)).await?;
        self.carry_out(cell, 1).await
    }

    pub(super) async fn react(
        &self,
        cell: &mut Cell,
        delivered: &Delivered,
        attempt: u32,
    ) -> Result<(), Trouble> {
        let event = &*delivered.event;
        let calls = delivered.calls.as_ref().map_err(|error| failed(error.clone()))?;
        let silent = event.position <= self.silent_until;
        let ids = CommandId::reaction(self.name, event.envelope.id, &cell.key);
        let mut next = cell.document.clone();
        let answers = self.call(&mut next, &cell.key, event, calls, (attempt, ids, silent)).await?;
        next.position = event.position;
        if !silent {
            let metadata = &event.envelope.metadata;
            let origin = Origin {
                position: event.position,
                event: event.envelope.id,
                correlation: metadata.correlation_id.unwrap_or(event.envelope.id),
                at: event.envelope.recorded_at,
            };
            next.take(answers, (ids, ids), origin);
        }
        let issued = !next.pending.is_empty() || next.timers != cell.document.timers;
        let nothing = next.is_empty() && cell.revision == 0;
        if (self.keeps_state && !nothing) || issued {
            cell.write(self, next, Vec::new()).await?;
        }
        Ok(())
    }

    /// Calls methods on a document's state.
    async fn call(
        &self,
        document: &mut Document,
        key: &str,
        event: &RawEvent,
        calls: &[(usize, Shared)],
        (attempt, ids, silent): (u32, CommandId, bool),
    ) -> Result<Vec<super::methods::Answer>, Trouble> {
        let services = self.app.services();
        let services = services.get().ok_or_else(|| Halt::Unavailable("the app is gone".into()))?;
        let (app, state) = (&self.app, document.state.as_deref());
        let step = Step { app, services, state, key, event, calls, attempt, ids, silent };
        let reacted = self.methods.call(step).await.map_err(failed)?;
        if self.keeps_state {
            document.state = reacted.state;
        }
        Ok(reacted.answers)
    }

    /// Carries out what is pending, in order, and strikes each command when it is done.
    async fn carry_out(&self, cell: &mut Cell, attempt: u32) -> Result<(), Trouble> {
        while let Some(command) = cell.document.pending.first().cloned() {
            let refusal = self.methods.refusal(&command.name);
            let mut next = cell.document.clone();
            next.pending.remove(0);
            let executed = match &refusal {
                Some((_, execute)) => {
                    let options = self.options(&command);
                    caught(async { execute(self.app.clone(), command.fields.clone(), options).await }).await
                }
                None => caught(self.execute(&command)).await,
            };
            match executed.unwrap_or_else(|panic| Executed::Failed(panic.into())) {
                Executed::Done => {}
                Executed::Refused(message, said) => {
                    let methods = refusal.map(|(methods, _)| methods).unwrap_or_default();
                    if methods.is_empty() {
                        let error = format!("{} was refused: {said}", command.name);
                        return Err(Trouble::Failed { error, lasting: true });
                    }
                    let message = Shared::from(message);
                    let calls: Vec<_> = methods.iter().map(|method| (*method, message.clone())).collect();
                    let event = self.event(command.origin.position).await?;
                    let about = (attempt, command.id, false);
                    let answers = self.call(&mut next, &cell.key, &event, &calls, about).await?;
                    next.take(answers, (command.id, command.turn), command.origin);
                }
                Executed::Failed(error) => return Err(failed(format!("{} failed: {error}", command.name))),
                Executed::Unavailable(error) => return Err(Halt::Unavailable(error).into()),
                Executed::Newer(error) => return Err(Halt::Newer(error).into()),
            }
            if self.inline {
                // The command's own commit may have changed the document.
                self.strike(cell, command.id).await?;
            } else {
                cell.write(self, next, Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Executes a command whose refusal no method takes.
    async fn execute(&self, command: &Pending) -> Executed {
        let handlers = self.app.handlers();
        let Some(handler) = handlers.get(command.name.as_str()) else {
            return Executed::Refused(Box::new(()), "no mounted aggregate handles it".to_owned());
        };
        let fields = command.fields.clone();
        match (handler.execute)(self.app.clone(), fields, self.options(command)).await {
            Ok(_) => Executed::Done,
            Err(DispatchError::Command(CommandError::Decode(newer @ DecodeError::Newer { .. }))) => {
                Executed::Newer(newer)
            }
            Err(DispatchError::Command(error)) if error.is_outage() => Executed::Unavailable(error.into()),
            Err(DispatchError::Command(error)) if !error.is_refusal() => Executed::Failed(error.into()),
            Err(error) => Executed::Refused(Box::new(()), error.to_string()),
        }
    }

    /// A command is carried out under the reactor's lease: who has lost it changes nothing any more.
    fn options(&self, command: &Pending) -> Options {
        let fence = Fence { processor: self.names.processor.clone(), epoch: self.epoch };
        Options::answering(command.id, command.origin.event, command.origin.correlation, fence)
    }
}
