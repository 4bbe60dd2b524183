//! Documents, read.

use super::super::server::Server;
use crate::store::{DocumentRange, ReadError, StoredDocument};

pub(in super::super) async fn find(
    _server: &Server,
    _collection: &str,
    _keys: &[String],
) -> Result<Vec<StoredDocument>, ReadError> {
    todo!()
}

pub(in super::super) async fn list(
    _server: &Server,
    _collection: &str,
    _range: &DocumentRange,
) -> Result<Vec<StoredDocument>, ReadError> {
    todo!()
}
