//! Parked work: listed, retried, skipped.

use super::Names;
use super::desk::{Desk, list};
use super::lane::Work;
use super::memory::Memory;
use super::origin::BRIEF;
use super::park::{Row, RowState};
use crate::app::App;
use crate::error::StoreError;
use crate::id::{CommandId, Position};
use crate::runtime::Halt;
use crate::store::{Advance, AdvanceError, BoxError, Checkpoint, DocumentWrite, ReadError, StoredDocument};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Why parked work could not be listed, retried or skipped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParkedError {
    /// There is no such reactor in this app.
    #[error("this app has no reactor \"{name}\"")]
    UnknownReactor {
        /// The name.
        name: String,
    },
    /// Nothing that waits for a decision has this id.
    #[error("nothing is parked under \"{id}\"")]
    NotParked {
        /// The id.
        id: String,
    },
    /// Somebody else is deciding at this moment.
    #[error("somebody else is deciding about parked work of this reactor")]
    Busy,
    /// The store does not answer.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
}

/// One key of a reactor that does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedEntry {
    /// What it is retried or skipped by.
    pub id: String,
    /// The key.
    pub key: String,
    /// The position of the event that failed.
    pub position: Position,
    /// The event's name; the timer's, if that is what failed.
    pub name: String,
    /// How often it has failed.
    pub attempts: u32,
    /// What it failed with.
    pub error: String,
    /// How many events of the key wait behind it.
    pub waiting: u64,
    /// Whether it is tried again by itself. If not, it waits for a decision.
    pub retrying: bool,
    turn: Option<CommandId>,
}

/// What a reactor has set aside, by key. Answered by [`App::parked`].
///
/// A decision is about an entry as it was listed: where something else of the same key has failed since, it has
/// no effect.
#[derive(Debug)]
pub struct ParkedWork {
    app: App,
    names: Names,
    entries: Vec<ParkedEntry>,
}

impl Deref for ParkedWork {
    type Target = [ParkedEntry];
    fn deref(&self) -> &[ParkedEntry] {
        &self.entries
    }
}

/// What somebody has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    Retry,
    Skip,
}

/// And about what.
#[derive(Debug, Serialize, Deserialize)]
struct Decision {
    mark: Mark,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn: Option<CommandId>,
}

impl App {
    /// What the reactor `name` has set aside: an entry for each key that does not go on.
    ///
    /// # Errors
    /// [`ParkedError`] if there is no such reactor, or the store does not answer.
    pub async fn parked(&self, name: &str) -> Result<ParkedWork, ParkedError> {
        let Some(mount) = self.reactors().iter().find(|mount| mount.name == name) else {
            return Err(ParkedError::UnknownReactor { name: name.to_owned() });
        };
        let names = mount.names.clone();
        let mut keys: BTreeMap<String, BTreeMap<Position, Row>> = BTreeMap::new();
        for stored in list(self, &names.parked).await.map_err(unavailable)? {
            let row = Row::read(&stored).map_err(unavailable)?;
            keys.entry(row.key.clone()).or_default().insert(row.position, row);
        }
        let entries = keys.into_values().filter_map(entry).collect();
        Ok(ParkedWork { app: self.clone(), names, entries })
    }
}

fn entry(mut rows: BTreeMap<Position, Row>) -> Option<ParkedEntry> {
    let waiting = (rows.len() as u64).saturating_sub(1);
    let (_, first) = rows.pop_first()?;
    Some(ParkedEntry {
        id: first.id(),
        retrying: first.state != RowState::Parked,
        key: first.key,
        position: first.position,
        name: first.name,
        attempts: first.attempts,
        error: first.error.unwrap_or_default(),
        waiting,
        turn: first.turn,
    })
}

fn unavailable(halt: Halt) -> ParkedError {
    ParkedError::Unavailable(match halt {
        Halt::Unavailable(cause) => cause,
        other => format!("{other:?}").into(),
    })
}

impl ParkedWork {
    /// Lets what is parked under `id` be tried again, with all its attempts, and then what waits behind it.
    /// Whoever runs the reactor does that, soon.
    ///
    /// # Errors
    /// [`ParkedError`] if there is no such entry, or the store does not answer.
    pub async fn retry(&self, id: &str) -> Result<(), ParkedError> {
        self.mark(id, Mark::Retry).await
    }

    /// Lets what is parked under `id` be passed over, with the commands that are left of it. What waits behind
    /// it goes on.
    ///
    /// # Errors
    /// [`ParkedError`] if there is no such entry, or the store does not answer.
    pub async fn skip(&self, id: &str) -> Result<(), ParkedError> {
        self.mark(id, Mark::Skip).await
    }

    /// Writes a mark. Only the holder of the reactor's lease writes rows, so marks have a lease of their own.
    async fn mark(&self, id: &str, mark: Mark) -> Result<(), ParkedError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.id == id) else {
            return Err(ParkedError::NotParked { id: id.to_owned() });
        };
        let decision = Decision { mark, turn: entry.turn };
        let store = self.app.store();
        let lost = |error: ReadError| ParkedError::Unavailable(StoreError::from(error).into());
        store.register(&self.names.marks, Checkpoint::default()).await.map_err(lost)?;
        for _ in 0..200 {
            let taken = store.acquire(&self.names.marks, Uuid::new_v4(), BRIEF).await.map_err(lost)?;
            if let Some(lease) = taken {
                let body =
                    serde_json::to_vec(&decision).map_err(|error| ParkedError::Unavailable(error.into()))?;
                let write = DocumentWrite {
                    collection: self.names.marks.clone(),
                    key: id.to_owned(),
                    revision: None,
                    position: entry.position,
                    body: Some(body.into()),
                };
                let written = store.advance(Advance { writes: vec![write], ..Advance::under(&lease) }).await;
                // A lease that is not given back runs out.
                let _ = store.release(&lease).await;
                return written.map_err(|error| match error {
                    AdvanceError::Fenced { .. } => ParkedError::Busy,
                    error => ParkedError::Unavailable(error.into()),
                });
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(ParkedError::Busy)
    }
}

/// Does what was decided since the last look. There is nothing to decide while nothing is set aside.
pub(super) async fn heed(memory: &mut Memory, desk: &Desk) -> Result<(), Halt> {
    if memory.sequences.is_empty() {
        return Ok(());
    }
    for stored in desk.list(&desk.names.marks).await? {
        let decided = DocumentWrite {
            collection: desk.names.marks.clone(),
            key: stored.key.clone(),
            revision: None,
            position: stored.position,
            body: None,
        };
        let mut first = memory.sequences.values().filter_map(|sequence| sequence.first());
        let row = first.find(|row| row.id() == stored.key).cloned();
        match (row, read(&stored)) {
            // What failed under this id since was not decided about.
            (Some(row), Some(decision)) if row.turn == decision.turn => {
                decide(memory, desk, row, decision.mark, decided).await?;
            }
            _ => desk.write(vec![decided]).await?,
        }
    }
    Ok(())
}

fn read(stored: &StoredDocument) -> Option<Decision> {
    serde_json::from_slice(&stored.body).ok()
}

/// Does what was decided; that it is, `decided`, is written with the effect.
async fn decide(
    memory: &mut Memory,
    desk: &Desk,
    mut row: Row,
    mark: Mark,
    decided: DocumentWrite,
) -> Result<(), Halt> {
    let (reactor, position, key) = (desk.name, row.position.0, row.key.clone());
    tracing::info!(reactor, position, ?mark, "decided about parked work");
    if mark == Mark::Skip {
        let lane = memory.lane(key, vec![Work::Skip(decided)]);
        return memory.run(desk, vec![lane]).await;
    }
    row.attempts = 0;
    row.state = RowState::Retrying;
    desk.write(vec![decided, row.put(&desk.names)?]).await?;
    if let Some(sequence) = memory.sequences.get_mut(&key) {
        sequence.rows.insert(row.position, row);
        sequence.wake();
    }
    Ok(())
}
