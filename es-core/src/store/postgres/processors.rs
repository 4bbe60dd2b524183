//! What follows the log: places and leases.
//!
//! A lease ends by the database's clock. One that is set forward ends leases early; one that is set back would
//! keep them for longer than they were taken for, so whoever is refused one then cuts it down to that. Either way
//! the epoch alone decides who may write.
//!
//! Epochs come from a sequence, which no rollback takes back: they rise, and none is given twice.

use super::column::{self, value};
use super::database::{Database, PgQuery};
use super::{PgError, failure, text};
use crate::id::Position;
use crate::store::{Advance, AdvanceError, Checkpoint, Lease, ReadError, StoredProcessor};
use sqlx::Row;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgRow;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The longest time of a lease, which the database's times have room for.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// How often an advance is begun that others were in the way of.
const ATTEMPTS: usize = 5;

pub(super) async fn register(
    database: &Database,
    processor: &str,
    start: Checkpoint,
) -> Result<Checkpoint, ReadError> {
    const REGISTER: &str = "WITH entered AS (
            INSERT INTO {es}.processors (name, position, event_id) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING position, event_id)
        SELECT position, event_id FROM entered
        UNION ALL SELECT position, event_id FROM {es}.processors WHERE name = $1";
    loop {
        let register = database
            .query(REGISTER)
            .bind(text::escaped(processor).into_owned())
            .bind(column::signed(start.position.0))
            .bind(start.event);
        let rows = database.rows_once(register).await.map_err(failure::of_read)?;
        if let Some(row) = rows.first() {
            return checkpoint(row, 0);
        }
        // Somebody entered it at the same time; what they have entered is seen now.
    }
}

/// The checkpoint in two columns, from this one on.
fn checkpoint(row: &PgRow, index: usize) -> Result<Checkpoint, ReadError> {
    let position = Position(column::unsigned(value(row, index)?));
    Ok(Checkpoint { position, event: value(row, index + 1)? })
}

pub(super) async fn list(database: &Database, prefix: &str) -> Result<Vec<StoredProcessor>, ReadError> {
    const LIST: &str = "SELECT name, position, event_id,
            CASE WHEN clock_timestamp() < lease_until THEN owner END
        FROM {es}.processors WHERE name >= $1 AND starts_with(name, $1) ORDER BY name";
    let query = || database.query(LIST).bind(text::escaped(prefix).into_owned());
    let rows = database.rows(query).await.map_err(failure::of_read)?;
    let known = |row: &PgRow| {
        Ok(StoredProcessor {
            name: text::unescaped(value(row, 0)?).into(),
            checkpoint: checkpoint(row, 1)?,
            owner: value(row, 3)?,
        })
    };
    rows.iter().map(known).collect()
}

pub(super) async fn acquire(
    database: &Database,
    processor: &str,
    owner: Uuid,
    ttl: Duration,
) -> Result<Option<Lease>, ReadError> {
    let rows = database.rows_once(acquiring(database, processor, owner, ttl)).await;
    taken(&rows.map_err(failure::of_read)?, processor, owner)
}

/// The statement that takes a lease, and gives it in a row if it was free.
pub(super) fn acquiring(database: &Database, processor: &str, owner: Uuid, ttl: Duration) -> PgQuery {
    // A row is changed by one of the two at most.
    const ACQUIRE: &str = "WITH taken AS (
            UPDATE {es}.processors SET owner = $2, epoch = nextval(format('%I.leases', $4::text)::regclass),
                lease_until = clock_timestamp() + $3 * interval '1 microsecond',
                lease_for = $3 * interval '1 microsecond'
            WHERE name = $1 AND (owner IS NULL OR owner = $2 OR lease_until <= clock_timestamp())
            RETURNING epoch, position, event_id),
        cut_down AS (
            UPDATE {es}.processors SET lease_until = clock_timestamp() + lease_for
            WHERE name = $1 AND owner <> $2 AND lease_until > clock_timestamp() + lease_for)
        SELECT epoch, position, event_id FROM taken";
    database
        .query(ACQUIRE)
        .bind(text::escaped(processor).into_owned())
        .bind(owner)
        .bind(micros(ttl))
        .bind(database.schema().to_owned())
}

/// The lease that [`acquiring`] has taken, if it has.
pub(super) fn taken(rows: &[PgRow], processor: &str, owner: Uuid) -> Result<Option<Lease>, ReadError> {
    let Some(row) = rows.first() else { return Ok(None) };
    let epoch = column::unsigned(value(row, 0)?);
    Ok(Some(Lease { processor: processor.into(), owner, epoch, checkpoint: checkpoint(row, 1)? }))
}

fn micros(ttl: Duration) -> i64 {
    i64::try_from(ttl.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

pub(super) async fn renew(database: &Database, lease: &Lease, ttl: Duration) -> Result<(), AdvanceError> {
    let renewed = database.rows_once(renewing(database, lease, ttl)).await.map_err(failure::of_advance)?;
    if renewed.is_empty() { Err(fenced(&lease.processor)) } else { Ok(()) }
}

/// The statement that renews a lease, and gives a row if it is held.
pub(super) fn renewing(database: &Database, lease: &Lease, ttl: Duration) -> PgQuery {
    const RENEW: &str = "UPDATE {es}.processors
        SET lease_until = clock_timestamp() + $3 * interval '1 microsecond',
            lease_for = $3 * interval '1 microsecond'
        WHERE name = $1 AND epoch = $2 AND epoch > 0 RETURNING 1";
    database
        .query(RENEW)
        .bind(text::escaped(&lease.processor).into_owned())
        .bind(column::signed(lease.epoch))
        .bind(micros(ttl))
}

pub(super) async fn release(database: &Database, lease: &Lease) -> Result<(), AdvanceError> {
    let release = database
        .query(
            "UPDATE {es}.processors SET owner = NULL, epoch = 0 WHERE name = $1 AND epoch = $2 AND epoch > 0",
        )
        .bind(text::escaped(&lease.processor).into_owned())
        .bind(column::signed(lease.epoch));
    database.rows_once(release).await.map_err(failure::of_advance)?;
    Ok(())
}

pub(super) fn fenced(processor: &str) -> AdvanceError {
    AdvanceError::Fenced { processor: processor.into() }
}

pub(super) async fn advance(database: &Database, advance: Advance) -> Result<(), AdvanceError> {
    advance.check()?;
    let mut attempt = 1;
    loop {
        match database.rows_once(advancing(database, &advance)).await {
            Err(error) if is_in_the_way(&error.cause) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(failure::of_advance(error)),
            Ok(rows) => return advanced(&rows, &advance),
        }
    }
}

/// Whether others have written the same documents at the same time.
fn is_in_the_way(error: &PgError) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// The call of the function that does it. What it answers is for [`advanced`].
pub(super) fn advancing(database: &Database, advance: &Advance) -> PgQuery {
    let place = |checkpoint: Option<Checkpoint>| {
        let position = checkpoint.map(|checkpoint| column::signed(checkpoint.position.0));
        (position, checkpoint.and_then(|checkpoint| checkpoint.event))
    };
    let (from, from_event) = place(advance.from);
    let (to, to_event) = place(advance.to);
    let writes = advance.writes.iter();
    let text = |text: &str| text::escaped(text).into_owned();
    database
        .query("SELECT {es}.advance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .bind(text(&advance.processor))
        .bind(column::signed(advance.epoch))
        .bind(from)
        .bind(from_event)
        .bind(to)
        .bind(to_event)
        .bind(writes.clone().map(|write| text(&write.collection)).collect::<Vec<_>>())
        .bind(writes.clone().map(|write| text(&write.key)).collect::<Vec<_>>())
        .bind(writes.clone().map(|write| write.revision.map(column::signed)).collect::<Vec<_>>())
        .bind(writes.clone().map(|write| column::signed(write.position.0)).collect::<Vec<_>>())
        .bind(writes.map(|write| write.body.as_deref().map(Vec::from)).collect::<Vec<_>>())
}

/// What the function has answered.
pub(super) fn advanced(rows: &[PgRow], advance: &Advance) -> Result<(), AdvanceError> {
    let answer = rows.first().ok_or(PgError::RowNotFound).and_then(|row| row.try_get::<i32, _>(0));
    let processor = || Arc::clone(&advance.processor);
    match answer.map_err(failure::of_advance)? {
        0 => Ok(()),
        -2 => Err(AdvanceError::Moved { processor: processor() }),
        number => {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            match index.and_then(|index| advance.writes.get(index)) {
                Some(write) => Err(AdvanceError::Changed {
                    collection: write.collection.clone(),
                    key: write.key.clone(),
                }),
                None => Err(AdvanceError::Fenced { processor: processor() }),
            }
        }
    }
}
