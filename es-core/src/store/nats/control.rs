//! What is changed in the log: ends of streams, hidden and redacted events.

use super::server::Server;
use crate::id::StreamId;
use crate::store::{AppendError, Expected, Redaction};

pub(super) async fn close(
    _server: &Server,
    _stream: &StreamId,
    _expected: Expected,
    _reason: &str,
) -> Result<(), AppendError> {
    todo!()
}

pub(super) async fn truncate(
    _server: &Server,
    _stream: &StreamId,
    _expected: Expected,
    _before: u64,
) -> Result<(), AppendError> {
    todo!()
}

pub(super) async fn redact(_server: &Server, _redaction: Redaction) -> Result<bool, AppendError> {
    todo!()
}
