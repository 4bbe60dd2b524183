//! What was redacted and truncated.
//!
//! The log forgets nothing: an edit is a message, and reads leave out or change what it names. It has two of them,
//! in one batch. The one on the stream's own subject counts the edit, so that who expects a state of the stream
//! without it is refused. The other, on the subject that all edits share, says what it does; from these, each
//! process keeps a list of all edits, and reads on in it when there are more of them than it knows.

use super::batch::Draft;
use super::fetch::{self, Found};
use super::message;
use super::names;
use super::server::Server;
use crate::id::{ByStream, StreamId};
use crate::store::{BoxError, ReadError, Redaction, StoredEvent};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::Mutex;
use uuid::Uuid;

const STREAM: &str = "Es-Stream";
const BEFORE: &str = "Es-Before";
const EVENT: &str = "Es-Event";
const BESIDE: &str = "Es-Beside";
const METADATA: &str = "Es-Metadata";

/// What one edit does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// Versions below this one are hidden from reads of the stream.
    Truncated {
        stream: StreamId,
        before: u64,
    },
    Redacted(Redaction),
}

impl Edit {
    /// The message that says it.
    pub fn draft(&self, subject: String, id: Uuid) -> Draft {
        match self {
            Self::Truncated { stream, before } => message::edit(subject, Bytes::new(), id)
                .header(STREAM, names::header_value(stream.as_str()))
                .header(BEFORE, before),
            Self::Redacted(Redaction { event, metadata, beside, .. }) => {
                let behind = beside.as_ref().map(|(_, metadata)| metadata.clone()).unwrap_or_default();
                let draft = message::edit(subject, message::body(metadata, &behind), id)
                    .header(EVENT, event.hyphenated())
                    .header(METADATA, metadata.len());
                match beside {
                    Some((beside, _)) => draft.header(BESIDE, beside.hyphenated()),
                    None => draft,
                }
            }
        }
    }

    fn read(found: &Found) -> Result<Self, BoxError> {
        if let Some(stream) = found.text(STREAM) {
            let stream = names::header_text(stream).ok_or("it names no stream")?;
            return Ok(Self::Truncated { stream: StreamId::named(stream), before: found.number(BEFORE)? });
        }
        let metadata: usize = found.number(METADATA)?;
        if metadata > found.body.len() {
            return Err("its metadata is longer than it is".into());
        }
        let beside = match found.text(BESIDE) {
            Some(_) => Some((found.number(BESIDE)?, found.body.slice(metadata..))),
            None => None,
        };
        Ok(Self::Redacted(Redaction {
            event: found.number(EVENT)?,
            metadata: found.body.slice(..metadata),
            beside,
            stream: None,
        }))
    }
}

/// All edits, as far as they are known here.
///
/// Nobody knows beforehand which of them a page of the log needs, so none can be left out: there is an entry for each
/// redacted event, of some 160 bytes and its metadata, and for each truncated stream, of some 130 bytes. A process reads
/// them once, from when it first needs one, in less than 0.1 ms each; who runs out of time goes on there the next time.
#[derive(Default)]
pub(super) struct Edits {
    list: RwLock<List>,
    /// Held by whoever reads on in them.
    reading: Mutex<()>,
}

#[derive(Default)]
pub(super) struct List {
    count: u64,
    sequence: u64,
    floors: HashMap<StreamId, u64, ByStream>,
    events: HashMap<Uuid, Change>,
}

struct Change {
    /// The edit that has redacted the event; `None` if only its metadata was replaced.
    redacted_by: Option<Uuid>,
    metadata: Bytes,
}

impl Change {
    /// With metadata of its own: the message that it is in may share its memory with many others.
    fn new(redacted_by: Option<Uuid>, metadata: &Bytes) -> Self {
        Self { redacted_by, metadata: Bytes::copy_from_slice(metadata) }
    }
}

impl Edits {
    /// The edits, of which so many are known to be there.
    pub async fn known_to(
        &self,
        server: &Server,
        count: u64,
    ) -> Result<RwLockReadGuard<'_, List>, ReadError> {
        if self.list().count < count {
            let reading = tokio::time::timeout(server.left(), self.reading.lock()).await;
            let _reading = reading.map_err(|late| ReadError::Unavailable(late.into()))?;
            while self.list().count < count {
                self.read_on(server).await?;
            }
        }
        Ok(self.list())
    }

    /// The edits, all that there are now.
    pub async fn current(&self, server: &Server) -> Result<RwLockReadGuard<'_, List>, ReadError> {
        let end = fetch::end(server).await?;
        self.known_to(server, end.edits).await
    }

    /// As much as the next answer has, of which there is one at least.
    async fn read_on(&self, server: &Server) -> Result<(), ReadError> {
        let (subject, from) = (server.names().edits(), self.list().sequence + 1);
        let span = fetch::span(server, &subject, from, u64::MAX, fetch::MAX_ROW).await?;
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        for found in span {
            let edit = found.readable(|| Edit::read(&found))?;
            list.add(edit, found.id()?);
            list.sequence = found.sequence;
            list.count += 1;
        }
        Ok(())
    }

    /// Nothing panics while it is held for writing: what a poisoned lock guards is whole.
    fn list(&self) -> RwLockReadGuard<'_, List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn add(&mut self, edit: Edit, id: Uuid) {
        match edit {
            Edit::Truncated { stream, before } => {
                let floor = self.floors.entry(stream).or_default();
                *floor = before.max(*floor);
            }
            Edit::Redacted(Redaction { event, metadata, beside, .. }) => {
                if let Some((beside, metadata)) = beside {
                    let redacted_by = self.redacted_by(beside);
                    self.events.insert(beside, Change::new(redacted_by, &metadata));
                }
                self.events.insert(event, Change::new(Some(id), &metadata));
            }
        }
    }

    /// The first version that reads of this stream show.
    pub fn first(&self, stream: &StreamId) -> u64 {
        self.floors.get(stream).map_or(1, |&before| before.max(1))
    }

    /// The edit that has redacted an event.
    pub fn redacted_by(&self, event: Uuid) -> Option<Uuid> {
        self.events.get(&event)?.redacted_by
    }

    /// Puts an event as it is to be seen.
    pub fn apply(&self, event: &mut StoredEvent) {
        if let Some(change) = self.events.get(&event.id) {
            event.metadata = change.metadata.clone();
            if change.redacted_by.is_some() {
                event.payload = None;
            }
        }
    }
}
