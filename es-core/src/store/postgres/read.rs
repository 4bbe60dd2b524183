//! Pages of events, each from one statement and so from one snapshot.

use super::database::Database;
use crate::id::{Position, StreamId};
use crate::store::{Filter, LogPage, ReadError, StoredEvent, StreamPage, StreamRead};
use uuid::Uuid;

pub(super) async fn stream(
    _database: &Database,
    _stream: &StreamId,
    _read: StreamRead,
) -> Result<StreamPage, ReadError> {
    todo!()
}

pub(super) async fn log(
    _database: &Database,
    _after: Position,
    _filter: &Filter,
    _limit: u32,
) -> Result<LogPage, ReadError> {
    todo!()
}

pub(super) async fn event(_database: &Database, _id: Uuid) -> Result<Option<StoredEvent>, ReadError> {
    todo!()
}

pub(super) async fn head(_database: &Database) -> Result<Position, ReadError> {
    todo!()
}
