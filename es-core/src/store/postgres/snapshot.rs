//! Snapshots, one for each stream.

use super::database::Database;
use crate::id::StreamId;
use crate::store::{AppendError, ReadError, StoredSnapshot};

pub(super) async fn load(
    _database: &Database,
    _stream: &StreamId,
    _fingerprint: u64,
) -> Result<Option<StoredSnapshot>, ReadError> {
    todo!()
}

pub(super) async fn save(_database: &Database, _snapshot: StoredSnapshot) -> Result<(), AppendError> {
    todo!()
}
