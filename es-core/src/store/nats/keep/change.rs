//! A change of a processor, and of documents with it: one batch, in which each message takes the place of the one
//! that was decided on.

use super::super::batch::{self, Draft, MAX_BATCH, Unsent};
use super::super::names::MAX_SUBJECT;
use super::super::server::Server;
use super::processor::{Known, Processor};
use super::{Keep, document, subjects, unread};
use crate::store::{AdvanceError, BoxError, DocumentWrite};
use bytes::Bytes;
use std::collections::BTreeSet;

/// The documents with which an advance is full. Each may be the first of its collection, which is said by another
/// message; and what a single event deletes comes on top of what is in the advance already.
pub(in super::super) const MAX_WRITES: usize = MAX_BATCH / 2 - 1;

/// The most documents of an advance.
const MOST_WRITES: usize = MAX_WRITES * 2 - 1;

/// Why an attempt has not stored anything, or perhaps has.
pub enum Failed {
    /// Something has another last message by now. Nothing was stored.
    Outdated,
    /// Something is in the way for a moment. Nothing was stored.
    Busy(BoxError),
    /// It will not be stored by trying again, or perhaps is already.
    For(AdvanceError),
}

impl From<AdvanceError> for Failed {
    fn from(error: AdvanceError) -> Self {
        Self::For(error)
    }
}

/// Makes sure that these are not more documents than one batch has room for.
pub fn fits(writes: &[DocumentWrite]) -> Result<(), AdvanceError> {
    within("documents in one advance (let one event delete fewer)", writes.len(), MOST_WRITES)
}

/// Makes a processor what `next` says, and writes documents with it. What is remembered is tried first, and refuses
/// nothing: that is left to what the leader has.
///
/// # Errors
/// What `next` says to what is stored; [`AdvanceError::Fenced`] if there is no such processor.
pub async fn make(
    server: &Server,
    keep: &Keep,
    name: &str,
    writes: &[DocumentWrite],
    next: impl Fn(&Processor) -> Result<Processor, AdvanceError> + Send + Sync,
) -> Result<(), AdvanceError> {
    let lane = keep.lanes.of(name);
    let mut turn = lane.turn(server).await.map_err(AdvanceError::Unavailable)?;
    let mut tries = server.tries();
    let mut remembered = turn.take();
    loop {
        let is_fresh = remembered.is_none();
        let known = match remembered.take() {
            Some(known) => known,
            None => read(server, keep, name).await?,
        };
        let (cause, is_behind) = match attempt(server, keep, name, writes, &next, known, is_fresh).await {
            Ok(known) => {
                lane.stands(known.sequence);
                *turn = Some(known);
                return Ok(());
            }
            Err(Failed::For(error @ (AdvanceError::Unavailable(_) | AdvanceError::TooLarge { .. }))) => {
                return Err(error);
            }
            Err(Failed::For(_) | Failed::Outdated) if !is_fresh => continue,
            Err(Failed::For(refused)) => return Err(refused),
            Err(Failed::Outdated) => ("others write it all the time".into(), true),
            Err(Failed::Busy(cause)) => (cause, false),
        };
        let goes_on = if is_behind { tries.again_behind().await } else { tries.again().await };
        if server.is_closed() || !goes_on {
            return Err(AdvanceError::Unavailable(cause));
        }
    }
}

async fn read(server: &Server, keep: &Keep, name: &str) -> Result<Known, AdvanceError> {
    let known = Known::read(server, name).await.map_err(unread)?;
    known.ok_or_else(|| {
        keep.lanes.forget(name);
        AdvanceError::Fenced { processor: name.into() }
    })
}

async fn attempt(
    server: &Server,
    keep: &Keep,
    name: &str,
    writes: &[DocumentWrite],
    next: &(impl Fn(&Processor) -> Result<Processor, AdvanceError> + Send + Sync),
    known: Known,
    is_fresh: bool,
) -> Result<Known, Failed> {
    let next = next(&known.processor)?;
    let names = server.names();
    let sure = subjects::processor(names, name);
    let due = keep.places.due(server, writes, &sure, is_fresh).await?;
    let mut drafts: Vec<_> =
        due.iter().map(|due| document::draft(due.write, &due.subject, due.place)).collect();
    let added = due.iter().filter(|due| due.place.revision == 0 && due.write.body.is_some());
    let grown: BTreeSet<_> = added.map(|due| &due.write.collection).collect();
    for collection in grown {
        drafts.push(Draft::new(subjects::collection(names, collection), Bytes::new()));
    }
    drafts.push(next.draft(server, name, known.sequence));
    let count = drafts.len() as u64;
    check(server, &drafts)?;
    let last = answer(server, keep.together.send(server, drafts).await)?;
    keep.places.written(due, last + 1 - count);
    Ok(next.stored(last))
}

/// Sends messages that take the places of others, and answers the sequence of the last.
pub async fn send(server: &Server, drafts: Vec<Draft>) -> Result<u64, Failed> {
    check(server, &drafts)?;
    answer(server, batch::send(server, drafts).await.map(|sent| sent.last))
}

/// Makes sure that the servers take them.
fn check(server: &Server, drafts: &[Draft]) -> Result<(), AdvanceError> {
    within("documents and their collections in one advance", drafts.len(), MAX_BATCH)?;
    let largest = server.client().max_payload();
    for draft in drafts {
        within("name of a processor (bytes, escaped)", draft.subject.len(), MAX_SUBJECT)?;
        within("document (bytes)", draft.size(), largest)?;
    }
    Ok(())
}

fn answer(server: &Server, sent: Result<u64, Unsent>) -> Result<u64, Failed> {
    match sent {
        Ok(last) => {
            server.keep().reached(last);
            Ok(last)
        }
        Err(Unsent::Moved) => Err(Failed::Outdated),
        Err(busy @ Unsent::Busy(_)) => Err(Failed::Busy(busy.into())),
        Err(Unsent::Unreached(cause)) => Err(Failed::Busy(cause)),
        Err(Unsent::Unknown(cause)) => Err(Failed::For(AdvanceError::Unavailable(cause))),
        Err(refused) => Err(Failed::For(AdvanceError::Unavailable(refused.into()))),
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), AdvanceError> {
    if size > limit { Err(AdvanceError::TooLarge { what, size, limit }) } else { Ok(()) }
}
