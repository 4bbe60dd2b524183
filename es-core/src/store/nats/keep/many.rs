//! How messages are read, one or many: never as they were before something that this process has seen.
//!
//! One server has the last word on its own messages. Where several have them, one may believe for a while that it
//! still leads, and a message does not tell how old an answer is. So the leader is asked how far the stream goes,
//! which is never behind what is known here, and then any of them for the messages; its answer tells how far it goes,
//! too, and counts if that is as far. Whatever was written before a lease was taken is therefore seen by whoever has
//! taken it.

use super::super::fetch::{self, Found, LEADER_IS_BEHIND};
use super::super::server::{Server, Unanswered};
use super::answer::{self, Answer, End};
use crate::store::ReadError;
use async_nats::jetstream::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio::task::JoinSet;

/// The most subjects of one request; a server looks at 1,024.
const SUBJECTS: usize = 1_000;

/// The most bytes of the subjects of one request.
const SUBJECT_BYTES: usize = 256 * 1024;

/// As many are asked for one by one, and at a time.
const FEW: usize = 16;

const REPLICA_IS_BEHIND: &str = "the replica is behind its leader";

/// The last messages of some subjects, where there are any. `sure` is a subject that has one where any of them has;
/// without it an answer of nothing does not say how new it is.
pub async fn many(server: &Server, subjects: &[String], sure: &str) -> Result<Vec<Found>, ReadError> {
    if subjects.len() <= if server.keep().is_replicated { 1 } else { FEW } {
        return one_by_one(server, subjects).await;
    }
    let mut found = Vec::with_capacity(subjects.len());
    // Beside them the question has little more.
    let bytes = SUBJECT_BYTES.min(server.client().max_payload() / 2);
    for chunk in chunks(subjects, bytes) {
        let mut left = chunk.to_vec();
        left.push(sure.to_owned());
        while !left.is_empty() {
            let Answer { messages, end } = ask(server, &left).await?;
            match end {
                End::Whole(_) => left.clear(),
                End::More(_) => {
                    let read: HashSet<&str> =
                        messages.iter().map(|message| message.subject.as_str()).collect();
                    left.retain(|subject| !read.contains(&**subject));
                }
                End::Nothing | End::TooMany => {
                    found.extend(one_by_one(server, &left).await?);
                    left.clear();
                }
            }
            found.extend(messages);
        }
    }
    found.retain(|message| message.subject != sure);
    Ok(found)
}

/// The last message of a subject, if there is one.
pub async fn one(server: &Server, subject: &str) -> Result<Option<Found>, ReadError> {
    if !server.keep().is_replicated {
        return fetch::last(server, server.keep(), subject).await;
    }
    let asked = [subject.to_owned()];
    let read = async || {
        let listing = listing(server, Some(subject), 0).await?;
        if listing.total == 0 {
            return Ok(None);
        }
        let Answer { messages, end } = answer::of(server, &asked).await?;
        match end {
            End::Whole(up_to) if up_to >= listing.state.last_seq => {
                server.keep().reached(up_to);
                Ok(messages.into_iter().next())
            }
            _ => Err(Unanswered::yet(REPLICA_IS_BEHIND)),
        }
    };
    server.ask(read).await
}

/// The last message of every subject that a pattern matches; `None` if that is more than one answer holds.
pub async fn all(server: &Server, pattern: &str) -> Result<Option<Vec<Found>>, ReadError> {
    let asked = [pattern.to_owned()];
    let Answer { messages, end } = ask(server, &asked).await?;
    match end {
        End::Whole(_) => Ok(Some(messages)),
        // The leader knows whether that is so, or the replica behind it.
        End::Nothing => Ok(subjects(server, pattern).await?.is_empty().then(Vec::new)),
        End::More(_) | End::TooMany => Ok(None),
    }
}

/// An answer that is as new as the question.
async fn ask(server: &Server, subjects: &[String]) -> Result<Answer, ReadError> {
    let read = async || {
        let newest = listing(server, None, 0).await?.state.last_seq;
        let answer = answer::of(server, subjects).await?;
        match answer.end {
            End::Whole(up_to) | End::More(up_to) if up_to < newest => Err(Unanswered::yet(REPLICA_IS_BEHIND)),
            End::Whole(up_to) | End::More(up_to) => {
                server.keep().reached(up_to);
                Ok(answer)
            }
            End::Nothing | End::TooMany => Ok(answer),
        }
    };
    server.ask(read).await
}

async fn one_by_one(server: &Server, subjects: &[String]) -> Result<Vec<Found>, ReadError> {
    if let [subject] = subjects {
        return Ok(one(server, subject).await?.into_iter().collect());
    }
    let mut found = Vec::with_capacity(subjects.len());
    for some in subjects.chunks(FEW) {
        let mut reads = JoinSet::new();
        for subject in some {
            let (server, subject) = (server.clone(), subject.clone());
            reads.spawn(async move { one(&server, &subject).await });
        }
        while let Some(read) = reads.join_next().await {
            found.extend(read.map_err(|ended| ReadError::Unavailable(ended.into()))??);
        }
    }
    Ok(found)
}

fn chunks(subjects: &[String], most_bytes: usize) -> Vec<&[String]> {
    let mut chunks = Vec::new();
    let mut rest = subjects;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(SUBJECTS).take_while(|subject| {
            bytes += subject.len();
            bytes <= most_bytes
        });
        let (chunk, behind) = rest.split_at(fits.count().max(1));
        chunks.push(chunk);
        rest = behind;
    }
    chunks
}

/// What a leader says of its stream: how far it is, and which subjects a pattern matches.
#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    total: usize,
    state: State,
}

#[derive(Deserialize)]
struct State {
    last_seq: u64,
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

async fn listing(server: &Server, pattern: Option<&str>, offset: usize) -> Result<Listing, Unanswered> {
    let (keep, known) = (server.keep(), server.keep().known_end());
    let to = format!("STREAM.INFO.{}", keep.name);
    let question = match pattern {
        Some(pattern) => json!({ "subjects_filter": pattern, "offset": offset }),
        None => json!({}),
    };
    let listing: Listing = match server.context().request(to, &question).await.map_err(Unanswered::yet)? {
        Response::Ok(listing) => listing,
        Response::Err { error } => return Err(Unanswered::yet(error)),
    };
    if keep.is_replicated && listing.state.last_seq < known {
        return Err(Unanswered::yet(LEADER_IS_BEHIND));
    }
    keep.reached(listing.state.last_seq);
    Ok(listing)
}

/// Every subject that a pattern matches, in the order of their bytes.
///
/// A server answers 100,000 at a time, by their number. Where others have gone meanwhile, the numbers have moved:
/// each part begins with what the one before ended with, or it is asked for again from further before.
pub async fn subjects(server: &Server, pattern: &str) -> Result<BTreeSet<String>, ReadError> {
    let mut found = BTreeSet::new();
    let (mut offset, mut back) = (0, 1);
    loop {
        let part = server.ask(async || listing(server, Some(pattern), offset).await).await?;
        let total = part.total;
        let subjects: BTreeSet<_> = part.state.subjects.unwrap_or_default().into_keys().collect();
        let follows = match (found.last(), subjects.first()) {
            (Some(last), Some(first)) => first <= last,
            (Some(_), None) => offset == 0,
            (None, _) => true,
        };
        if follows {
            let end = offset + subjects.len();
            found.extend(subjects);
            if end >= total {
                return Ok(found);
            }
            (offset, back) = (end - 1, 1);
        } else {
            back *= 16;
            offset = offset.saturating_sub(back);
        }
    }
}

/// Drops the messages of the subjects that a pattern matches, up to one of the stream.
pub async fn purge(server: &Server, pattern: &str, up_to: u64) -> Result<(), ReadError> {
    let purge = async || {
        let purge = server.keep().stream.purge().filter(pattern).sequence(up_to.saturating_add(1));
        purge.await.map(drop).map_err(Unanswered::yet)
    };
    server.ask(purge).await
}
