//! Pages of the whole log, each from one statement and so from one snapshot. Positions are dense and are seen in
//! their order: a page with a hole is one of a damaged log, and never one to go on behind.

use super::column::{self, event_columns};
use super::database::Database;
use super::scan::{self, Taken};
use super::{failure, read, text};
use crate::id::{Position, StreamId};
use crate::store::limits::{MAX_PAGE_BYTES, MAX_SCAN, PageRoom};
use crate::store::{Filter, LogPage, ReadError, StoredEvent};
use sqlx::postgres::PgRow;
use std::ops::ControlFlow;
use uuid::Uuid;

/// An event's place, without what is in it.
#[derive(Clone, Copy, Default)]
struct Place {
    position: Position,
    id: Option<Uuid>,
}

pub(super) async fn head(database: &Database) -> Result<Position, ReadError> {
    Ok(end(database).await?.position)
}

async fn end(database: &Database) -> Result<Place, ReadError> {
    const END: &str = "SELECT position, event_id FROM {es}.events ORDER BY position DESC LIMIT 1";
    let rows = database.rows(|| database.query(END)).await.map_err(failure::of_read)?;
    rows.first().map_or(Ok(Place::default()), |row| place(row, 1))
}

fn place(row: &PgRow, id: usize) -> Result<Place, ReadError> {
    Ok(Place { position: Position(column::unsigned(column::value(row, 0)?)), id: column::value(row, id)? })
}

pub(super) async fn page(
    database: &Database,
    after: Position,
    filter: &Filter,
    limit: u32,
) -> Result<LogPage, ReadError> {
    let Some(search) = Search::of(filter) else {
        let head = end(database).await?;
        return Ok(Reading { head, ..Reading::new(after, 1) }.page());
    };
    let limit = limit.clamp(1, u32::try_from(MAX_SCAN).unwrap_or(u32::MAX));
    let sql = search.sql();
    let query = || {
        let mut query = database.query(&sql).bind(column::signed(after.0)).bind(i64::from(limit));
        if !search.categories.is_empty() {
            // A plan that is kept knows no category: it reads the log to its end for one that is rare.
            query = query.persistent(false);
        }
        for category in &search.categories {
            query = query.bind(category.clone());
        }
        if search.is_narrowed() {
            query.bind(search.names.clone()).bind(search.streams.clone())
        } else {
            query
        }
    };
    let mut reading = Reading::new(after, limit);
    scan::page(database, query, |row| reading.take(row)).await?;
    reading.require_order(*filter == Filter::default())?;
    Ok(reading.page())
}

/// What is looked for, as it is written in columns. What is looked at are the categories; names and streams
/// narrow that down. An empty list is no condition.
struct Search {
    categories: Vec<String>,
    names: Vec<String>,
    streams: Vec<String>,
}

/// The columns of a row that is a place and no event; its `name` is null.
macro_rules! place_columns {
    ($kind:literal) => {
        concat!(
            "position, ",
            $kind,
            "::bigint, NULL::bigint, NULL::bigint, event_id, NULL::smallint, NULL, NULL::bytea, NULL::bytea, NULL"
        )
    };
}

/// The columns of an event of the log.
const COLUMNS: &str = concat!(event_columns!(), ", stream");

/// The kinds of places, which no version is equal to.
const HEAD: i64 = 0;
const LOOKED_TO: i64 = -1;

impl Search {
    /// `None` if there is nothing that matches.
    fn of(filter: &Filter) -> Option<Self> {
        let allows =
            |category| filter.categories.is_empty() || filter.categories.iter().any(|one| one == category);
        let streams: Vec<_> = filter.streams.iter().filter(|stream| allows(stream.category())).collect();
        if streams.is_empty() && !filter.streams.is_empty() {
            return None;
        }
        let escaped = |text: &str| text::escaped(text).into_owned();
        let mut categories: Vec<_> = if streams.is_empty() {
            filter.categories.iter().map(|category| escaped(category)).collect()
        } else {
            streams.iter().map(|stream| escaped(stream.category())).collect()
        };
        categories.sort_unstable();
        categories.dedup();
        Some(Self {
            categories,
            names: filter.names.iter().map(|name| escaped(name)).collect(),
            streams: streams.iter().map(|stream| escaped(stream.as_str())).collect(),
        })
    }

    fn is_narrowed(&self) -> bool {
        !(self.names.is_empty() && self.streams.is_empty())
    }

    /// The statement: the head of the log, the events, and, where it has looked at as many as it may, the place
    /// of the last one of these. `$1` is where it begins, `$2` how many events it may give.
    fn sql(&self) -> String {
        let (found, looked_to) = if self.is_narrowed() {
            (self.narrowed(), self.looked_to())
        } else {
            let found = self.looked_at(COLUMNS, "$2");
            (format!("WITH found AS NOT MATERIALIZED ({found}) "), String::new())
        };
        // The sizes are known without reading what is stored beside the table.
        format!(
            concat!(
                "{}SELECT ",
                place_columns!("0"),
                " FROM (SELECT position, event_id FROM {{es}}.events ORDER BY position DESC LIMIT 1) AS head {}",
                "UNION ALL SELECT {} FROM (
                    SELECT *, sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS before
                    FROM (SELECT *, octet_length(metadata) + coalesce(octet_length(payload), 0) AS size FROM found)
                        AS sized) AS page
                WHERE before < {}"
            ),
            found, looked_to, COLUMNS, MAX_PAGE_BYTES,
        )
    }

    /// What matches of that which is looked at.
    fn narrowed(&self) -> String {
        let (names, streams) = (self.categories.len() + 3, self.categories.len() + 4);
        let looked_at = self.looked_at(COLUMNS, &MAX_SCAN.to_string());
        format!(
            "WITH found AS MATERIALIZED (
                SELECT * FROM ({looked_at}) AS looked_at
                WHERE (cardinality(${names}::text[]) = 0 OR name = ANY (${names}))
                    AND (cardinality(${streams}::text[]) = 0 OR stream = ANY (${streams}))
                ORDER BY position LIMIT $2) "
        )
    }

    /// The place of the last one that is looked at, if that is not the end of the log.
    fn looked_to(&self) -> String {
        let looked_at = self.looked_at("position", &MAX_SCAN.to_string());
        format!(
            concat!(
                "UNION ALL SELECT ",
                place_columns!("-1"),
                " FROM {{es}}.events WHERE (SELECT count(*) FROM found) < $2
                    AND position = (SELECT position FROM ({}) AS looked_at OFFSET {}) "
            ),
            looked_at,
            MAX_SCAN - 1,
        )
    }

    /// The first events behind `$1` of the categories, in order. Of each of them no more are read than could be
    /// taken. The limit is hidden from the planner, which else sorts what an index has in order.
    fn looked_at(&self, columns: &str, limit: &str) -> String {
        let first = |category: &str| {
            format!(
                "SELECT {columns} FROM {{es}}.events WHERE position > $1 {category}
                 ORDER BY position LIMIT (SELECT {limit}::bigint)"
            )
        };
        match self.categories.len() {
            0 => first(""),
            1 => first("AND category = $3"),
            count => {
                let of_each =
                    (0..count).map(|n| format!("({})", first(&format!("AND category = ${}", n + 3))));
                let of_all = of_each.collect::<Vec<_>>().join(" UNION ALL ");
                format!("SELECT * FROM ({of_all}) AS of_all ORDER BY position LIMIT (SELECT {limit}::bigint)")
            }
        }
    }
}

/// A page as far as it is read.
struct Reading {
    after: Position,
    room: PageRoom,
    head: Place,
    /// Where it has looked at as much as it may; `None` if it came to the end of the log, or is full.
    looked_to: Option<Place>,
    events: Vec<StoredEvent>,
    last_stream: Option<StreamId>,
}

impl Reading {
    fn new(after: Position, limit: u32) -> Self {
        Self {
            after,
            room: PageRoom::new(limit),
            head: Place::default(),
            looked_to: None,
            events: Vec::new(),
            last_stream: None,
        }
    }

    fn take(&mut self, row: &PgRow) -> Taken {
        match column::value::<i64>(row, 1)? {
            HEAD => self.head = place(row, 4)?,
            LOOKED_TO => self.looked_to = Some(place(row, 4)?),
            _ => {
                let event = column::event_of_log(row, &mut self.last_stream)?;
                self.room.take(&event);
                self.events.push(event);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Makes sure that nothing is left out that belongs into the page, as far as that can be seen.
    fn require_order(&self, is_unfiltered: bool) -> Result<(), ReadError> {
        let mut last = self.after;
        for event in &self.events {
            let is_next = if is_unfiltered { event.position.0 == last.0 + 1 } else { event.position > last };
            if !is_next {
                return Err(read::hole(event.position, format!("it does not follow the one at {last}")));
            }
            last = event.position;
        }
        if is_unfiltered && !self.room.is_full() && last < self.head.position {
            return Err(read::hole(self.head.position, format!("there is nothing behind {last}")));
        }
        Ok(())
    }

    fn page(self) -> LogPage {
        let last = self.events.last().filter(|_| self.room.is_full());
        let scanned_to = match last {
            Some(last) => Place { position: last.position, id: Some(last.id) },
            None => self.looked_to.unwrap_or_else(|| match self.after.cmp(&self.head.position) {
                std::cmp::Ordering::Greater => Place { position: self.after, id: None },
                _ => self.head,
            }),
        };
        LogPage {
            events: self.events,
            scanned_to: scanned_to.position,
            scanned_id: scanned_to.id,
            head: self.head.position,
        }
    }
}
