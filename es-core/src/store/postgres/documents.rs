//! Documents, read.

use super::database::Database;
use crate::store::{DocumentRange, ReadError, StoredDocument};

pub(super) async fn find(
    _database: &Database,
    _collection: &str,
    _keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    todo!()
}

pub(super) async fn list(
    _database: &Database,
    _collection: &str,
    _range: &DocumentRange,
) -> Result<Vec<StoredDocument>, ReadError> {
    todo!()
}
