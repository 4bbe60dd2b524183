//! What the holder of a reactor's lease knows without asking the store.

use super::desk::Desk;
use super::document::Cell;
use super::lane::{Lane, Ran, Work};
use super::open;
use super::origin::Origin;
use super::park::{Row, Sequence};
use crate::id::Position;
use crate::runtime::{Aside, Halt};
use crate::store::DocumentWrite;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many keys are worked on at the same time.
const AT_ONCE: usize = 16;

/// What is known under one lease.
pub(super) struct Memory {
    pub epoch: u64,
    pub silent_until: Position,
    pub skipped: Arc<HashSet<String>>,
    /// What is set aside, by key. In the order of the keys: what is tried again at once begins in the same order
    /// each time, so that a schedule can be played again.
    pub sequences: BTreeMap<String, Sequence>,
    /// When the next timer of a key is due.
    due: HashMap<String, Timestamp>,
    order: BTreeSet<(Timestamp, String)>,
    /// Keys with commands that a holder before has left.
    pub unfinished: Vec<String>,
    /// Documents that go when the checkpoint has passed them.
    empty: BTreeMap<String, (u64, Position)>,
    /// Timers due by this time fire when the reactor has come this far.
    pub bound: Option<(Timestamp, Position)>,
}

impl Memory {
    /// Reads it from the store, at the beginning of a lease.
    pub async fn load(desk: &Desk, origin: &Origin) -> Result<Self, Halt> {
        let mut memory = Self {
            epoch: desk.epoch,
            silent_until: desk.silent_until,
            skipped: desk.skipped.clone(),
            sequences: BTreeMap::new(),
            due: HashMap::new(),
            order: BTreeSet::new(),
            unfinished: Vec::new(),
            empty: BTreeMap::new(),
            bound: None,
        };
        for stored in desk.list(&desk.names.parked).await? {
            let row = Row::read(&stored)?;
            memory.sequences.entry(row.key.clone()).or_default().rows.insert(row.position, row);
        }
        memory.sequences.values_mut().for_each(Sequence::wake);
        let found = |cell: Cell| {
            if let Some(empty) = desk.deletable(&cell) {
                memory.empty.insert(cell.key.clone(), empty);
            }
            let Cell { key, document, .. } = cell;
            if !document.pending.is_empty() {
                memory.unfinished.push(key.clone());
            }
            memory.set_due(key, document.due());
        };
        open::load(desk, origin, found).await?;
        Ok(memory)
    }

    fn set_due(&mut self, key: String, due: Option<Timestamp>) {
        if let Some(before) = self.due.remove(&key) {
            self.order.remove(&(before, key.clone()));
        }
        if let Some(due) = due {
            self.order.insert((due, key.clone()));
            self.due.insert(key, due);
        }
    }

    /// A lane for a key, with what is set aside of it. It goes back with what has become of it.
    pub fn lane(&mut self, key: String, works: Vec<Work>) -> Lane {
        let sequence = self.sequences.remove(&key).unwrap_or_default();
        Lane { key, sequence, works }
    }

    fn note(&mut self, ran: Ran) -> Option<Halt> {
        let Ran { key, sequence, due, empty, halt } = ran;
        match empty {
            Some(empty) => self.empty.insert(key.clone(), empty),
            None => self.empty.remove(&key),
        };
        self.set_due(key.clone(), due);
        if !sequence.is_empty() {
            self.sequences.insert(key, sequence);
        }
        halt
    }

    /// Runs lanes, some at the same time. After a halt what was begun is finished, and nothing more is begun.
    pub async fn run(&mut self, desk: &Desk, lanes: Vec<Lane>) -> Result<(), Halt> {
        let mut lanes = lanes.into_iter();
        let mut tasks = JoinSet::new();
        let mut halt = None;
        loop {
            while halt.is_none() && tasks.len() < AT_ONCE {
                let Some(lane) = lanes.next() else { break };
                tasks.spawn(lane.run(desk.clone()));
            }
            match tasks.join_next().await {
                None => break,
                Some(Ok(ran)) => halt = self.note(ran).or(halt),
                Some(Err(ended)) => halt = Some(Halt::Stopped(format!("a task of it ended: {ended}"))),
            }
        }
        halt.map_or(Ok(()), Err)
    }

    /// Keys whose timers are due by then and that have nothing set aside.
    pub fn timers_due(&self, by: Timestamp) -> Vec<String> {
        let due = self.order.iter().take_while(|(due, _)| *due <= by);
        due.map(|(_, key)| key).filter(|key| !self.sequences.contains_key(*key)).cloned().collect()
    }

    pub fn next_timer(&self) -> Option<Timestamp> {
        self.order.iter().find(|(_, key)| !self.sequences.contains_key(key)).map(|(due, _)| *due)
    }

    /// When something set aside is tried again.
    pub fn next_retry(&self) -> Option<Instant> {
        self.sequences.values().filter_map(|sequence| sequence.due).min()
    }

    /// Deletes what the checkpoint has passed and nobody needs.
    pub fn deletions(&self, desk: &Desk, passed: Position) -> Vec<DocumentWrite> {
        let passed = self.empty.iter().filter(|(_, (_, position))| *position <= passed);
        passed
            .flat_map(|(key, (revision, position))| {
                let document = DocumentWrite {
                    collection: desk.names.keys.clone(),
                    key: key.clone(),
                    revision: Some(*revision),
                    position: *position,
                    body: None,
                };
                [document, open::mark(&desk.names, key, *position, false)]
            })
            .collect()
    }

    /// They are deleted.
    pub fn deleted(&mut self, passed: Position) {
        self.empty.retain(|_, (_, position)| *position > passed);
    }

    pub fn aside(&self) -> Aside {
        let count = |parked| self.sequences.values().filter(|one| one.is_parked() == parked).count() as u64;
        Aside { parked: count(true), retrying: count(false) }
    }
}
