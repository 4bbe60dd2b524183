//! Snapshots, one for each stream.

use super::super::server::Server;
use crate::id::StreamId;
use crate::store::{AppendError, ReadError, StoredSnapshot};

pub(in super::super) async fn load(
    _server: &Server,
    _stream: &StreamId,
    _fingerprint: u64,
) -> Result<Option<StoredSnapshot>, ReadError> {
    todo!()
}

pub(in super::super) async fn save(_server: &Server, _snapshot: StoredSnapshot) -> Result<(), AppendError> {
    todo!()
}
