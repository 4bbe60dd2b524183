//! Pages of a stream, and single events.

use super::server::Server;
use crate::id::{Position, StreamId};
use crate::store::{ReadError, StoredEvent, StreamPage, StreamRead};
use uuid::Uuid;

pub(super) async fn stream(
    _server: &Server,
    _stream: &StreamId,
    _read: StreamRead,
) -> Result<StreamPage, ReadError> {
    todo!()
}

pub(super) async fn event(_server: &Server, _id: Uuid) -> Result<Option<StoredEvent>, ReadError> {
    todo!()
}

pub(super) async fn head(_server: &Server) -> Result<Position, ReadError> {
    todo!()
}
