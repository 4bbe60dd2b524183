//! Rows one by one, for pages of which it is not known before how large they are.

use super::database::{BEGIN_READING, Database, PgQuery};
use super::pool::{deadline, timed_out};
use super::{PgError, failure};
use crate::store::ReadError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Either, Executor};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::Poll;
use tokio::time::{Instant, sleep_until};

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
    Ok(database.run(query, BEGIN_READING, until, each).await?)
}

/// Runs a statement on a connection, which is of no use any more where this ends early. The first row is waited for
/// until then, and each further one as long as any answer. No clock is looked at for rows that are there.
pub(super) async fn rows<B>(
    connection: &mut PgConnection,
    query: PgQuery,
    until: Instant,
    mut take: impl FnMut(PgRow) -> ControlFlow<B> + Send,
) -> Result<ControlFlow<B>, PgError> {
    let mut answers = connection.fetch_many(query);
    let mut patience = pin!(sleep_until(until));
    let mut has_moved = false;
    loop {
        let next = poll_fn(|cx| {
            if let Poll::Ready(next) = answers.as_mut().poll_next(cx) {
                has_moved = true;
                return Poll::Ready(next.transpose());
            }
            if std::mem::take(&mut has_moved) {
                patience.as_mut().reset(deadline());
            }
            patience.as_mut().poll(cx).map(|()| Err(timed_out()))
        });
        match next.await? {
            None => return Ok(ControlFlow::Continue(())),
            // What ends a statement, behind its rows.
            Some(Either::Left(_)) => {}
            Some(Either::Right(row)) => {
                if let ended @ ControlFlow::Break(_) = take(row) {
                    return Ok(ended);
                }
            }
        }
    }
}
