//! What became of one command.

use crate::diff;
use crate::world::Tale;
use es_core::{Applier, CommandError, CommandId, Committed, Refusal, StreamId};

/// A command's answer, and what can be said about it.
pub(crate) struct Answer<A: Applier, E, R> {
    /// The command, as it prints itself.
    pub(crate) command: String,
    pub(crate) id: CommandId,
    pub(crate) stream: StreamId,
    pub(crate) result: Result<Committed<A, R>, CommandError<E>>,
    pub(crate) attempts: u32,
    /// The answer in a few words, as in "it was refused with ..".
    pub(crate) summary: String,
}

impl<A: Applier, E: Refusal, R> Answer<A, E, R> {
    /// What became of `command`, which met this many conflicts on its way.
    pub(crate) fn of(
        command: String,
        id: CommandId,
        stream: StreamId,
        result: Result<Committed<A, R>, CommandError<E>>,
        conflicts: u32,
    ) -> Self {
        let attempts = match &result {
            Ok(done) => done.attempts,
            Err(CommandError::Conflict { attempts }) => *attempts,
            Err(_) => 1 + conflicts,
        };
        let summary = summary(result.as_ref().map(|done| done.events.len()));
        Self { command, id, stream, result, attempts, summary }
    }
}

impl<A: Applier, E, R> Answer<A, E, R> {
    /// The events it recorded.
    pub(crate) fn events(&self) -> &[A::Event] {
        self.result.as_ref().map_or(&[], |done| &done.events)
    }

    /// Adds the command, as a line of this kind, and its answer to the tale.
    pub(crate) fn tell(&self, kind: &'static str, tale: &mut Tale) {
        tale.tell(kind, &self.command);
        if self.attempts > 1 {
            tale.tell("attempts", &self.attempts.to_string());
        }
        match &self.result {
            Err(_) => tale.tell("answer", &self.summary),
            Ok(done) if done.events.is_empty() => tale.tell("recorded", "nothing"),
            Ok(done) => {
                let before = done.version - done.events.len() as u64;
                for (version, event) in (before + 1..).zip(&done.events) {
                    tale.tell("recorded", &format!("{}@{version}: {}", self.stream, diff::show(event)));
                }
            }
        }
    }
}

/// What became of a command, in a few words.
pub(crate) fn summary<E: Refusal>(recorded: Result<usize, &CommandError<E>>) -> String {
    match recorded {
        Ok(0) => "it was carried out and recorded nothing".to_owned(),
        Ok(1) => "it was carried out and recorded 1 event".to_owned(),
        Ok(n) => format!("it was carried out and recorded {n} events"),
        Err(error) => failure(error),
    }
}

fn failure<E: Refusal>(error: &CommandError<E>) -> String {
    match error {
        CommandError::Rejected(error) => format!("it was refused with {error:?}"),
        CommandError::Invariant(error) => format!("an invariant refused it with {error:?}"),
        CommandError::NotFound { stream } => format!("it was refused: there is no {stream}"),
        CommandError::AlreadyExists { stream } => format!("it was refused: {stream} exists already"),
        CommandError::Ended { stream } => format!("it was refused: {stream} has ended"),
        CommandError::Decode(error) => format!("the history is unreadable: {error}"),
        CommandError::Store(error) => format!("the store failed: {error}: {error:?}"),
        other => format!("it failed: {other}"),
    }
}
