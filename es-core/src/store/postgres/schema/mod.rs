//! What is in the database: tables, functions, rights.

use super::{PgOpenError, PgOptions};

pub(super) async fn migrate(_url: &str, _options: &PgOptions) -> Result<(), PgOpenError> {
    todo!()
}
