//! Pages of the log.

use super::server::Server;
use crate::id::Position;
use crate::store::{Filter, LogPage, ReadError};

pub(super) async fn page(
    _server: &Server,
    _after: Position,
    _filter: &Filter,
    _limit: u32,
) -> Result<LogPage, ReadError> {
    todo!()
}
