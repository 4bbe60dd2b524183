//! Work of projections on their rows, in one transaction with their checkpoints; and reads of rows.

use super::database::Database;
use super::failure::{self, Failure, Fate};
use super::pool::{PATIENCE, Pool, answered};
use super::transaction::Transaction;
use super::tx::{AtWork, PgTx, Spoilt};
use super::{PgError, processors};
use crate::foreign;
use crate::store::inline::Panicked;
use crate::store::rows;
use crate::store::{Advance, AdvanceError, BoxError, ReadError, RowWork};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::sleep;

/// The transaction of a session, as the server knows it.
#[derive(Clone, Copy)]
pub(super) struct Session {
    process: i32,
    since: i64,
}

/// The columns of a [`Session`]: of the one that asks.
macro_rules! session {
    () => {
        "pg_backend_pid(), (extract(epoch FROM now()) * 1000000)::bigint"
    };
}
pub(super) use session;

impl Session {
    pub fn of(row: &PgRow, index: usize) -> Result<Self, PgError> {
        Ok(Self { process: row.try_get(index)?, since: row.try_get(index + 1)? })
    }

    /// Waits for work in the transaction of this session. It may take as long as it takes: how long one statement of
    /// it may, and a pause between two, the server says. But where the server does not know the session any more, or
    /// is gone itself, nobody answers it.
    pub async fn watch<T>(self, database: &Database, work: impl Future<Output = T>) -> Result<T, PgError> {
        let mut work = pin!(work);
        loop {
            let mut known = pin!(self.is_known_after(PATIENCE, database));
            let heard = poll_fn(|cx| match work.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Ok(done)),
                Poll::Pending => known.as_mut().poll(cx).map(Err),
            });
            match heard.await {
                Ok(done) => return Ok(done),
                Err(Ok(false)) => return Err(PgError::Io(std::io::ErrorKind::ConnectionAborted.into())),
                Err(Err(error)) if failure::is_lost(&error) => return Err(error),
                // Those who ask are too many just now, or are not let in.
                Err(_) => {}
            }
        }
    }

    async fn is_known_after(self, pause: Duration, database: &Database) -> Result<bool, PgError> {
        const KNOWN: &str = "SELECT 1 FROM pg_catalog.pg_stat_activity
            WHERE pid = $1 AND (extract(epoch FROM xact_start) * 1000000)::bigint = $2";
        sleep(pause).await;
        let known = || database.query(KNOWN).bind(self.process).bind(self.since);
        Ok(!database.rows(known).await?.is_empty())
    }
}

/// Does the work of a build, and writes documents and the checkpoint.
pub(super) async fn advance(
    database: &Database,
    workroom: &Pool,
    advance: Advance,
    build: String,
    mut work: RowWork<PgTx>,
) -> Result<(), AdvanceError> {
    advance.check()?;
    let mut tx = PgTx::begin(database, workroom).await.map_err(failure::of_advance)?;
    let done = run(database, &mut tx, &advance, &build, &mut work).await;
    match done {
        Ok(true) => tx.commit().await.map_err(of_commit),
        Ok(false) => {
            // Nothing is to be kept, whatever becomes of the connection.
            let _ = tx.roll_back().await;
            Ok(())
        }
        // It may be the connection that is lost, and whoever loses one rolls it back.
        Err(unavailable @ AdvanceError::Unavailable(_)) => Err(unavailable),
        Err(error) => match (tx.roll_back().await, error) {
            // Then that is what has been in the way.
            (Err(lost), AdvanceError::Work(_)) if failure::is_lost(&lost) => Err(failure::of_advance(lost)),
            (_, error) => Err(error),
        },
    }
}

/// Whether there was anything to do.
async fn run(
    database: &Database,
    tx: &mut PgTx,
    advance: &Advance,
    build: &str,
    work: &mut RowWork<PgTx>,
) -> Result<bool, AdvanceError> {
    let fenced = || processors::fenced(&advance.processor);
    let entered = tx.enter(&advance.processor, build).await.map_err(failure::of_advance)?;
    let AtWork { epoch, checkpoint, session } = entered.ok_or_else(fenced)?;
    if epoch == 0 || epoch != advance.epoch {
        return Err(fenced());
    }
    advance.require(checkpoint)?;
    if advance.to.is_some_and(|to| to.position <= checkpoint.position) {
        return Ok(false);
    }
    let done = session.watch(database, foreign::caught(work(tx))).await.map_err(failure::of_advance)?;
    done.unwrap_or_else(|panic| Err(Panicked::with(&*panic).into())).map_err(of_work)?;
    tx.leave().await.map_err(|spoilt| match spoilt {
        Spoilt::Failed(error) => failure::of_advance(error),
        spoilt => AdvanceError::Work(spoilt.into()),
    })?;
    let write = answered(processors::advancing(database, advance).fetch_all(&mut **tx)).await;
    processors::advanced(&write.map_err(failure::of_advance)?, advance)?;
    Ok(true)
}

/// What an error of the work says: of the database, which may be well again soon, or of the work itself.
fn of_work(error: BoxError) -> AdvanceError {
    if rows::may_pass(&*error) { AdvanceError::Unavailable(error) } else { AdvanceError::Work(error) }
}

/// A commit that is refused because of what the rows are to be is the work's failure.
fn of_commit(error: PgError) -> AdvanceError {
    match Fate::of(&error) {
        Fate::Refused => AdvanceError::Work(Failure::from(error).into()),
        _ => failure::of_advance(error),
    }
}

/// Whether an error of some work says that the database was in the way, and not the work.
pub(in crate::store) fn may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(found) = source {
        if let Some(error) = found.downcast_ref::<PgError>() {
            return match Fate::of(error) {
                Fate::Busy => true,
                Fate::Unknown => failure::is_lost(error),
                Fate::Refused | Fate::Failed => false,
            };
        }
        source = found.source();
    }
    false
}

/// Lets somebody read the rows that projections keep, all at one moment.
pub(super) async fn read<T>(
    database: &Database,
    readers: &Pool,
    read: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PgError>,
) -> Result<T, ReadError> {
    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const VIEWS: &str = concat!(
        "SELECT set_config('search_path', quote_ident({es}.beside('_rows')) || ', public, pg_temp', true), ",
        session!()
    );
    let mut transaction = Transaction::begin(readers, BEGIN).await.map_err(failure::of_read)?;
    let row = answered(database.query(VIEWS).fetch_one(&mut *transaction)).await;
    let session = row.and_then(|row| Session::of(&row, 1)).map_err(failure::of_read)?;
    match session.watch(database, read(&mut transaction)).await.and_then(|answer| answer) {
        Ok(answer) => {
            transaction.roll_back().await.map_err(failure::of_read)?;
            Ok(answer)
        }
        Err(error) => {
            if !failure::is_lost(&error) {
                let _ = transaction.roll_back_for_good().await;
            }
            Err(failure::of_read(error))
        }
    }
}
