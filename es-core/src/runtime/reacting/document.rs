//! What a reactor remembers of one key: one document, changed as a whole.

use super::Names;
use super::desk::Desk;
use super::methods::Answer;
use super::open;
use crate::app::App;
use crate::id::{CommandId, Position};
use crate::issued::{Due, IssuedCommand, Wish};
use crate::runtime::Halt;
use crate::store::{DocumentWrite, StoredDocument};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// State, timers, and commands that are not carried out yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Document {
    /// As its own serde writes it; `None` before it begins and when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "as_written")]
    pub state: Option<Box<RawValue>>,
    /// Of the last event that is in it.
    pub position: Position,
    /// In the order in which they are carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Pending>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timers: BTreeMap<String, StoredTimer>,
}

/// A command that was issued and is not struck yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub id: CommandId,
    /// What it is skipped with: the event's reaction, or the one timer that fired.
    pub turn: CommandId,
    pub name: String,
    pub fields: Value,
    pub origin: Origin,
    /// The timer that it comes from, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<String>,
}

/// The event that a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub position: Position,
    pub event: Uuid,
    pub correlation: Uuid,
    /// What a timer `after` counts from: when the event was recorded, or when the timer was due.
    pub at: Timestamp,
}

/// A command for later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTimer {
    pub due: Timestamp,
    pub command: Pending,
}

/// A state that is there, also where it is written as `null`.
fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

impl Document {
    /// Whether nothing would be lost with it, once the checkpoint has passed its position.
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.pending.is_empty() && self.timers.is_empty()
    }

    /// When its next timer is due.
    pub fn due(&self) -> Option<Timestamp> {
        self.timers.values().map(|timer| timer.due).min()
    }

    /// Takes over what methods want done; their commands stand before those that were there. Ids are derived
    /// from `ids`; they belong to `turn`.
    pub fn take(&mut self, answers: Vec<Answer>, (ids, turn): (CommandId, CommandId), origin: Origin) {
        let mut commands = Vec::new();
        for Answer { method, wishes, ended } in answers {
            for (n, wish) in wishes.into_iter().enumerate() {
                let pending = |command: IssuedCommand, timer| Pending {
                    id: ids.issued(method, n),
                    turn,
                    name: command.name,
                    fields: command.fields,
                    origin,
                    timer,
                };
                match wish {
                    Wish::Command(command) => commands.push(pending(command, None)),
                    Wish::SetTimer { name, due, command } => {
                        let due = due.from(origin.at);
                        let command = pending(command, Some(name.clone()));
                        self.timers.insert(name, StoredTimer { due, command });
                    }
                    Wish::CancelTimer { name } => {
                        self.timers.remove(&name);
                    }
                }
            }
            if ended {
                self.timers.clear();
            }
        }
        self.pending.splice(..0, commands);
    }

    /// Makes commands of the timers that are due before `until`, and of those that are due right then if
    /// `inclusive`. Whether there were any.
    pub fn fire(&mut self, until: Timestamp, inclusive: bool) -> bool {
        let is_due = |due: Timestamp| due < until || (inclusive && due == until);
        let mut fired: Vec<_> =
            self.timers.extract_if(.., |_, timer| is_due(timer.due)).map(|(_, timer)| timer).collect();
        fired.sort_by_key(|timer| timer.due);
        let any = !fired.is_empty();
        self.pending.extend(fired.into_iter().map(|timer| {
            let origin = Origin { at: timer.due, ..timer.command.origin };
            Pending { origin, turn: timer.command.id, ..timer.command }
        }));
        any
    }
}

impl Due {
    fn from(self, recorded_at: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::After(delay) => SignedDuration::try_from(delay)
                .ok()
                .and_then(|delay| recorded_at.checked_add(delay).ok())
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// A key's document, and what is known of how it is stored.
pub(super) struct Cell {
    pub key: String,
    pub revision: u64,
    pub document: Document,
}

impl Cell {
    /// What is stored, as it is read.
    ///
    /// # Errors
    /// [`Halt::Stopped`] if it is not what this code writes.
    pub fn of(stored: StoredDocument) -> Result<Self, Halt> {
        let mut document: Document = serde_json::from_slice(&stored.body).map_err(|error| {
            Halt::Stopped(format!("what it keeps for key \"{}\" cannot be read: {error}", stored.key))
        })?;
        // What was written with a commit did not know its position yet.
        document.position = document.position.max(stored.position);
        Ok(Self { key: stored.key, revision: stored.revision, document })
    }

    pub async fn load(desk: &Desk, key: &str) -> Result<Self, Halt> {
        Self::read(&desk.app, &desk.names, key).await
    }

    pub async fn read(app: &App, names: &Names, key: &str) -> Result<Self, Halt> {
        let stored = app.store().documents(&names.keys, &[key.to_owned()]).await?;
        match stored.into_iter().next() {
            Some(stored) => Self::of(stored),
            None => Ok(Self { key: key.to_owned(), revision: 0, document: Document::default() }),
        }
    }

    /// Writes the key as it shall be, with what belongs to that.
    pub async fn write(
        &mut self,
        desk: &Desk,
        next: Document,
        mut beside: Vec<DocumentWrite>,
    ) -> Result<(), Halt> {
        let body = serde_json::to_vec(&next)
            .map_err(|error| Halt::Stopped(format!("key \"{}\" cannot be written: {error}", self.key)))?;
        let is_marked = self.revision > 0 && self.document.is_open(desk.inline);
        let is_open = next.is_open(desk.inline);
        if is_open != is_marked {
            beside.push(open::mark(&desk.names, &self.key, next.position, is_open));
        }
        beside.push(DocumentWrite {
            collection: desk.names.keys.clone(),
            key: self.key.clone(),
            revision: Some(self.revision),
            position: next.position,
            body: Some(body.into()),
        });
        desk.write(beside).await?;
        // Writes of one document are counted.
        self.revision += 1;
        self.document = next;
        Ok(())
    }
}
