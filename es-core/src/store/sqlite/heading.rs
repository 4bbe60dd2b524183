//! What a file knows about a stream beside its events.

use super::column;
use crate::id::StreamId;
use crate::store::StreamHead;
use rusqlite::Connection;

/// The head of a stream, and where its visible part begins.
pub(super) struct Heading {
    pub head: StreamHead,
    pub truncated_before: u64,
}

impl Heading {
    /// Reads it, in the transaction that the connection is in.
    pub fn of(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT last.version, edits, truncated_before, closed_at IS NOT NULL
             FROM (SELECT coalesce(max(version), 0) AS version FROM events WHERE stream = ?1) AS last
             LEFT JOIN streams ON streams.stream = ?1",
        )?;
        statement.query_row([stream.as_str()], |row| {
            let number =
                |index| row.get::<_, Option<i64>>(index).map(|number| column::unsigned(number.unwrap_or(0)));
            Ok(Self {
                head: StreamHead { version: number(0)?, edits: number(1)?, closed: row.get(3)? },
                truncated_before: number(2)?,
            })
        })
    }

    /// The first version that reads of the stream show.
    pub fn first(&self) -> u64 {
        self.truncated_before.max(1)
    }
}
