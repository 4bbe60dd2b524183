//! Documents, read.

use super::super::server::Server;
use super::document::Stored;
use super::places::Place;
use super::{Keep, many, subjects};
use crate::store::{DocumentRange, ReadError, StoredDocument};
use std::collections::HashSet;

/// How many documents of a large collection are read at a time.
const PAGE: usize = 1_000;

pub(in super::super) async fn find(
    server: &Server,
    keep: &Keep,
    collection: &str,
    keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    let names = server.names();
    let asked: Vec<_> = keys.iter().filter_map(|key| subjects::document(names, collection, key)).collect();
    let messages = many::many(server, &asked, &subjects::collection(names, collection)).await?;
    let mut missing: HashSet<_> = asked.into_iter().collect();
    let mut found = Vec::with_capacity(messages.len());
    for message in messages {
        let stored = Stored::of(&message)?;
        missing.remove(&message.subject);
        keep.places.remember(message.subject.clone(), stored.place());
        found.extend(stored.document);
    }
    for subject in missing {
        keep.places.remember(subject, Place::NONE);
    }
    Ok(found)
}

/// A small collection is read as a whole, in one request. Of a larger one the keys are [listed](super::keys) first.
pub(in super::super) async fn list(
    server: &Server,
    keep: &Keep,
    collection: &str,
    range: &DocumentRange,
) -> Result<Vec<StoredDocument>, ReadError> {
    let limit = range.limit.max(1) as usize;
    if !keep.keys.are_of(collection)
        && let Some(messages) = many::all(server, &subjects::documents(server.names(), collection)).await?
    {
        let mut found = Vec::with_capacity(messages.len());
        for message in messages {
            found.extend(Stored::of(&message)?.document);
        }
        found.retain(|document| is_in(range, &document.key));
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.truncate(limit);
        return Ok(found);
    }
    let keys = keep.keys.of(server, collection).await?;
    let from = range.after.as_ref().map_or(0, |after| keys.partition_point(|key| key <= after));
    let until = range.until.as_ref().map_or(keys.len(), |until| keys.partition_point(|key| key <= until));
    let mut rest = keys.get(from..until).unwrap_or_default();
    let mut found = Vec::new();
    while found.len() < limit && !rest.is_empty() {
        let (next, behind) = rest.split_at(rest.len().min(limit - found.len()).min(PAGE));
        let mut documents = find(server, keep, collection, next).await?;
        documents.sort_by(|a, b| a.key.cmp(&b.key));
        found.extend(documents);
        rest = behind;
    }
    Ok(found)
}

fn is_in(range: &DocumentRange, key: &str) -> bool {
    range.after.as_deref().is_none_or(|after| key > after)
        && range.until.as_deref().is_none_or(|until| key <= until)
}
