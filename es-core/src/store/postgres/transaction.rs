//! Transactions of this store on connections of a pool.

use super::PgError;
use super::failure::{self, Unanswered};
use super::pool::{Lent, Pool, answered, deadline, within};
use sqlx::Executor;
use sqlx::postgres::PgConnection;
use std::ops::{Deref, DerefMut};
use tokio::time::Instant;

/// A transaction. One that is dropped is ended by the server, which loses its connection.
pub(super) struct Transaction {
    lent: Lent,
}

impl Transaction {
    /// Begins one on a connection of a pool; on another one, if one was lost while nobody used it.
    pub async fn begin(pool: &Pool, statement: &'static str) -> Result<Self, PgError> {
        let until = deadline();
        match Self::begin_once(pool, statement, until).await {
            Err(error) if failure::is_lost(&error.cause) && Instant::now() < until => {
                Ok(Self::begin_once(pool, statement, until).await?)
            }
            begun => Ok(begun?),
        }
    }

    /// Begins one, which cannot be if the connection was lost while nobody used it.
    pub async fn begin_once(
        pool: &Pool,
        statement: &'static str,
        until: Instant,
    ) -> Result<Self, Unanswered> {
        let begun = async {
            let mut lent = pool.lend(until).await?;
            within(until, lent.begin(statement)).await.map_err(Unanswered::uncommitted)?;
            Ok(Self { lent })
        };
        begun.await.inspect_err(|error: &Unanswered| pool.note(&error.cause))
    }

    pub async fn commit(self) -> Result<(), PgError> {
        self.end("COMMIT").await.map(Lent::give_back)
    }

    pub async fn roll_back(self) -> Result<(), PgError> {
        self.end("ROLLBACK").await.map(Lent::give_back)
    }

    /// The same, where nobody knows what has become of the connection, which is not used again.
    pub async fn roll_back_for_good(self) -> Result<(), PgError> {
        self.end("ROLLBACK").await.map(drop)
    }

    async fn end(mut self, statement: &'static str) -> Result<Lent, PgError> {
        answered(self.lent.execute(statement)).await?;
        Ok(self.lent)
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.lent
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lent
    }
}
