//! Pages of one stream, each from one statement and so from one snapshot; and single events.

use super::column::{self, bare_columns, event_columns};
use super::database::Database;
use super::scan::{self, Taken};
use super::{PgError, failure, text};
use crate::id::{Position, StreamId};
use crate::store::limits::PageRoom;
use crate::store::{Bound, BoxError, ReadError, StoredEvent, StreamHead, StreamPage, StreamRead};
use sqlx::postgres::PgRow;
use std::ops::ControlFlow;
use uuid::Uuid;

pub(super) async fn stream(
    database: &Database,
    stream: &StreamId,
    read: StreamRead,
) -> Result<StreamPage, ReadError> {
    let (until, is_in_time) = match read.until {
        Bound::Time(time) => (time.as_microsecond(), true),
        Bound::Version(version) => (column::signed(version), false),
        Bound::End => (i64::MAX, false),
    };
    let statements = if read.bare { BARE } else { WHOLE };
    let sql = statements[usize::from(is_in_time) * 2 + usize::from(read.backward)];
    let query = || {
        database
            .query(sql)
            .bind(text::escaped(stream.as_str()).into_owned())
            .bind(column::signed(read.after))
            .bind(until)
            .bind(i64::from(read.limit.max(1)))
    };
    let room = PageRoom::new(read.limit);
    let mut reading = Reading {
        stream,
        is_bare: read.bare,
        room,
        heading: Heading::default(),
        events: Vec::new(),
        is_cut: false,
    };
    scan::page(database, query, |row| reading.take(row)).await?;
    reading.page(read)
}

/// A statement whose first row, the one without a name, is the stream's heading. The limit is hidden from the
/// planner, which else sorts what an index has in order.
macro_rules! page_of_stream {
    ($last:expr, $side:expr, $order:expr, $heading:expr, $columns:expr) => {
        concat!(
            "WITH RECURSIVE stored AS MATERIALIZED (
                SELECT coalesce((SELECT version FROM {es}.events WHERE stream = $1
                           ORDER BY version DESC LIMIT 1), 0) AS version,
                       coalesce(edits, 0) AS edits, coalesce(truncated_before, 0) AS truncated_before,
                       closed_at IS NOT NULL AS is_closed
                FROM (VALUES ($1)) AS wanted (stream) LEFT JOIN {es}.streams USING (stream)
            ), ",
            $last,
            " SELECT ",
            $heading,
            " FROM stored, last
              UNION ALL (SELECT ",
            $columns,
            " FROM {es}.events WHERE stream = $1 AND ",
            $side,
            " AND version BETWEEN (SELECT truncated_before FROM stored) AND (SELECT version FROM last)
              ORDER BY ",
            $order,
            " LIMIT (SELECT $4))"
        )
    };
}

/// The last version within a bound of versions.
macro_rules! in_versions {
    () => {
        "last AS MATERIALIZED (SELECT least(version, $3) AS version FROM stored)"
    };
}

/// The last version within a bound of times. Versions are dense and times go up with them, so this halves
/// instead of reading all.
macro_rules! in_time {
    () => {
        "halves AS (
            SELECT 0::bigint AS within, version + 1 AS beyond FROM stored
            UNION ALL
            SELECT CASE WHEN recorded_at <= $3 THEN version ELSE within END,
                   CASE WHEN recorded_at <= $3 THEN beyond ELSE version END
            FROM halves JOIN {es}.events ON stream = $1 AND version = within + (beyond - within) / 2
            WHERE beyond - within > 1
        ), last AS MATERIALIZED (SELECT max(within) AS version FROM halves)"
    };
}

/// The statements for events with these columns, and a heading in the same: forward and backward, within a bound of
/// versions and of times.
macro_rules! pages_of_stream {
    ($heading:expr, $columns:expr) => {
        [
            page_of_stream!(in_versions!(), "version > $2", "version", $heading, $columns),
            page_of_stream!(in_versions!(), "version < $2", "version DESC", $heading, $columns),
            page_of_stream!(in_time!(), "version > $2", "version", $heading, $columns),
            page_of_stream!(in_time!(), "version < $2", "version DESC", $heading, $columns),
        ]
    };
}

const WHOLE: [&str; 4] = pages_of_stream!(
    "last.version, stored.version, edits, truncated_before, NULL::uuid, is_closed::int::smallint,
     NULL, NULL::bytea, NULL::bytea",
    event_columns!()
);
const BARE: [&str; 4] = pages_of_stream!(
    "last.version, stored.version, edits, is_closed::int::smallint, NULL, int8send(truncated_before)",
    bare_columns!()
);

/// What is known of a stream beside its events.
#[derive(Default)]
struct Heading {
    /// The last version within the bound.
    last: u64,
    head: StreamHead,
    truncated_before: u64,
}

/// A page as far as it is read.
struct Reading<'a> {
    stream: &'a StreamId,
    is_bare: bool,
    room: PageRoom,
    heading: Heading,
    events: Vec<StoredEvent>,
    /// Whether it has ended by its size.
    is_cut: bool,
}

impl Reading<'_> {
    fn take(&mut self, row: &PgRow) -> Taken {
        let name = if self.is_bare { 4 } else { 6 };
        if column::is_null(row, name)? {
            self.heading = self.heading(row).map_err(|cause| failure::of_read(PgError::Decode(cause)))?;
        } else if self.room.is_full() {
            self.is_cut = true;
            return Ok(ControlFlow::Break(()));
        } else {
            let read = if self.is_bare { column::bare_event } else { column::event };
            let event = read(row, self.stream)?;
            self.room.take(&event);
            self.events.push(event);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn heading(&self, row: &PgRow) -> Result<Heading, BoxError> {
        let number = |index| column::number(row, index).map(column::unsigned);
        let (closed, truncated_before) = if self.is_bare { (3, 5) } else { (5, 3) };
        Ok(Heading {
            last: number(0)?,
            head: StreamHead {
                version: number(1)?,
                edits: number(2)?,
                closed: column::schema(row, closed)? != 0,
            },
            truncated_before: number(truncated_before)?,
        })
    }

    /// The page, if it has every version that belongs into it.
    fn page(self, read: StreamRead) -> Result<StreamPage, ReadError> {
        let Heading { head, truncated_before, last } = self.heading;
        let window = read.window(truncated_before.max(1), last);
        let mut versions = window.low..=window.high;
        let mut next = || if read.backward { versions.next_back() } else { versions.next() };
        for event in &self.events {
            if next() != Some(event.version) {
                return Err(hole(event.position, format!("version {} is not in its order", event.version)));
            }
        }
        match next() {
            Some(missing) if !self.is_cut => {
                let at = self.events.last().map_or(Position(0), |event| event.position);
                Err(hole(at, format!("version {missing} of the stream is missing behind it")))
            }
            missing => Ok(StreamPage { events: self.events, head, more: window.more || missing.is_some() }),
        }
    }
}

/// A log in which something is missing.
pub(super) fn hole(at: Position, what: String) -> ReadError {
    ReadError::Corrupt { at, cause: what.into() }
}

pub(super) async fn event(database: &Database, id: Uuid) -> Result<Option<StoredEvent>, ReadError> {
    const FIND: &str = concat!("SELECT ", event_columns!(), ", stream FROM {es}.events WHERE event_id = $1");
    let rows = database.rows(|| database.query(FIND).bind(id)).await.map_err(failure::of_read)?;
    rows.first().map(|row| column::event_of_log(row, &mut None)).transpose()
}
