//! The fold: a state, how far it goes, and how stored events are added to it.

use crate::aggregate::{Applier, Disorder, Life, Start};
use crate::event::{Envelope, EventEnum, Recorded};
use crate::id::{Position, StreamId};
use crate::metadata::Metadata;
use crate::store::{StoredEvent, StreamPage};
use crate::upcast::{DecodeError, Payload, PayloadError};
use jiff::Timestamp;
use std::sync::Arc;

/// What the events of a stream fold to, up to a version.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Folded<A> {
    pub(crate) life: Life<A>,
    pub(crate) version: u64,
    pub(crate) position: Position,
    /// When the last event was recorded; the next one is not recorded before.
    pub(crate) recorded_at: Timestamp,
    /// The stream's edits that this state knows of.
    pub(crate) edits: u64,
    pub(crate) closed: bool,
}

impl<A> Folded<A> {
    /// How many events the stream has.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The state, while the aggregate is alive.
    pub fn living(&self) -> Option<&A> {
        self.life.living()
    }

    /// Whether nothing can follow any more.
    pub fn has_ended(&self) -> bool {
        self.closed || matches!(self.life, Life::Ended(_))
    }
}

impl<A: Applier> Folded<A> {
    /// Before the first event.
    pub(crate) fn start() -> Self {
        Self {
            life: A::Start::start(),
            version: 0,
            position: Position(0),
            recorded_at: Timestamp::MIN,
            edits: 0,
            closed: false,
        }
    }

    /// Adds stored events, in order.
    ///
    /// # Errors
    /// [`DecodeError`] for the first that cannot be read or comes out of order.
    pub(crate) fn add(&mut self, events: &[StoredEvent]) -> Result<(), DecodeError> {
        let Some(first) = events.first() else { return Ok(()) };
        let mut envelope = Envelope {
            id: first.id,
            stream: first.stream.clone(),
            version: first.version,
            recorded_at: first.recorded_at,
            metadata: Arc::default(),
        };
        for stored in events {
            if self.version > 0 && stored.version != self.version + 1 {
                return Err(missing(stored, self.version + 1));
            }
            if let Some(payload) = &stored.payload {
                let event =
                    A::Event::decode(Payload { name: &stored.name, schema: stored.schema, bytes: payload })
                        .map_err(|error| unreadable(stored, error))?;
                if A::READS_ENVELOPE {
                    envelope.id = stored.id;
                    envelope.version = stored.version;
                    envelope.recorded_at = stored.recorded_at;
                    envelope.metadata = Arc::new(decode_metadata(stored)?);
                }
                A::apply(&mut self.life, &event, &envelope).map_err(|disorder| {
                    out_of_order(&stored.stream, stored.version, event.name(), disorder)
                })?;
            }
            self.version = stored.version;
            self.position = stored.position;
            self.recorded_at = stored.recorded_at;
        }
        Ok(())
    }

    /// Applies one event that was just decided.
    pub(crate) fn apply(&mut self, event: &A::Event, envelope: &Envelope) -> Result<(), DecodeError> {
        A::apply(&mut self.life, event, envelope)
            .map_err(|disorder| out_of_order(&envelope.stream, envelope.version, event.name(), disorder))?;
        self.version = envelope.version;
        self.recorded_at = envelope.recorded_at;
        Ok(())
    }
}

/// A stored event with its data; `None` where it was redacted.
pub(crate) fn decode<A: Applier>(stored: &StoredEvent) -> Result<Option<Recorded<A::Event>>, DecodeError> {
    let Some(bytes) = &stored.payload else { return Ok(None) };
    let payload = Payload { name: &stored.name, schema: stored.schema, bytes };
    Ok(Some(Recorded {
        position: stored.position,
        data: A::Event::decode(payload).map_err(|error| unreadable(stored, error))?,
        envelope: envelope(stored)?,
    }))
}

/// What is known of a stored event beside its data.
pub(crate) fn envelope(stored: &StoredEvent) -> Result<Envelope, DecodeError> {
    Ok(Envelope {
        id: stored.id,
        stream: stored.stream.clone(),
        version: stored.version,
        recorded_at: stored.recorded_at,
        metadata: Arc::new(decode_metadata(stored)?),
    })
}

/// The metadata of a stored event.
pub(crate) fn decode_metadata(stored: &StoredEvent) -> Result<Metadata, DecodeError> {
    Metadata::decode(&stored.metadata)
        .map_err(|error| unreadable(stored, PayloadError::Unreadable(format!("its metadata: {error}"))))
}

#[cold]
fn unreadable(stored: &StoredEvent, error: PayloadError) -> DecodeError {
    let (stream, version, event, schema): (StreamId, u64, String, u16) =
        (stored.stream.clone(), stored.version, stored.name.to_string(), stored.schema);
    match error {
        PayloadError::Unknown => DecodeError::Unknown { stream, version, event, schema },
        PayloadError::Newer { known } => DecodeError::Newer { stream, version, event, schema, known },
        PayloadError::Unreadable(reason) => DecodeError::Payload { stream, version, event, schema, reason },
    }
}

/// Makes sure that a page with more behind it leads there: whoever reads on from its end would read it for
/// ever if it were empty.
///
/// # Errors
/// [`DecodeError::CorruptStream`] if what the stream's head promises is not there.
pub(crate) fn leads_on(page: &StreamPage, stream: &StreamId, after: u64) -> Result<(), DecodeError> {
    if !page.more || !page.events.is_empty() {
        return Ok(());
    }
    let (stream, version, event) = (stream.clone(), after + 1, String::new());
    Err(DecodeError::CorruptStream { stream, version, event, reason: "and those behind it are missing" })
}

/// Behind the first visible event of a stream, every version is there.
#[cold]
fn missing(stored: &StoredEvent, expected: u64) -> DecodeError {
    DecodeError::CorruptStream {
        stream: stored.stream.clone(),
        version: expected,
        event: stored.name.to_string(),
        reason: "is the next one that is stored: versions are missing before it",
    }
}

#[cold]
fn out_of_order(stream: &StreamId, version: u64, event: &str, disorder: Disorder) -> DecodeError {
    DecodeError::CorruptStream {
        stream: stream.clone(),
        version,
        event: event.to_owned(),
        reason: disorder.reason(),
    }
}
