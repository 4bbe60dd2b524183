//! What goes by on the way to a store: events, and what reactors have them for.

use super::Gate;
use crate::laws;
use es_core::__testing::{Armed, Asked};
use es_core::serde_json::{self, Value};
use es_core::store::{Append, DocumentWrite, EventStore, Filter, StreamHead};
use es_core::{CommandId, Position};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most writes that may follow from one `when`. More than that is a circle.
const MOST: u32 = 5_000;

/// The most lines that are told of one `when`.
const MOST_LINES: usize = 200;

/// A line of a tale.
pub(crate) type Line = (&'static str, String);

/// Sees what goes through a gate. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Witness {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    lines: Vec<Line>,
    /// How many writes there were since the last `when`.
    writes: u32,
    /// Commands that have recorded something.
    answered: BTreeSet<CommandId>,
    /// What each key of each reactor is known to have.
    keys: BTreeMap<(Arc<str>, String), Armed>,
}

impl Witness {
    /// Nothing panics while the lock is held.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a write; `false` if there were so many that they will not end.
    pub(super) fn admits(&self) -> bool {
        let mut seen = self.seen();
        seen.writes += 1;
        seen.writes <= MOST
    }

    /// Whether more was written than can end.
    pub(crate) fn overflows(&self) -> bool {
        self.seen().writes > MOST
    }

    /// What was seen since the last look, and counts anew.
    pub(crate) fn take(&self) -> Vec<Line> {
        let mut seen = self.seen();
        seen.writes = 0;
        std::mem::take(&mut seen.lines)
    }

    /// Notes the part of a commit that was stored, with the head of its stream.
    pub(super) fn stored(&self, part: &Append, head: StreamHead) {
        let before = head.version.saturating_sub(part.events.len() as u64);
        let mut seen = self.seen();
        for (version, event) in (before + 1..).zip(&part.events) {
            let command = laws::command_in(&event.metadata);
            seen.answered.extend(command);
            let by =
                command.and_then(|id| seen.issued(id)).map_or_else(String::new, |by| format!(" by {by}"));
            let (stream, what) = (&part.stream, shown(&event.name, &event.payload));
            seen.tell("recorded", format!("{stream}@{version}{by}: {what}"));
        }
    }

    /// Notes a document that was written, where it is one of a reactor.
    pub(super) async fn wrote(&self, gate: &Gate, write: &DocumentWrite) {
        if let Some(reactor) = reactor_of(&write.collection, "/keys") {
            let armed = write.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
            self.compare(gate, reactor, write, armed.unwrap_or_default()).await;
        } else if let Some(reactor) = reactor_of(&write.collection, "/parked") {
            let row: Option<Value> = write.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
            if let Some(row) = row {
                self.aside(reactor, &row);
            }
        }
    }

    /// What has changed for a key.
    async fn compare(&self, gate: &Gate, reactor: &str, write: &DocumentWrite, now: Armed) {
        let at = (write.collection.clone(), write.key.clone());
        let before = self.seen().keys.insert(at, now.clone()).unwrap_or_default();
        for done in before.pending.iter().filter(|done| now.pending.iter().all(|left| left.id != done.id)) {
            let mut seen = self.seen();
            if !seen.answered.contains(&done.id) {
                seen.tell("recorded", format!("nothing for {}", done.name));
            }
        }
        let known = |asked: &Asked| before.pending.iter().any(|known| known.id == asked.id);
        for asked in now.pending.iter().filter(|asked| !known(asked)) {
            let command = command(asked);
            if let Some(timer) = &asked.timer {
                self.seen().tell("fired", format!("{reactor}, \"{timer}\": {command}"));
            } else {
                let event = place(gate, asked.origin.position).await;
                self.seen().tell("issued", format!("{reactor}, on {event}: {command}"));
            }
        }
        let mut seen = self.seen();
        for (name, timer) in &now.timers {
            let same = |before: &es_core::__testing::Waits| {
                before.due == timer.due && before.command.id == timer.command.id
            };
            if !before.timers.get(name).is_some_and(same) {
                let command = command(&timer.command);
                seen.tell("timer", format!("{reactor}, \"{name}\" at {}: {command}", timer.due));
            }
        }
        for (name, timer) in &before.timers {
            let fired = now.pending.iter().any(|pending| pending.id == timer.command.id);
            if !fired && !now.timers.contains_key(name) {
                seen.tell("cancelled", format!("{reactor}, \"{name}\""));
            }
        }
    }

    /// What was set aside.
    fn aside(&self, reactor: &str, row: &Value) {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let (key, name, error, attempts) = (text("key"), text("name"), text("error"), &row["attempts"]);
        let of = if key.is_empty() { name } else { format!("{name} of {key}") };
        let mut seen = self.seen();
        match row["state"].as_str() {
            Some("parked") => seen.tell("parked", format!("{reactor}, {of}: {error}")),
            Some("waiting") => seen.tell("waits", format!("{reactor}, {of}: behind what is parked")),
            _ => seen.tell("failed", format!("{reactor}, {of}, attempt {attempts}: {error}")),
        }
    }
}

impl Seen {
    /// The name of the command that a reactor has issued under this id, and that is not carried out yet.
    fn issued(&self, id: CommandId) -> Option<&str> {
        let mut pending = self.keys.values().flat_map(|kept| &kept.pending);
        pending.find(|asked| asked.id == id).map(|asked| asked.name.as_str())
    }

    fn tell(&mut self, kind: &'static str, line: String) {
        match self.lines.len() {
            0..MOST_LINES => self.lines.push((kind, line)),
            MOST_LINES => self.lines.push(("", "and so on".to_owned())),
            _ => {}
        }
    }
}

/// The reactor whose collection this is.
fn reactor_of<'a>(collection: &'a str, end: &str) -> Option<&'a str> {
    let (reactor, version) = collection.strip_suffix(end)?.rsplit_once(".r")?;
    version.bytes().all(|digit| digit.is_ascii_digit()).then_some(reactor)
}

/// An event as it is stored, without the payload where that says nothing.
pub(crate) fn shown(name: &str, payload: &[u8]) -> String {
    match payload {
        b"null" | b"{}" => name.to_owned(),
        _ => format!("{name} {}", String::from_utf8_lossy(payload)),
    }
}

fn command(asked: &Asked) -> String {
    format!("{} {}", asked.name, asked.fields)
}

/// Where the event at a position stands.
async fn place(gate: &Gate, position: Position) -> String {
    let before = Position(position.0.saturating_sub(1));
    match gate.log.read_log(before, &Filter::default(), 1).await.map(|page| page.events) {
        Ok(events) if !events.is_empty() => format!("{}@{}", events[0].stream, events[0].version),
        _ => format!("position {position}"),
    }
}
