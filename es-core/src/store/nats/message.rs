//! An event as a message.
//!
//! The body is the event's metadata and behind it the payload, both as they came. The headers say the rest:
//!
//! | header | what |
//! |---|---|
//! | `Es-Format` | `1`, this format |
//! | `Nats-Msg-Id` | the event's id |
//! | `Es-Type`, `Es-Schema` | its name, escaped as in [`names`](super::names), and its shape's version |
//! | `Es-Metadata` | how many bytes of the body are metadata |
//! | `Es-Version` | its version |
//! | `Es-Recorded` | when it was decided, in microseconds since 1970 |
//! | `Es-Commit` | on the first event of a commit: which call has sent it |
//! | `Es-Edits`, `Es-Closed` | how often the stream was edited, and `1` once it is closed |
//!
//! The position is the message's sequence, and the time of storing is the server's. What closes or edits a stream is
//! a message on the stream's subject, too, with `Es-Control` in the place of type and schema, and repeats version
//! and time of the last event. So the last message of a subject alone tells how far the stream goes, and what is
//! expected of it can be expected of that message.

use super::batch::{BATCH_COMMIT, BATCH_SEQUENCE, Draft};
use super::fetch::Found;
use super::names::{self, Names};
use crate::id::Position;
use crate::store::{AppendError, BoxError, NewEvent, ReadError, StoredEvent, StreamHead, clock};
use async_nats::header::NATS_MESSAGE_ID;
use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use std::str::FromStr;
use uuid::Uuid;

const FORMAT: &str = "Es-Format";
const TYPE: &str = "Es-Type";
const SCHEMA: &str = "Es-Schema";
const METADATA: &str = "Es-Metadata";
const VERSION: &str = "Es-Version";
const RECORDED: &str = "Es-Recorded";
const EDITS: &str = "Es-Edits";
const CLOSED: &str = "Es-Closed";
const COMMIT: &str = "Es-Commit";
const CONTROL: &str = "Es-Control";

/// The one format there is.
const THIS_FORMAT: &str = "1";

/// The most bytes that the name of an event may have: escaped, it has to fit into the headers, which are 64 KiB.
const MAX_NAME: usize = 16 * 1024;

/// How far a stream goes, as its last message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The sequence of that message; 0 if there is none.
    pub sequence: u64,
    pub stream: StreamHead,
    /// When the last event was decided.
    pub recorded_at: Timestamp,
}

impl Default for Head {
    fn default() -> Self {
        Self { sequence: 0, stream: StreamHead::default(), recorded_at: Timestamp::MIN }
    }
}

/// An event as a message, behind which the stream has this head.
pub(super) fn event(subject: &str, event: &NewEvent, head: StreamHead) -> Result<Draft, AppendError> {
    if event.name.len() > MAX_NAME {
        let size = event.name.len();
        return Err(AppendError::TooLarge { what: "event name (bytes)", size, limit: MAX_NAME });
    }
    let body = body(&event.metadata, &event.payload);
    let draft = Draft::new(subject.to_owned(), body)
        .header(TYPE, names::header_value(&event.name))
        .header(SCHEMA, event.schema)
        .header(METADATA, event.metadata.len());
    Ok(under(draft, event.id, head, event.recorded_at))
}

/// A message by which the call that sends it knows it again.
pub(super) fn marked(draft: Draft, mark: Uuid) -> Draft {
    draft.header(COMMIT, mark.simple())
}

/// A message that changes a stream, behind which it has this head.
pub(super) fn control(subject: &str, id: Uuid, what: &'static str, head: StreamHead, at: Timestamp) -> Draft {
    under(Draft::new(subject.to_owned(), Bytes::new()).header(CONTROL, what), id, head, at)
}

/// A message that says what an edit does.
pub(super) fn edit(subject: String, body: Bytes, id: Uuid) -> Draft {
    Draft::new(subject, body).id(id).header(FORMAT, THIS_FORMAT)
}

fn under(draft: Draft, id: Uuid, head: StreamHead, recorded_at: Timestamp) -> Draft {
    let draft = draft
        .id(id)
        .header(FORMAT, THIS_FORMAT)
        .header(VERSION, head.version)
        .header(EDITS, head.edits)
        .header(RECORDED, recorded_at.as_microsecond());
    if head.closed { draft.header(CLOSED, 1) } else { draft }
}

/// One after the other; without a copy where there is nothing to put together.
pub(super) fn body(first: &Bytes, second: &Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second.clone(),
        (_, true) => first.clone(),
        _ => {
            let mut both = BytesMut::with_capacity(first.len() + second.len());
            both.put_slice(first);
            both.put_slice(second);
            both.freeze()
        }
    }
}

impl Found {
    /// The head of the stream behind this message of it.
    pub fn head(&self) -> Result<Head, ReadError> {
        let read = || {
            let edits = self.number(EDITS)?;
            let closed = self.text(CLOSED).is_some();
            let stream = StreamHead { version: self.number(VERSION)?, edits, closed };
            Ok(Head {
                sequence: self.sequence,
                stream,
                recorded_at: clock::from_micros(self.number(RECORDED)?),
            })
        };
        self.readable(read)
    }

    /// The id that it is stored under.
    pub fn id(&self) -> Result<Uuid, ReadError> {
        self.readable(|| self.number(NATS_MESSAGE_ID.as_ref()))
    }

    /// The event that it is; `None` if it changes a stream.
    pub fn event(self, names: &Names) -> Result<Option<StoredEvent>, ReadError> {
        if self.is_control(names) {
            return Ok(None);
        }
        self.readable(|| self.read_event(names)).map(Some)
    }

    /// Whether more of its batch follow.
    pub fn is_followed(&self) -> bool {
        self.text(BATCH_SEQUENCE).is_some() && self.text(BATCH_COMMIT).is_none()
    }

    /// How many messages there are of its batch up to here, if more of it follow.
    pub fn unfinished(&self) -> u64 {
        if self.is_followed() { self.number(BATCH_SEQUENCE).unwrap_or(0) } else { 0 }
    }

    /// Whether the call with this mark has sent it.
    pub fn is_marked(&self, mark: Uuid) -> bool {
        self.number(COMMIT).is_ok_and(|found: Uuid| found == mark)
    }

    /// Whether it changes a stream, or tells of such a change.
    pub fn is_control(&self, names: &Names) -> bool {
        self.text(CONTROL).is_some() || self.subject == names.edits()
    }

    fn read_event(&self, names: &Names) -> Result<StoredEvent, BoxError> {
        let name = self.text(TYPE).and_then(names::header_text).ok_or("it has no type")?;
        let metadata: usize = self.number(METADATA)?;
        if metadata > self.body.len() {
            return Err("its metadata is longer than it is".into());
        }
        Ok(StoredEvent {
            position: Position(self.sequence),
            stream: names.stream_of(&self.subject).ok_or("its subject is no stream's")?,
            version: self.number(VERSION)?,
            id: self.number(NATS_MESSAGE_ID.as_ref())?,
            name: name.into(),
            schema: self.number(SCHEMA)?,
            recorded_at: clock::from_micros(self.number(RECORDED)?),
            stored_at: clock::from_micros(self.time.as_microsecond()),
            payload: Some(self.body.slice(metadata..)),
            metadata: self.body.slice(..metadata),
        })
    }

    /// Reads something that is written by this store, in this format, or not at all.
    pub fn readable<T>(&self, read: impl FnOnce() -> Result<T, BoxError>) -> Result<T, ReadError> {
        let known = match self.text(FORMAT) {
            Some(THIS_FORMAT) => read(),
            Some(_) => Err("it has a format that is not known".into()),
            None => Err("it is no message of this store".into()),
        };
        known.map_err(|cause| ReadError::Corrupt { at: Position(self.sequence), cause })
    }

    pub fn text(&self, header: &str) -> Option<&str> {
        self.headers.get(header).map(async_nats::HeaderValue::as_str)
    }

    /// The value of a header that is a number, or an id.
    pub fn number<T: FromStr<Err: Into<BoxError>>>(&self, header: &str) -> Result<T, BoxError> {
        self.text(header).ok_or_else(|| format!("it has no {header}"))?.parse().map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StreamId;

    fn new() -> NewEvent {
        NewEvent {
            id: Uuid::from_u128(7),
            name: "größe\r\n%".into(),
            schema: 3,
            recorded_at: Timestamp::from_microsecond(-1).unwrap(),
            payload: Bytes::from_static(b"\0payload"),
            metadata: Bytes::from_static(b"\xffmeta"),
        }
    }

    fn stored(change: impl FnOnce(&mut Found)) -> Found {
        let names = Names::new("es");
        let subject = names.stream(&StreamId::named("a-1"));
        let head = StreamHead { version: 5, edits: 2, closed: false };
        let Draft { subject, headers, body } = event(&subject, &new(), head).unwrap();
        let mut found = Found { subject, sequence: 9, headers, body, time: Timestamp::UNIX_EPOCH };
        change(&mut found);
        found
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let found = stored(|_| ());
        assert_eq!(found.head().unwrap().stream, StreamHead { version: 5, edits: 2, closed: false });
        let (event, new) = (found.event(&Names::new("es")).unwrap().unwrap(), new());
        assert_eq!((event.position, event.version, event.stream.as_str()), (Position(9), 5, "a-1"));
        assert_eq!(
            (event.id, event.name, event.schema, event.recorded_at),
            (new.id, new.name, new.schema, new.recorded_at)
        );
        assert_eq!((event.payload, event.metadata), (Some(new.payload), new.metadata));
    }

    #[test]
    fn a_message_tells_how_much_of_its_batch_there_is() {
        let alone = stored(|_| ());
        let second = stored(|found| found.headers.insert(BATCH_SEQUENCE, "2"));
        let last = stored(|found| {
            found.headers.insert(BATCH_SEQUENCE, "3");
            found.headers.insert(BATCH_COMMIT, "1");
        });
        assert_eq!([alone, second, last].map(|found| found.unfinished()), [0, 2, 0]);
    }

    #[test]
    fn what_was_changed_by_hand_is_damaged() {
        let changes: [fn(&mut Found); 8] = [
            |found| found.headers = async_nats::HeaderMap::new(),
            |found| found.headers.insert(FORMAT, "2"),
            |found| found.headers.insert(TYPE, "%zz"),
            |found| found.headers.insert(SCHEMA, "70000"),
            |found| found.headers.insert(METADATA, "1000"),
            |found| found.headers.insert(NATS_MESSAGE_ID, "seven"),
            |found| found.headers.insert(VERSION, "-1"),
            |found| found.subject = "es.ev.a b".to_owned(),
        ];
        for change in changes {
            let damaged = stored(change).event(&Names::new("es"));
            assert!(matches!(damaged, Err(ReadError::Corrupt { at: Position(9), .. })), "{damaged:?}");
        }
    }

    #[test]
    fn a_name_that_fits_into_no_header_is_too_large() {
        let long = NewEvent { name: "x".repeat(MAX_NAME + 1).into(), ..new() };
        let refused = event("es.ev.a", &long, StreamHead::default());
        assert!(matches!(refused, Err(AppendError::TooLarge { limit: MAX_NAME, .. })), "{refused:?}");
    }
}
