//! What is in the store beside the log: documents, timers, and what was set aside.

use super::stage::{Stage, unread};
use crate::fault::Fault;
use crate::world::{broken, shown};
use es_core::__testing::{self as inside, Follows, IssuedCommand};
use es_core::Position;
use es_core::jiff::Timestamp;
use es_core::serde_json;
use es_core::store::{DocumentRange, EventStore, Filter, MemoryStore, StoredDocument};
use std::collections::{BTreeMap, BTreeSet};

/// A timer that is set.
pub(super) struct Armed {
    pub(super) reactor: &'static str,
    pub(super) name: String,
    pub(super) due: Timestamp,
    pub(super) command: IssuedCommand,
}

impl Armed {
    /// As text.
    pub(super) fn show(&self) -> String {
        let IssuedCommand { name: command, fields } = &self.command;
        format!("{}, \"{}\" at {}: {command} {fields}", self.reactor, self.name, self.due)
    }
}

/// All that is in a store.
#[derive(PartialEq)]
pub(super) struct Remains {
    head: Position,
    /// Documents by collection and key.
    documents: BTreeMap<(String, String), String>,
}

impl Remains {
    pub(super) async fn of(stage: &Stage) -> Result<Self, Fault> {
        let log = &stage.world.log;
        let mut documents = BTreeMap::new();
        for processor in log.processors("").await.map_err(broken)? {
            for end in ["", "/keys", "/parked"] {
                let collection = format!("{}{end}", processor.name);
                for document in list(log, &collection).await? {
                    let body = String::from_utf8_lossy(&document.body).into_owned();
                    documents.insert((collection.clone(), document.key), body);
                }
            }
        }
        Ok(Self { head: stage.head().await?, documents })
    }

    /// A line for each thing that is not as it was before.
    pub(super) async fn since(&self, before: &Self, log: &MemoryStore) -> Result<Vec<String>, Fault> {
        let mut lines = Vec::new();
        let page = log.read_log(before.head, &Filter::default(), 20).await.map_err(broken)?;
        for event in page.events {
            let what = shown(&event.name, event.payload.as_deref().unwrap_or_default());
            lines.push(format!("recorded {}@{}: {what}", event.stream, event.version));
        }
        let all: BTreeSet<_> = before.documents.keys().chain(self.documents.keys()).collect();
        for at in all {
            let (was, is) = (before.documents.get(at), self.documents.get(at));
            if was != is {
                let text = |document: Option<&String>| document.map_or("nothing", String::as_str).to_owned();
                lines.push(format!("{} \"{}\": {} ≠ {}", at.0, at.1, text(is), text(was)));
            }
        }
        Ok(lines)
    }
}

/// Every timer that is set.
pub(super) async fn timers(stage: &Stage) -> Result<Vec<Armed>, Fault> {
    let mut timers = Vec::new();
    for reactor in stage.reactors() {
        for document in list(&stage.world.log, &reactor.keys).await? {
            let kept: inside::Armed = serde_json::from_slice(&document.body).map_err(broken)?;
            timers.extend(kept.timers.into_iter().map(|(name, waits)| Armed {
                reactor: reactor.name,
                name,
                due: waits.due,
                command: IssuedCommand { name: waits.command.name, fields: waits.command.fields },
            }));
        }
    }
    timers.sort_by(|a, b| (a.due, a.reactor, &a.name).cmp(&(b.due, b.reactor, &b.name)));
    Ok(timers)
}

/// What waits for somebody to decide, by reactor.
pub(super) async fn aside(stage: &Stage) -> Result<BTreeSet<(String, String)>, Fault> {
    let mut aside = BTreeSet::new();
    for reactor in stage.reactors() {
        let parked = stage.world.app.parked(reactor.name).await.map_err(|error| unread(&error))?;
        aside.extend(parked.iter().map(|entry| (reactor.name.to_owned(), entry.id.clone())));
    }
    Ok(aside)
}

/// The place of a reactor's last event, if it has got one since it began.
pub(super) async fn last_taken(log: &MemoryStore, reactor: &Follows) -> Result<Option<Position>, Fault> {
    let known = log.processors(&reactor.processor).await.map_err(broken)?;
    let Some(known) = known.into_iter().find(|known| known.name == reactor.processor) else {
        return Ok(None);
    };
    let began = list(log, &reactor.origin).await?.first().map_or(Position(0), |origin| origin.position);
    let (mut after, mut last) = (began, None);
    loop {
        let page = log.read_log(after, &reactor.filter, 1_000).await.map_err(broken)?;
        let taken = page.events.iter().rfind(|event| event.position <= known.checkpoint.position);
        last = taken.map(|event| event.position).or(last);
        if page.scanned_to <= after {
            return Ok(last);
        }
        after = page.scanned_to;
    }
}

/// All documents of a collection.
async fn list(log: &MemoryStore, collection: &str) -> Result<Vec<StoredDocument>, Fault> {
    let range = DocumentRange { limit: u32::MAX, ..DocumentRange::default() };
    log.list_documents(collection, &range).await.map_err(broken)
}
