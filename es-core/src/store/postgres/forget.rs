//! How a processor and its documents are forgotten: step by step, since a large build has many.

use super::database::Database;
use crate::store::AdvanceError;

pub(super) async fn forget(_database: &Database, _processor: &str) -> Result<(), AdvanceError> {
    todo!()
}
