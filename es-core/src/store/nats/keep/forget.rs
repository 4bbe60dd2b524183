//! How a processor and its documents are forgotten: step by step, since a large build has many.

use super::super::server::Server;
use crate::store::AdvanceError;

pub(in super::super) async fn forget(_server: &Server, _processor: &str) -> Result<(), AdvanceError> {
    todo!()
}
