//! What follows the log: where it is, and what it writes.

use super::super::server::Server;
use super::change::{self, Failed};
use super::processor::{Known, Processor};
use super::{Keep, many, subjects};
use crate::store::{Advance, AdvanceError, Checkpoint, ReadError, StoredProcessor};
use std::collections::HashSet;

pub(in super::super) async fn register(
    server: &Server,
    name: &str,
    start: Checkpoint,
) -> Result<Checkpoint, ReadError> {
    let mut tries = server.tries();
    loop {
        if let Some(known) = Known::read(server, name).await? {
            return Ok(known.processor.checkpoint);
        }
        let new = Processor { checkpoint: start, holder: None };
        let cause = match change::send(server, vec![new.draft(server, name, 0)]).await {
            Ok(_) => return Ok(start),
            Err(Failed::Outdated) => "others register it, and forget it".into(),
            Err(Failed::Busy(cause)) => cause,
            Err(Failed::For(error)) => return Err(error.into()),
        };
        if server.is_closed() || !tries.again().await {
            return Err(ReadError::Unavailable(cause));
        }
    }
}

pub(in super::super) async fn list(
    server: &Server,
    keep: &Keep,
    prefix: &str,
) -> Result<Vec<StoredProcessor>, ReadError> {
    let pattern = subjects::processors(server.names());
    let messages = if let Some(messages) = many::all(server, &pattern).await? {
        messages
    } else {
        let subjects: Vec<_> = many::subjects(server, &pattern).await?.into_iter().collect();
        let Some(sure) = subjects.first() else { return Ok(Vec::new()) };
        let first = many::one(server, sure).await?;
        first.into_iter().chain(many::many(server, &subjects[1..], sure).await?).collect()
    };
    let (mut registered, mut found) = (HashSet::with_capacity(messages.len()), Vec::new());
    for message in messages {
        let Some(name) = subjects::last_name(&message.subject) else { continue };
        if name.starts_with(prefix) {
            let known = Known::of(&message)?;
            let owner = known.owner(&keep.lanes.of(&name));
            let checkpoint = known.processor.checkpoint;
            found.push(StoredProcessor { name: name.as_str().into(), checkpoint, owner });
        }
        registered.insert(name);
    }
    keep.lanes.keep(&registered);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

pub(in super::super) async fn advance(
    server: &Server,
    keep: &Keep,
    advance: Advance,
) -> Result<(), AdvanceError> {
    advance.check()?;
    change::fits(&advance.writes)?;
    let next = |found: &Processor| {
        if !found.is_under(advance.epoch) {
            return Err(AdvanceError::Fenced { processor: advance.processor.clone() });
        }
        advance.require(found.checkpoint)?;
        let mut next = found.clone();
        if let Some(to) = advance.to {
            next.checkpoint.reach(to);
        }
        Ok(next)
    };
    change::make(server, keep, &advance.processor, &advance.writes, next).await
}

/// Whether what is written under this epoch may still be written.
pub(in super::super) async fn holds(server: &Server, name: &str, epoch: u64) -> Result<bool, ReadError> {
    let known = Known::read(server, name).await?;
    Ok(known.is_some_and(|known| known.processor.is_under(epoch)))
}
