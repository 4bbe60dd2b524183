//! Rows one by one, for pages of which it is not known before how large they are.

use super::database::{BEGIN_READING, Database, PgQuery};
use super::pool::{deadline, within};
use super::{PgError, failure};
use crate::store::ReadError;
use sqlx::postgres::{PgConnection, PgRow};
use std::future::poll_fn;
use std::ops::ControlFlow;
use tokio::time::Instant;

/// What becomes of a row: the next one comes, or none is wanted any more.
pub(super) type Taken = Result<ControlFlow<()>, ReadError>;

/// Runs a statement that only reads, and hands its rows over until it has no more or none is wanted. It is run
/// again if the connection was lost before the first row.
pub(super) async fn page(
    database: &Database,
    query: impl Fn() -> PgQuery + Send,
    mut take: impl FnMut(&PgRow) -> Taken + Send,
) -> Result<(), ReadError> {
    let until = deadline();
    let mut has_begun = false;
    let mut taken = once(database, query(), until, &mut take, &mut has_begun).await;
    if taken.as_ref().is_err_and(failure::is_lost) && !has_begun && Instant::now() < until {
        taken = once(database, query(), until, &mut take, &mut has_begun).await;
    }
    taken.map_err(failure::of_read)?.break_value().unwrap_or(Ok(()))
}

async fn once(
    database: &Database,
    query: PgQuery,
    until: Instant,
    take: &mut (impl FnMut(&PgRow) -> Taken + Send),
    has_begun: &mut bool,
) -> Result<ControlFlow<Result<(), ReadError>>, PgError> {
    let each = |row: PgRow| {
        *has_begun = true;
        match take(&row) {
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            ended => ControlFlow::Break(ended.map(drop)),
        }
    };
    database.run(query, BEGIN_READING, until, each).await
}

/// Runs a statement on a connection, which is of no use any more where this ends early.
pub(super) async fn rows<B>(
    connection: &mut PgConnection,
    query: PgQuery,
    mut until: Instant,
    mut take: impl FnMut(PgRow) -> ControlFlow<B> + Send,
) -> Result<ControlFlow<B>, PgError> {
    let mut rows = query.fetch(connection);
    loop {
        let next = poll_fn(|cx| rows.as_mut().poll_next(cx));
        let Some(row) = within(until, async { next.await.transpose() }).await? else {
            return Ok(ControlFlow::Continue(()));
        };
        if let ended @ ControlFlow::Break(_) = take(row) {
            return Ok(ended);
        }
        until = deadline();
    }
}
