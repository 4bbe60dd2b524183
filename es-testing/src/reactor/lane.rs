//! What is known of one key of a reactor.

use super::commands;
use es_core::__testing::{Due, IssuedCommand, Message, Takes};
use es_core::jiff::Timestamp;
use es_core::{CommandId, Position, RawEvent, React};
use std::sync::Arc;

/// A key with its state, its timers, and how it stands.
pub(super) struct Lane<R: React> {
    pub(super) key: R::Key,
    /// The state as it is stored.
    pub(super) state: Option<Vec<u8>>,
    /// The last event that was worked off.
    pub(super) position: Position,
    /// Whether what was worked off is skipped when it comes again.
    pub(super) guarded: bool,
    pub(super) standing: Standing,
    pub(super) timers: Vec<Pending>,
    /// Whether any method was run for it.
    pub(super) seen: bool,
}

/// Whether the work of a key goes on.
pub(super) enum Standing {
    /// It does.
    Free,
    /// Its last event failed this often, and is tried again.
    Failed { work: Box<Work>, attempts: u32, why: String },
    /// Something was set aside, behind which all else waits.
    Parked,
}

/// What methods are run for: an event, or a refusal.
#[derive(Clone)]
pub(super) struct Work {
    /// The event; for a refusal, the one that the command answered.
    pub(super) event: RawEvent,
    /// The methods, by their place in the reactor, and what each of them takes.
    pub(super) calls: Vec<(usize, Arc<Message>)>,
    /// What the ids are derived from.
    pub(super) ids: CommandId,
    /// What timers are counted from.
    pub(super) at: Timestamp,
}

/// A timer that is set.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) name: String,
    pub(super) due: Timestamp,
    pub(super) command: IssuedCommand,
    /// The event that it was set in answer to.
    pub(super) event: RawEvent,
    pub(super) id: CommandId,
}

/// A command that was issued.
pub(super) struct Asked<K> {
    pub(super) key: K,
    pub(super) id: CommandId,
    pub(super) command: IssuedCommand,
    /// The event that it answers.
    pub(super) event: RawEvent,
    /// When it was due: at the event, or when its timer fired.
    pub(super) at: Timestamp,
}

impl<R: React> Lane<R> {
    pub(super) fn new(key: R::Key) -> Self {
        Self {
            key,
            state: None,
            position: Position(0),
            guarded: keeps_turns::<R>(),
            standing: Standing::Free,
            timers: Vec::new(),
            seen: false,
        }
    }

    pub(super) fn is_free(&self) -> bool {
        matches!(self.standing, Standing::Free)
    }

    /// Sets a timer, in the place of one of the same name.
    pub(super) fn set(&mut self, timer: Pending) {
        self.guarded = true;
        self.cancel(&timer.name);
        self.timers.push(timer);
    }

    /// Whether there was such a timer.
    pub(super) fn cancel(&mut self, name: &str) -> bool {
        let before = self.timers.len();
        self.timers.retain(|timer| timer.name != name);
        self.timers.len() < before
    }
}

/// Whether a reactor's turns are written down, so that none is taken twice: it has a state, or learns of
/// refusals.
fn keeps_turns<R: React>() -> bool {
    R::SPEC.state.is_some() || R::METHODS.iter().any(|method| matches!(method.takes, Takes::Refused { .. }))
}

impl Pending {
    /// As text.
    pub(super) fn show(&self) -> String {
        format!("\"{}\" at {}: {}", self.name, self.due, commands::show(&self.command))
    }
}

/// When a timer is due that is counted from `at`; at the end of all time if that is later.
pub(super) fn due(due: Due, at: Timestamp) -> Timestamp {
    match due {
        Due::After(delay) => at.checked_add(delay).unwrap_or(Timestamp::MAX),
        Due::At(time) => time,
    }
}
