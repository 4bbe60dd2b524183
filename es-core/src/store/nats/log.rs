//! Pages of the log: every message in its order, of which those are given that match.
//!
//! Whatever is filtered is filtered here: a page says how far it has looked, and the server would not say that of
//! messages which it leaves out. Sequences are dense, as nothing is ever taken away, so what is missing is damage.

use super::fetch;
use super::server::Server;
use crate::id::Position;
use crate::store::limits::{MAX_SCAN, PageRoom};
use crate::store::{Filter, LogPage, ReadError};

/// A server tells how far it is while it stores a commit, too, of which the rest is there in a moment.
pub(super) async fn page(
    server: &Server,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<LogPage, ReadError> {
    let mut tries = server.tries();
    loop {
        let (page, is_whole) = look(server, after, filter, limit).await?;
        if is_whole {
            return Ok(page);
        }
        if !tries.again().await {
            return Err(ReadError::Unavailable("a commit is being stored all the time".into()));
        }
    }
}

/// A page, and whether its head, and its own end where the log ends, is the end of a whole commit.
async fn look(
    server: &Server,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<(LogPage, bool), ReadError> {
    let end = fetch::end_for(server, after).await?;
    let mut page = LogPage { events: Vec::new(), scanned_to: after, scanned_id: None, head: end.position };
    if after >= end.position {
        if after > end.position || after.0 == 0 {
            return Ok((page, true));
        }
        let last = fetch::there(server, after.0).await?;
        page.scanned_id = Some(last.id()?);
        return Ok((page, !last.is_followed()));
    }
    let (mut room, mut is_whole) = (PageRoom::new(limit), true);
    let last = end.position.0.min(after.0.saturating_add(MAX_SCAN as u64));
    let most = if *filter == Filter::all() { limit.max(1) as usize } else { fetch::MAX_ROW };
    'page: while page.scanned_to.0 < last && !room.is_full() {
        for found in fetch::dense(server, page.scanned_to.0 + 1, last, most).await? {
            page.scanned_to = Position(found.sequence);
            page.scanned_id = Some(found.id()?);
            is_whole = page.scanned_to < end.position || !found.is_followed();
            let Some(event) = found.event(server.names())? else {
                if limit == 0 {
                    break 'page;
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
    if page.scanned_to < end.position {
        page.head = fetch::whole(server, end.position).await?;
        is_whole = page.head >= page.scanned_to;
    }
    if end.edits > 0 {
        let edits = server.edits().known_to(server, end.edits).await?;
        for event in &mut page.events {
            edits.apply(event);
        }
    }
    Ok((page, is_whole))
}
