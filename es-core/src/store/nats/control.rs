//! What is changed in the log: ends of streams, hidden and redacted events. Each is a message behind the stream's
//! last one, which it expects to be the last.

use super::batch::{self, Draft, Unsent};
use super::edits::Edit;
use super::keep::snapshots;
use super::known;
use super::message::{self, Head};
use super::read;
use super::server::Server;
use crate::id::StreamId;
use crate::store::{AppendError, BoxError, EventSearch, Expected, ReadError, Redaction, StreamHead, limits};
use uuid::Uuid;

/// What a message on a stream's subject can say.
const CLOSED: &str = "closed";
const TRUNCATED: &str = "truncated";
const REDACTED: &str = "redacted";

pub(super) async fn close(
    server: &Server,
    stream: &StreamId,
    expected: Expected,
    reason: &str,
) -> Result<(), AppendError> {
    limits::check_stream(stream)?;
    write(server, stream, ids(), &Wish::Close { expected, reason }).await
}

pub(super) async fn truncate(
    server: &Server,
    stream: &StreamId,
    expected: Expected,
    before: u64,
) -> Result<(), AppendError> {
    limits::check_stream(stream)?;
    write(server, stream, ids(), &Wish::Truncate { expected, before }).await
}

pub(super) async fn redact(server: &Server, redaction: Redaction) -> Result<bool, AppendError> {
    limits::check_redaction(&redaction)?;
    let unread = |error| Failure::from(error).into_error(None);
    let search = EventSearch { stream: redaction.stream.clone(), ..EventSearch::of(redaction.event) };
    let found = read::event(server, search).await.map_err(unread)?;
    let Some(event) = found else { return Ok(false) };
    if event.payload.is_none() {
        return drop_snapshot(server, &event.stream).await.map(|()| false);
    }
    let beside = match redaction.beside {
        Some((id, metadata)) => {
            let search = EventSearch::on(event.stream.clone(), id);
            read::event(server, search).await.map_err(unread)?.map(|_| (id, metadata))
        }
        None => None,
    };
    let (redaction, ids) = (Redaction { beside, ..redaction }, ids());
    let server = &server.call();
    write(server, &event.stream, ids, &Wish::Redact(&redaction)).await?;
    // Somebody else may have been first.
    let redacted_by = server.edits().current(server).await.map_err(unread)?.redacted_by(redaction.event);
    Ok(redacted_by == Some(ids[1]))
}

/// Of a change's messages, of which there are two at most. The same at each try: one that was stored without an
/// answer is not stored again.
fn ids() -> [Uuid; 2] {
    [Uuid::now_v7(), Uuid::now_v7()]
}

/// What is to become of a stream.
enum Wish<'a> {
    Close { expected: Expected, reason: &'a str },
    Truncate { expected: Expected, before: u64 },
    Redact(&'a Redaction),
}

impl Wish<'_> {
    /// There is nothing to write. A change that was made before may still have left a snapshot behind.
    async fn is_there(&self, server: &Server, stream: &StreamId) -> Result<(), AppendError> {
        match self {
            Self::Close { .. } | Self::Redact(_) => drop_snapshot(server, stream).await,
            Self::Truncate { .. } => Ok(()),
        }
    }

    /// What there is to write behind this head. The edits are looked at behind it: one in between moves the head.
    async fn at(&self, server: &Server, stream: &StreamId, head: Head) -> Result<Option<Change>, Failure> {
        match *self {
            Self::Close { expected, reason } => {
                head.stream.require(stream, expected)?;
                let closed = StreamHead { closed: true, ..head.stream };
                let change = Change { what: CLOSED, head: closed, reason: reason.to_owned(), edit: None };
                Ok((!head.stream.closed).then_some(change))
            }
            Self::Truncate { expected, before } => {
                head.stream.require(stream, expected)?;
                let before = before.min(head.stream.version + 1);
                let first = server.edits().current(server).await?.first(stream);
                let edit = Edit::Truncated { stream: stream.clone(), before };
                Ok((before > first).then(|| Change::edit(TRUNCATED, head, edit)))
            }
            Self::Redact(redaction) => {
                let redacted_by = server.edits().current(server).await?.redacted_by(redaction.event);
                let edit = Edit::Redacted(redaction.clone());
                Ok(redacted_by.is_none().then(|| Change::edit(REDACTED, head, edit)))
            }
        }
    }
}

/// Drops what was folded before a change. The change is made, so whoever sends it again has this done at least.
async fn drop_snapshot(server: &Server, stream: &StreamId) -> Result<(), AppendError> {
    let dropped = snapshots::drop(server, stream).await;
    dropped.map_err(|error| AppendError::Ambiguous { cause: error.into() })
}

/// A change to a stream.
struct Change {
    what: &'static str,
    /// The stream's head behind it.
    head: StreamHead,
    /// For people who look at the log.
    reason: String,
    edit: Option<Edit>,
}

impl Change {
    fn edit(what: &'static str, head: Head, edit: Edit) -> Self {
        let head = StreamHead { edits: head.stream.edits + 1, ..head.stream };
        Self { what, head, reason: String::new(), edit: Some(edit) }
    }

    fn drafts(self, server: &Server, stream: &StreamId, behind: Head, ids: [Uuid; 2]) -> Vec<Draft> {
        let subject = server.names().stream(stream);
        let mut control = message::control(&subject, ids[0], self.what, self.head, behind.recorded_at);
        control.body = self.reason.into();
        let edit = self.edit.map(|edit| edit.draft(server.names().edits(), ids[1]));
        std::iter::once(control.expect_last(behind.sequence)).chain(edit).collect()
    }
}

/// Writes what there is to write of a wish, if there is anything, until nothing else comes in between.
async fn write(
    server: &Server,
    stream: &StreamId,
    ids: [Uuid; 2],
    wish: &Wish<'_>,
) -> Result<(), AppendError> {
    let turns = server.turns().take([stream], server.left()).await;
    let _turns = turns.map_err(|late| AppendError::Unavailable { cause: late.into() })?;
    let subject = server.names().stream(stream);
    let mut tries = server.tries();
    let mut doubt = None;
    loop {
        let reached = server.known().entry(stream).lock().head.sequence;
        let looked = known::last(server, &subject, reached).await;
        let head = looked.map_err(|error| Failure::from(error).into_error(doubt.take()))?;
        let change =
            wish.at(server, stream, head).await.map_err(|failure| failure.into_error(doubt.take()))?;
        let Some(change) = change else { return wish.is_there(server, stream).await };
        let drafts = change.drafts(server, stream, head, ids);
        drafts.iter().try_for_each(|draft| server.check_size(draft))?;
        let sent = batch::send(server, drafts).await;
        let is_behind = matches!(sent, Err(Unsent::Moved));
        let cause: BoxError = match sent {
            Ok(sent) => {
                server.log().reached(sent.last);
                return drop_snapshot(server, stream).await;
            }
            Err(Unsent::Repeated) => return drop_snapshot(server, stream).await,
            Err(Unsent::Unknown(cause)) => {
                doubt = Some(cause.to_string().into());
                cause
            }
            Err(Unsent::Refused(cause)) => return Err(Failure::Later(cause.into()).into_error(doubt)),
            Err(later @ (Unsent::Moved | Unsent::Busy(_) | Unsent::Unreached(_))) => later.into(),
        };
        let goes_on = if is_behind { tries.again_behind().await } else { tries.again().await };
        if server.is_closed() || !goes_on {
            return Err(Failure::Later(cause).into_error(doubt));
        }
    }
}

/// Why a change is not made.
enum Failure {
    Refused(AppendError),
    Later(BoxError),
}

impl Failure {
    /// What is answered, where an earlier try may be stored.
    fn into_error(self, doubt: Option<BoxError>) -> AppendError {
        match (self, doubt) {
            (Self::Refused(error), None) => error,
            // What refuses it now may have come behind it.
            (_, Some(cause)) => AppendError::Ambiguous { cause },
            (Self::Later(cause), None) => AppendError::Unavailable { cause },
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        Self::Refused(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(cause) => Self::Later(cause),
            damaged @ ReadError::Corrupt { .. } => Self::Later(damaged.into()),
        }
    }
}
