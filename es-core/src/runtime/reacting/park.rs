//! What failed in one key, and what waits behind it.

use super::Names;
use super::desk::Desk;
use super::document::Document;
use crate::id::{CommandId, Position};
use crate::runtime::Halt;
use crate::store::{DocumentWrite, StoredDocument};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::time::Instant;

/// One event, or one timer, that is set aside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub key: String,
    pub position: Position,
    /// The name of the event, or of the timer.
    pub name: String,
    /// How often it has failed.
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it is tried again; by the app's clock, for whoever reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    pub state: RowState,
    /// What was being carried out when it failed; `None` if a method failed. Timers that fired at one place fail
    /// one after the other under one id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<CommandId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowState {
    /// Behind one that has failed.
    Waiting,
    /// It is tried again by itself.
    Retrying,
    /// It waits for somebody to decide.
    Parked,
}

impl Row {
    /// One that waits behind another.
    pub fn waiting(key: &str, position: Position, name: &str) -> Self {
        Self {
            key: key.to_owned(),
            position,
            name: name.to_owned(),
            attempts: 0,
            error: None,
            next_at: None,
            state: RowState::Waiting,
            turn: None,
        }
    }

    /// Counts a failure of what the document of its key says that is to be done.
    pub fn fails(&mut self, document: &Document) {
        let first = document.pending.first().filter(|_| document.position >= self.position);
        let turn = first.map(|first| first.turn);
        if let Some(first) = first.filter(|_| self.turn.is_some() && self.turn != turn) {
            self.attempts = 0;
            self.name = first.timer.as_ref().unwrap_or(&first.name).clone();
        }
        self.turn = turn;
        self.attempts += 1;
    }

    /// What it is stored under: positions have one width, so no other key leads to it.
    pub fn id(&self) -> String {
        format!("{}/{:020}", self.key, self.position.0)
    }

    pub fn read(stored: &StoredDocument) -> Result<Self, Halt> {
        serde_json::from_slice(&stored.body)
            .map_err(|error| Halt::Stopped(format!("parked work \"{}\" cannot be read: {error}", stored.key)))
    }

    /// The row as it is. Only the holder of the lease writes rows, so no revision is looked at.
    pub fn put(&self, names: &Names) -> Result<DocumentWrite, Halt> {
        let body = serde_json::to_vec(self)
            .map_err(|error| Halt::Stopped(format!("parked work cannot be written: {error}")))?;
        Ok(DocumentWrite { body: Some(body.into()), ..self.delete(names) })
    }

    /// That it was passed over, for the next version.
    pub fn skip(&self, names: &Names) -> DocumentWrite {
        let collection = names.skipped.clone();
        DocumentWrite { collection, body: Some("{}".into()), ..self.delete(names) }
    }

    /// The row gone.
    pub fn delete(&self, names: &Names) -> DocumentWrite {
        DocumentWrite {
            collection: names.parked.clone(),
            key: self.id(),
            revision: None,
            position: self.position,
            body: None,
        }
    }
}

/// What was passed over by any version.
pub(super) async fn skipped(desk: &Desk) -> Result<Arc<HashSet<String>>, Halt> {
    let skipped = desk.list(&desk.names.skipped).await?;
    Ok(Arc::new(skipped.into_iter().map(|skipped| skipped.key).collect()))
}

/// What is set aside of one key, in order.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    pub rows: BTreeMap<Position, Row>,
    /// When the first of them is tried again, by this process's own clock; never if it is parked.
    pub due: Option<Instant>,
}

impl Sequence {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn first(&self) -> Option<&Row> {
        self.rows.first_key_value().map(|(_, row)| row)
    }

    /// Whether an event of this position has to wait.
    pub fn is_before(&self, position: Position) -> bool {
        self.first().is_some_and(|first| first.position < position)
    }

    pub fn is_parked(&self) -> bool {
        self.first().is_some_and(|first| first.state == RowState::Parked)
    }

    pub fn is_due(&self) -> bool {
        !self.is_empty() && self.due.is_some_and(|due| due <= Instant::now())
    }

    /// The first row is tried as soon as possible, unless it is parked.
    pub fn wake(&mut self) {
        self.due = (!self.is_empty() && !self.is_parked()).then(Instant::now);
    }

    /// The first row is settled.
    pub fn settle_first(&mut self) {
        self.rows.pop_first();
        self.wake();
    }
}
