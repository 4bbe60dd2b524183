//! What is changed in the log: ends of streams, hidden and redacted events.

use super::append::expectation;
use super::column;
use super::database::{Database, PgQuery};
use super::failure::{Failure, Fate, Unanswered};
use super::settle::Attempts;
use super::text::escaped;
use crate::id::StreamId;
use crate::store::{AppendError, Expected, Redaction, limits};
use sqlx::Row;
use sqlx::postgres::PgRow;

pub(super) async fn close(
    database: &Database,
    stream: &StreamId,
    expected: Expected,
    reason: &str,
) -> Result<(), AppendError> {
    limits::check_stream(stream)?;
    let statement = || {
        database
            .query("SELECT {es}.close_stream($1, $2, $3)")
            .bind(escaped(stream.as_str()))
            .bind(expectation(expected))
            .bind(escaped(reason))
    };
    let (actual, _) = done(database, statement).await?;
    as_expected(stream, expected, actual)
}

pub(super) async fn truncate(
    database: &Database,
    stream: &StreamId,
    expected: Expected,
    before: u64,
) -> Result<(), AppendError> {
    limits::check_stream(stream)?;
    let statement = || {
        database
            .query("SELECT {es}.truncate_stream($1, $2, $3)")
            .bind(escaped(stream.as_str()))
            .bind(expectation(expected))
            .bind(column::signed(before))
    };
    let (actual, _) = done(database, statement).await?;
    as_expected(stream, expected, actual)
}

pub(super) async fn redact(database: &Database, redaction: Redaction) -> Result<bool, AppendError> {
    limits::check_redaction(&redaction)?;
    let beside = redaction.beside.as_ref();
    let statement = || {
        database
            .query("SELECT {es}.redact_event($1, $2, $3, $4)")
            .bind(redaction.event)
            .bind(&redaction.metadata[..])
            .bind(beside.map(|(event, _)| *event))
            .bind(beside.map(|(_, metadata)| &metadata[..]))
    };
    let (is_redacted, is_unknown) = done::<bool>(database, statement).await?;
    // One that was sent before, and looks just as it shall now, is ours.
    Ok(is_redacted.unwrap_or(is_unknown))
}

/// The conflict, if an edit answers the version of its stream.
fn as_expected(stream: &StreamId, expected: Expected, actual: Option<i64>) -> Result<(), AppendError> {
    match actual.map(column::unsigned) {
        Some(actual) => Err(AppendError::Conflict { stream: stream.clone(), expected, actual }),
        None => Ok(()),
    }
}

/// Does an edit, which does nothing the second time; answers what it says, and whether it may have been done
/// by an earlier attempt.
async fn done<T>(
    database: &Database,
    statement: impl Fn() -> PgQuery + Send,
) -> Result<(Option<T>, bool), AppendError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let mut attempts = Attempts::new();
    loop {
        let rows = database.rows_until(attempts.until(), statement()).await;
        let Unanswered { fate, cause } = match rows.and_then(|rows| Ok(said(&rows)?)) {
            Ok(said) => return Ok((said, attempts.is_unknown)),
            Err(error) => error,
        };
        let cause = Failure::from(cause);
        if fate == Fate::Refused {
            return Err(AppendError::Invalid { reason: cause.to_string() });
        }
        if !attempts.go_on(fate).await {
            return Err(attempts.given_up(cause));
        }
    }
}

fn said<T>(rows: &[PgRow]) -> Result<Option<T>, sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}
