//! A scenario of a projection that keeps rows.

use super::tables::Selected;
use super::value::{Row, show, show_row};
use crate::fault::Fault;
use crate::projection::kind::Plays;
use crate::projection::past::{Past, Played};
use crate::world::{Setting, block_on, broken};
use es_core::__private::{MountOn, RowKind};
use es_core::__testing::EventList;
use es_core::jiff::Timestamp;
use es_core::rusqlite::types::Value;
use es_core::store::{EventStore, Filter, SqliteStore, StoredEvent};
use es_core::{AggregateId, Metadata, Position};
use std::marker::PhantomData;

/// What has happened, and the rows that it leads to: a scenario of a projection that keeps rows on SQLite,
/// begun by [`projection`](crate::projection). Every `then_..` checks one thing and gives the scenario back;
/// more may be given behind it. A scenario without any `then_..` fails.
///
/// Its parts count in the order in which they are written: `.at(..)`, `.by(..)` and `.metadata(..)` hold for
/// the events that follow them.
///
/// Beside what it expects, every scenario checks that
///
/// 1. payloads survive a serde round trip;
/// 2. a rebuild gives the same rows;
/// 3. one batch and many batches, each of them taken by a new app, give the same rows.
pub struct GivenRows<P> {
    past: Past,
    projection: PhantomData<fn(P)>,
}

#[diagnostic::do_not_recommend]
impl<P: MountOn<SqliteStore>> Plays<P> for RowKind {
    type Given = GivenRows<P>;

    #[track_caller]
    fn begin() -> GivenRows<P> {
        GivenRows { past: Past::new(), projection: PhantomData }
    }
}

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
impl<P: MountOn<SqliteStore>> GivenRows<P> {
    /// Events that happened on the stream of this id: an event, a tuple, an array, a `Vec`, or `events![..]`.
    #[track_caller]
    pub fn given(mut self, id: &impl AggregateId, events: impl EventList) -> Self {
        self.past.given(id, P::NAME, events);
        self
    }

    /// What follows happens at this time. A scenario starts at
    /// [`VirtualClock::START`](crate::VirtualClock::START), or at the first time given here if that is earlier.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.past.hold(Setting::At(time));
        self
    }

    /// What follows is done by this actor.
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.past.hold(Setting::By(actor.into()));
        self
    }

    /// What follows has this metadata. An actor that was said before is kept where it names none.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.past.hold(Setting::Said(metadata));
        self
    }

    /// This statement finds just these rows, in this order. Readers know a table by the name that
    /// `tx.table(..)` was asked for.
    ///
    /// # Panics
    /// If it finds others, with every column that differs; if the statement is wrong; if the projection fails;
    /// or if a law is broken.
    #[track_caller]
    pub fn then_rows<T: Row>(self, sql: &str, rows: impl IntoIterator<Item = T>) -> Self {
        let expected: Vec<_> = rows.into_iter().map(Row::into_values).collect();
        self.expect(sql, |found| {
            let lines = differences(found, &expected);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("other rows than expected (actual ≠ expected):").with(lines))
        })
    }

    /// This statement finds no rows.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// projection::<Balances>()
    ///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }, AccountClosed))
    ///     .then_no_rows("SELECT * FROM balances");
    /// ```
    ///
    /// # Panics
    /// If it finds some; if the statement is wrong; if the projection fails; or if a law is broken.
    #[track_caller]
    pub fn then_no_rows(self, sql: &str) -> Self {
        self.expect(sql, |found| {
            let lines = differences(found, &[]);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("there should be no rows:").with(lines))
        })
    }

    #[track_caller]
    fn expect(mut self, sql: &str, check: impl FnOnce(&Selected) -> Result<(), Fault>) -> Self {
        self.past.check(|played| check(&block_on(select::<P>(played, sql))?));
        self
    }
}

/// What a statement finds behind these events, however they come.
async fn select<P: MountOn<SqliteStore>>(played: &Played, sql: &str) -> Result<Selected, Fault> {
    let tables = super::laws::tables::<P>(&stored(played).await?).await?;
    let selected = tables.select(sql).await;
    tables.close().await;
    selected
}

/// All events as they are stored.
async fn stored(played: &Played) -> Result<Vec<StoredEvent>, Fault> {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let after = events.last().map_or(Position(0), |last| last.position);
        let page = played.world.log.read_log(after, &Filter::default(), 1_000).await.map_err(broken)?;
        if page.events.is_empty() {
            return Ok(events);
        }
        events.extend(page.events);
    }
}

/// A line for each row that differs.
fn differences(found: &Selected, expected: &[Vec<Value>]) -> Vec<String> {
    let places = (0..found.rows.len().max(expected.len())).map(|n| (n, found.rows.get(n), expected.get(n)));
    places
        .filter_map(|(n, actual, expected)| {
            let what = match (actual, expected) {
                (Some(actual), Some(expected)) => difference(&found.columns, actual, expected)?,
                (None, Some(expected)) => format!("missing {}", show_row(expected)),
                (Some(actual), None) => format!("unexpected {}", show_row(actual)),
                (None, None) => return None,
            };
            Some(format!("row {}: {what}", n + 1))
        })
        .collect()
}

/// How one row differs from another.
fn difference(columns: &[String], actual: &[Value], expected: &[Value]) -> Option<String> {
    if actual == expected {
        return None;
    }
    if actual.len() != expected.len() {
        return Some(format!("{} ≠ {}", show_row(actual), show_row(expected)));
    }
    let values = columns.iter().zip(actual.iter().zip(expected)).filter(|(_, (a, e))| a != e);
    let values = values.map(|(column, (a, e))| format!("`{column}` {} ≠ {}", show(a), show(e)));
    Some(values.collect::<Vec<_>>().join(", "))
}
