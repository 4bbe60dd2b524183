//! Pages of the log: every message in its order, of which those are given that match.
//!
//! Whatever is filtered is filtered here: a page says how far it has looked, and the server would not say that of
//! messages which it leaves out. Sequences are dense, as nothing is ever taken away, so what is missing is damage.

use super::fetch::{self, Found};
use super::server::Server;
use crate::id::Position;
use crate::store::limits::{MAX_SCAN, PageRoom};
use crate::store::{Filter, LogPage, ReadError};

const EVERYTHING: &str = ">";

/// A server may tell of a batch that it is just storing, of which the rest is there in a moment.
pub(super) async fn page(
    server: &Server,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<LogPage, ReadError> {
    let mut tries = server.tries();
    loop {
        let (page, is_whole) = look(server, after, filter, limit).await?;
        if is_whole || !tries.again().await {
            return Ok(page);
        }
    }
}

/// A page, and whether it ends with a whole batch where the log ends.
async fn look(
    server: &Server,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<(LogPage, bool), ReadError> {
    let end = fetch::end_for(server, after).await?;
    let mut page = LogPage { events: Vec::new(), scanned_to: after, scanned_id: None, head: end.position };
    if after >= end.position {
        page.scanned_id = id_at(server, after, end.position).await?;
        return Ok((page, true));
    }
    let (mut room, mut is_whole) = (PageRoom::new(limit), true);
    let last = end.position.0.min(after.0.saturating_add(MAX_SCAN as u64));
    let most = if *filter == Filter::all() { limit.max(1) as usize } else { fetch::MAX_ROW };
    while page.scanned_to.0 < last && !room.is_full() {
        for found in dense(server, page.scanned_to.0 + 1, last, most).await? {
            page.scanned_to = Position(found.sequence);
            page.scanned_id = Some(found.id()?);
            is_whole = page.scanned_to < end.position || !found.is_followed();
            let Some(event) = found.event(server.names())? else {
                if limit == 0 {
                    return Ok((page, true));
                }
                continue;
            };
            if filter.accepts(event.stream.as_str(), event.stream.category(), &event.name) {
                room.take(&event);
                page.events.push(event);
                if room.is_full() {
                    break;
                }
            }
        }
    }
    if end.edits > 0 {
        let edits = server.edits().known_to(server, end.edits).await?;
        for event in &mut page.events {
            edits.apply(event);
        }
    }
    Ok((page, is_whole))
}

/// The id of the message at a position, if the log goes as far.
async fn id_at(server: &Server, at: Position, end: Position) -> Result<Option<uuid::Uuid>, ReadError> {
    if at.0 == 0 || at > end {
        return Ok(None);
    }
    fetch::at(server, server.log(), at.0).await?.map(|found| found.id()).transpose()
}

/// The messages from a sequence on, one at least, up to the first that this server does not have.
async fn dense(server: &Server, from: u64, to: u64, most: usize) -> Result<Vec<Found>, ReadError> {
    let mut row = fetch::row(server, server.log(), EVERYTHING, from, most).await?;
    let known = row.iter().zip(from..=to).take_while(|(found, sequence)| found.sequence == *sequence).count();
    row.truncate(known);
    if row.is_empty() {
        row.extend(fetch::at(server, server.log(), from).await?);
    }
    if row.is_empty() {
        return Err(ReadError::Corrupt { at: Position(from), cause: "it is not there any more".into() });
    }
    Ok(row)
}
