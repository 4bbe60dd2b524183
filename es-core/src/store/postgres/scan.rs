//! Rows one by one, for pages of which it is not known before how large they are.

use super::PgError;
use super::database::{BEGIN_READING, Database, begin_in};
use super::failure;
use crate::store::ReadError;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{Either, Executor, Postgres};
use std::future::poll_fn;
use std::ops::ControlFlow;

/// A statement with its values.
pub(super) type PgQuery = Query<'static, Postgres, PgArguments>;

/// What becomes of a row: the next one comes, or none is wanted any more.
pub(super) type Taken = Result<ControlFlow<()>, ReadError>;

/// Runs a statement that only reads, and hands its rows over until it has no more or none is wanted. It is run
/// again if the connection was lost before the first row.
pub(super) async fn rows(
    database: &Database,
    query: impl Fn() -> PgQuery + Send,
    mut take: impl FnMut(&PgRow) -> Taken + Send,
) -> Result<(), ReadError> {
    let mut has_begun = false;
    let taking = |row: &PgRow| {
        has_begun = true;
        take(row)
    };
    let read = match once(database, query(), taking).await {
        Err(error) if failure::is_lost(&error) && !has_begun => {
            database.drop_lost_connections().await;
            once(database, query(), take).await
        }
        read => read,
    };
    read.map_err(failure::of_read)?
}

async fn once(
    database: &Database,
    query: PgQuery,
    take: impl FnMut(&PgRow) -> Taken + Send,
) -> Result<Result<(), ReadError>, PgError> {
    if database.is_pooled() {
        // A pooler may send each half of a statement to another connection, if they are not in a transaction.
        let mut transaction = begin_in(database.pool(), BEGIN_READING).await?;
        let taken = fetch(&mut transaction, query, take).await?;
        if let Ok(ControlFlow::Continue(())) = taken {
            transaction.commit().await?;
        }
        return Ok(taken.map(drop));
    }
    let mut connection = database.pool().acquire().await?;
    let taken = fetch(&mut connection, query, take).await?;
    if !matches!(taken, Ok(ControlFlow::Continue(()))) {
        // What is still on its way would have to be read to its end before anything else.
        drop(connection.detach());
    }
    Ok(taken.map(drop))
}

async fn fetch(
    connection: &mut PgConnection,
    query: PgQuery,
    mut take: impl FnMut(&PgRow) -> Taken + Send,
) -> Result<Taken, PgError> {
    let mut answers = connection.fetch_many(query);
    while let Some(answer) = poll_fn(|cx| answers.as_mut().poll_next(cx)).await {
        if let Either::Right(row) = answer? {
            match take(&row) {
                Ok(ControlFlow::Continue(())) => {}
                ended => return Ok(ended),
            }
        }
    }
    Ok(Ok(ControlFlow::Continue(())))
}
