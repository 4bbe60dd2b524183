//! What is beside the log: documents, processors and their leases, snapshots. Each is the last message of a
//! subject; a change of several is one atomic batch.
//!
//! A change goes through the rooms in this order: [`processors`] and [`leases`] say what shall be, [`change`] finds
//! out which messages that replaces ([`places`]), and sends what takes their places ([`processor`], [`document`]),
//! perhaps with changes of others ([`together`]).
//! Reads go through [`documents`] and [`many`]. What a process remembers ([`lanes`], [`places`], [`keys`]) saves
//! reads and decides nothing: a write is refused where it does not replace what it was made for.

mod answer;
mod change;
mod document;
pub(super) mod documents;
pub(super) mod forget;
mod keys;
mod lanes;
pub(super) mod leases;
mod many;
mod places;
mod processor;
pub(super) mod processors;
pub(super) mod snapshots;
mod subjects;
mod together;

pub(super) use change::MAX_WRITES;

use super::fetch::Found;
use crate::store::{AdvanceError, BoxError, ReadError};

/// What this process remembers of what is stored.
#[derive(Default)]
pub(super) struct Keep {
    lanes: lanes::Lanes,
    places: places::Places,
    keys: keys::Keys,
    together: together::Together,
}

/// A header of a message, if it has it.
fn header<'m>(message: &'m Found, name: &'static str) -> Option<&'m str> {
    message.headers.get(name).map(async_nats::HeaderValue::as_str)
}

/// A number that a message must have.
fn number<T>(message: &Found, name: &'static str) -> Result<T, ReadError>
where
    T: std::str::FromStr<Err = std::num::ParseIntError>,
{
    let text = header(message, name).ok_or_else(|| damaged(message, format!("it has no {name}")))?;
    text.parse().map_err(|error: std::num::ParseIntError| damaged(message, error))
}

/// Says that a message is not one that this store has written.
fn damaged(message: &Found, cause: impl Into<BoxError>) -> ReadError {
    let (sequence, cause) = (message.sequence, cause.into());
    ReadError::Unavailable(format!("message {sequence} beside the log is damaged: {cause}").into())
}

/// Says that nothing was written, since something could not be read before.
fn unread(error: ReadError) -> AdvanceError {
    match error {
        ReadError::Unavailable(cause) => AdvanceError::Unavailable(cause),
        damaged => AdvanceError::Unavailable(damaged.into()),
    }
}
