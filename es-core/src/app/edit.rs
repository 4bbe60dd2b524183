//! What may be done to history: redact, truncate, close. Each is refused where it would break a fold.

use super::App;
use crate::aggregate::{Applier, Life, Start};
use crate::error::StoreError;
use crate::fold::{self, Folded, decode_metadata};
use crate::id::StreamId;
use crate::metadata::Metadata;
use crate::store::{AppendError, EventSearch, Expected, Redaction, StoreFuture, StoredEvent, StreamRead};
use crate::upcast::DecodeError;
use bytes::Bytes;
use uuid::Uuid;

/// Why history was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// No event has this id.
    #[error("there is no event {0}")]
    NoSuchEvent(Uuid),
    /// What would be left does not fold.
    #[error("{stream} would not fold any more: {reason}")]
    Breaks {
        /// The stream.
        stream: StreamId,
        /// Why not.
        reason: String,
    },
    /// The stream changed while its fold was checked.
    #[error("{stream} changed meanwhile; try again")]
    Changed {
        /// The stream.
        stream: StreamId,
    },
    /// No mounted aggregate has streams of this category, so nobody can tell what the edit would break.
    #[error("no mounted aggregate is named {0}")]
    NotMounted(String),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream cannot be read as it is.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// An edit that is to be tried on a stream's events before it is done.
#[derive(Clone, Copy)]
pub(super) enum Edit {
    Redact(Uuid),
    Truncate(u64),
}

/// Tries an edit on one aggregate's stream; the answer is the version it was tried at.
pub(super) type TryEdit = fn(App, StreamId, Edit) -> StoreFuture<'static, Result<u64, EditError>>;

impl App {
    /// Takes the data of one event away, its command's reply included. Folds pass over it from then on, and
    /// its version stays taken. `false` if it was redacted before.
    ///
    /// # Errors
    /// [`EditError::Breaks`] where the event's absence would break birth, life and end.
    pub async fn redact(&self, event: Uuid, reason: &str) -> Result<bool, EditError> {
        let stored = self.store().find_event(EventSearch::of(event)).await.map_err(StoreError::from)?;
        let stored = stored.ok_or(EditError::NoSuchEvent(event))?;
        if stored.payload.is_none() {
            return Ok(false);
        }
        self.try_edit(&stored.stream, Edit::Redact(event)).await?;
        let metadata = decode_metadata(&stored)?;
        let beside = self.with_the_reply(&stored, &metadata, reason).await?;
        let metadata = without_reply(metadata, reason)?;
        let redaction = Redaction { event, metadata, beside, stream: Some(stored.stream.clone()) };
        let redacted = self.store().redact_event(redaction).await.map_err(StoreError::from)?;
        self.cache().drop_state(&stored.stream);
        Ok(redacted)
    }

    /// The first event of the command that raised this one, if it keeps the command's reply; with its
    /// metadata as it will be.
    async fn with_the_reply(
        &self,
        stored: &StoredEvent,
        metadata: &Metadata,
        reason: &str,
    ) -> Result<Option<(Uuid, Bytes)>, EditError> {
        let Some(command) = metadata.command_id else { return Ok(None) };
        let id = command.event(&stored.stream, 0);
        if id == stored.id {
            return Ok(None);
        }
        let search = EventSearch::on(stored.stream.clone(), id);
        let Some(first) = self.store().find_event(search).await.map_err(StoreError::from)? else {
            return Ok(None);
        };
        let metadata = decode_metadata(&first)?;
        if metadata.reply.is_none() { Ok(None) } else { Ok(Some((id, without_reply(metadata, reason)?))) }
    }

    /// Hides what lies before `version` from reads of this stream. The log keeps it.
    ///
    /// # Errors
    /// [`EditError::Breaks`] where what is left does not begin with a birth.
    pub async fn truncate(&self, stream: &StreamId, version: u64) -> Result<(), EditError> {
        let at = self.try_edit(stream, Edit::Truncate(version)).await?;
        let truncated = self.store().truncate_stream(stream, Expected::Exact(at), version).await;
        self.cache().drop_state(stream);
        truncated.map_err(|error| failed(stream, error))
    }

    /// Closes a stream for good: every later command on it is answered `Ended`.
    ///
    /// # Errors
    /// [`EditError::Store`] if the store does not answer.
    pub async fn close(&self, stream: &StreamId, reason: &str) -> Result<(), EditError> {
        let closed = self.store().close_stream(stream, Expected::Any, reason).await;
        self.cache().drop_state(stream);
        closed.map_err(|error| failed(stream, error))
    }

    async fn try_edit(&self, stream: &StreamId, edit: Edit) -> Result<u64, EditError> {
        let mounted = self.mounted_by_name(stream.category());
        let mounted = mounted.ok_or_else(|| EditError::NotMounted(stream.category().to_owned()))?;
        (mounted.try_edit)(self.clone(), stream.clone(), edit).await
    }
}

/// The metadata of what was taken away.
fn without_reply(mut metadata: Metadata, reason: &str) -> Result<Bytes, StoreError> {
    metadata.reply = None;
    metadata.redacted = Some(reason.to_owned());
    metadata.encode().map_err(|source| StoreError::Encode { what: "the metadata".to_owned(), source })
}

fn failed(stream: &StreamId, error: AppendError) -> EditError {
    match error {
        AppendError::Conflict { .. } => EditError::Changed { stream: stream.clone() },
        other => EditError::Store(StoreError::Append(other)),
    }
}

/// Folds a stream as it would be after an edit.
pub(super) fn try_edit<A: Applier>(
    app: App,
    stream: StreamId,
    edit: Edit,
) -> StoreFuture<'static, Result<u64, EditError>> {
    Box::pin(async move {
        let (mut before, mut after) = (Folded::<A>::start(), Folded::<A>::start());
        loop {
            let read = StreamRead::after(before.version);
            let page = app.store().read_stream(&stream, read).await.map_err(StoreError::from)?;
            before.add(&page.events)?;
            fold::leads_on(&page, &stream, before.version)?;
            let kept: Vec<StoredEvent> =
                page.events.into_iter().filter_map(|event| left(event, edit)).collect();
            after.add(&kept).map_err(|error| breaks(&stream, error.to_string()))?;
            if !page.more {
                before.version = page.head.version;
                break;
            }
        }
        if std::mem::discriminant(&before.life) != std::mem::discriminant(&after.life) {
            return Err(breaks(&stream, "the event is its birth or its end".to_owned()));
        }
        let hides = matches!(edit, Edit::Truncate(version) if version > 1);
        if hides && (matches!(A::Start::start(), Life::Living(_)) || after.version == 0) {
            return Err(breaks(&stream, "what is left does not begin with a birth".to_owned()));
        }
        Ok(before.version)
    })
}

/// What an edit leaves of an event.
fn left(mut event: StoredEvent, edit: Edit) -> Option<StoredEvent> {
    match edit {
        Edit::Redact(id) if event.id == id => event.payload = None,
        Edit::Truncate(version) if event.version < version => return None,
        Edit::Redact(_) | Edit::Truncate(_) => {}
    }
    Some(event)
}

fn breaks(stream: &StreamId, reason: String) -> EditError {
    EditError::Breaks { stream: stream.clone(), reason }
}
