//! Work of projections on their rows, in one transaction with their checkpoints; and reads of rows.

use super::database::{Database, begin_in};
use super::failure::{self, Failure, Fate};
use super::settle::within;
use super::tx::{AtWork, PgTx, Spoilt};
use super::{PgError, processors};
use crate::foreign;
use crate::store::inline::Panicked;
use crate::store::rows;
use crate::store::{Advance, AdvanceError, BoxError, ReadError, RowWork};
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres, Transaction};
use std::time::Duration;
use tokio::time::Instant;

/// What becomes of a connection behind work that is not ours.
const RESET: &str = "RESET ALL; DISCARD TEMP; SELECT pg_advisory_unlock_all()";

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections for what is not ours: beside those of the store, whose settings are its own.
pub(super) struct Workroom {
    pool: PgPool,
}

impl Workroom {
    pub fn of(database: &Database) -> Self {
        let usual = database.pool();
        let mut options = usual.connect_options().as_ref().clone();
        if !database.is_pooled() {
            // Work that has ended its transaction writes nothing outside of it.
            options = options.options([("default_transaction_read_only", "on")]);
        }
        let is_kept = !database.is_pooled();
        let pool = PgPoolOptions::new()
            .max_connections(usual.options().get_max_connections())
            .acquire_timeout(usual.options().get_acquire_timeout())
            .test_before_acquire(false)
            .after_release(move |connection, _| {
                Box::pin(async move {
                    if is_kept {
                        // On a way that is dammed up it would be waited for ever, and nobody else could have its place.
                        within(Instant::now() + PATIENCE, connection.execute(RESET)).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Self { pool }
    }

    /// Begins a transaction; on another connection, if one was lost while nobody used it.
    pub async fn begin(&self, statement: &'static str) -> Result<Transaction<'static, Postgres>, PgError> {
        loop {
            let idle = self.pool.num_idle();
            match begin_in(&self.pool, statement).await {
                Err(error) if failure::is_lost(&error) && idle > 0 => {}
                begun => return begun,
            }
        }
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Does the work of a build, and writes documents and the checkpoint.
pub(super) async fn advance(
    database: &Database,
    workroom: &Workroom,
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
    let AtWork { epoch, checkpoint } = entered.ok_or_else(fenced)?;
    if epoch == 0 || epoch != advance.epoch {
        return Err(fenced());
    }
    advance.require(checkpoint)?;
    if advance.to.is_some_and(|to| to.position <= checkpoint.position) {
        return Ok(false);
    }
    let done = foreign::caught(work(tx)).await;
    done.unwrap_or_else(|panic| Err(Panicked::with(&*panic).into())).map_err(of_work)?;
    tx.leave().await.map_err(|spoilt| match spoilt {
        Spoilt::Failed(error) => failure::of_advance(error),
        spoilt => AdvanceError::Work(spoilt.into()),
    })?;
    let write = processors::advancing(database, advance).fetch_all(&mut **tx).await;
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
    readers: &Workroom,
    read: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PgError>,
) -> Result<T, ReadError> {
    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const VIEWS: &str =
        "SELECT set_config('search_path', quote_ident({es}.beside('_rows')) || ', public, pg_temp', true)";
    let mut transaction = readers.begin(BEGIN).await.map_err(failure::of_read)?;
    database.query(VIEWS).execute(&mut *transaction).await.map_err(failure::of_read)?;
    let answer = read(&mut transaction).await.map_err(failure::of_read)?;
    transaction.rollback().await.map_err(failure::of_read)?;
    Ok(answer)
}
