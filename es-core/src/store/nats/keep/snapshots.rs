//! Snapshots, one for each stream.
//!
//! They save time and decide nothing. One from before an edit of its stream, which
//! may be saved just when that edit is made, is known by its count of edits, and is dropped by the next edit.

use super::super::batch::Draft;
use super::super::fetch::{self, Found};
use super::super::read;
use super::super::server::Server;
use super::change::{self, Failed};
use super::{damaged, header, many, number, subjects};
use crate::id::{Position, StreamId};
use crate::store::{AdvanceError, AppendError, ReadError, StoredSnapshot, clock, limits};

const FINGERPRINT: &str = "Es-Fingerprint";
const VERSION: &str = "Es-Version";
const POSITION: &str = "Es-Position";
const RECORDED: &str = "Es-Recorded";
const EDITS: &str = "Es-Edits";

pub(in super::super) async fn load(
    server: &Server,
    stream: &StreamId,
    fingerprint: u64,
) -> Result<Option<StoredSnapshot>, ReadError> {
    let subject = subjects::snapshot(server.names(), stream);
    let Some(message) = fetch::last(server, server.keep(), &subject).await? else { return Ok(None) };
    let found = of(stream, &message)?;
    Ok((found.fingerprint == fingerprint).then_some(found))
}

/// Keeps a snapshot, if it goes in the place of the one that is kept, and its stream was not edited since.
pub(in super::super) async fn save(server: &Server, snapshot: StoredSnapshot) -> Result<(), AppendError> {
    limits::check_stream(&snapshot.stream)?;
    let subject = subjects::snapshot(server.names(), &snapshot.stream);
    let mut tries = server.tries();
    loop {
        let kept = fetch::last(server, server.keep(), &subject).await.map_err(unread)?;
        if let Some(kept) = &kept
            && of(&snapshot.stream, kept).is_ok_and(|kept| !snapshot.replaces(&kept))
        {
            return Ok(());
        }
        if edits(server, &snapshot.stream).await? != snapshot.edits {
            return Ok(());
        }
        let behind = kept.map_or(0, |kept| kept.sequence);
        let cause = match change::send(server, vec![draft(&snapshot, &subject, behind)]).await {
            Ok(_) => return Ok(()),
            Err(Failed::Outdated) => "others save it all the time".into(),
            Err(Failed::Busy(cause)) => cause,
            Err(Failed::For(AdvanceError::TooLarge { size, limit, .. })) => {
                return Err(AppendError::TooLarge { what: "snapshot (bytes)", size, limit });
            }
            // Whether it was stored or not is of no importance.
            Err(Failed::For(error)) => return Err(AppendError::Unavailable { cause: error.into() }),
        };
        if server.is_closed() || !tries.again().await {
            return Err(AppendError::Unavailable { cause });
        }
    }
}

/// Drops what is kept of a stream that was edited or closed.
pub(in super::super) async fn drop(server: &Server, stream: &StreamId) -> Result<(), ReadError> {
    many::purge(server, &subjects::snapshot(server.names(), stream), u64::MAX).await
}

async fn edits(server: &Server, stream: &StreamId) -> Result<u64, AppendError> {
    Ok(read::stream_head(server, stream).await.map_err(unread)?.edits)
}

fn unread(error: ReadError) -> AppendError {
    match error {
        ReadError::Unavailable(cause) => AppendError::Unavailable { cause },
        damaged => AppendError::Unavailable { cause: damaged.into() },
    }
}

fn draft(snapshot: &StoredSnapshot, subject: &str, behind: u64) -> Draft {
    Draft::new(subject.to_owned(), snapshot.payload.clone())
        .expect_last(behind)
        .header(FINGERPRINT, snapshot.fingerprint)
        .header(VERSION, snapshot.version)
        .header(POSITION, snapshot.position.0)
        .header(RECORDED, snapshot.recorded_at.as_microsecond())
        .header(EDITS, snapshot.edits)
}

fn of(stream: &StreamId, message: &Found) -> Result<StoredSnapshot, ReadError> {
    let recorded = header(message, RECORDED).and_then(|micros| micros.parse().ok());
    Ok(StoredSnapshot {
        stream: stream.clone(),
        fingerprint: number(message, FINGERPRINT)?,
        version: number(message, VERSION)?,
        position: Position(number(message, POSITION)?),
        recorded_at: clock::from_micros(recorded.ok_or_else(|| damaged(message, "it has no time"))?),
        edits: number(message, EDITS)?,
        payload: message.body.clone(),
    })
}
