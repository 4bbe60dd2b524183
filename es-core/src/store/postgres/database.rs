//! The way to the database: a pool of connections, and the statements in the names of its schema.

use super::{PgOpenError, PgOptions};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::sync::Arc;

/// A schema in a database. Clones are the same.
#[derive(Clone)]
pub(super) struct Database {
    pool: PgPool,
    schema: Arc<str>,
}

impl Database {
    pub async fn open(_url: &str, _options: &PgOptions) -> Result<Self, PgOpenError> {
        todo!()
    }

    /// Connections for one statement, or one short transaction, each.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The name of the schema, without quotes.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A statement with `{es}` for the schema: `SELECT .. FROM {es}.events`.
    pub fn sql(&self, text: &str) -> SqlStr {
        AssertSqlSafe(text.replace("{es}", &self.schema)).into_sql_str()
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}
