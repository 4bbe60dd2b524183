//! What is changed in the log: ends of streams, hidden and redacted events.

use super::database::Database;
use crate::id::StreamId;
use crate::store::{AppendError, Expected, Redaction};

pub(super) async fn close(
    _database: &Database,
    _stream: &StreamId,
    _expected: Expected,
    _reason: &str,
) -> Result<(), AppendError> {
    todo!()
}

pub(super) async fn truncate(
    _database: &Database,
    _stream: &StreamId,
    _expected: Expected,
    _before: u64,
) -> Result<(), AppendError> {
    todo!()
}

pub(super) async fn redact(_database: &Database, _redaction: Redaction) -> Result<bool, AppendError> {
    todo!()
}
