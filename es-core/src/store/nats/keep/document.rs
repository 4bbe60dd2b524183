//! A document as a message.
//!
//! Of a document that is deleted a message without a body stays for a while, and goes by itself: a message can take
//! another one's place in a batch, but not leave it empty.

use super::super::batch::Draft;
use super::super::fetch::Found;
use super::places::Place;
use super::{damaged, header, number, subjects};
use crate::id::Position;
use crate::store::{DocumentWrite, ReadError, StoredDocument};
use async_nats::header::NATS_MESSAGE_TTL;

const REVISION: &str = "Es-Revision";
const POSITION: &str = "Es-Position";
const DELETED: &str = "Es-Deleted";

/// How long it stays said that a document was deleted, in seconds. Nobody needs it; the server counts in seconds,
/// and has less to do where many go together.
const DELETED_FOR: u64 = 60;

/// What the last message of a document says.
pub struct Stored {
    pub sequence: u64,
    /// `None` if it was deleted.
    pub document: Option<StoredDocument>,
}

impl Stored {
    pub fn of(message: &Found) -> Result<Self, ReadError> {
        let sequence = message.sequence;
        if header(message, DELETED).is_some() {
            return Ok(Self { sequence, document: None });
        }
        let foreign = || damaged(message, format!("{} is no document's subject", message.subject));
        let document = StoredDocument {
            key: subjects::last_name(&message.subject).ok_or_else(foreign)?,
            revision: number(message, REVISION)?,
            position: Position(number(message, POSITION)?),
            body: message.body.clone(),
        };
        Ok(Self { sequence, document: Some(document) })
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        let revision = self.document.as_ref().map_or(0, |document| document.revision);
        Place { sequence: self.sequence, revision }
    }
}

/// The message that takes the place of what is there.
pub fn draft(write: &DocumentWrite, subject: &str, place: Place) -> Draft {
    let draft = Draft::new(subject.to_owned(), write.body.clone().unwrap_or_default());
    let draft = draft.expect_last(place.sequence);
    match write.body {
        Some(_) => draft.header(REVISION, place.revision + 1).header(POSITION, write.position.0),
        None => draft.header(DELETED, 1).header(NATS_MESSAGE_TTL, DELETED_FOR),
    }
}
