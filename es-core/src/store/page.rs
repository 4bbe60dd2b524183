//! What comes out of a store: pages of stored events.

use super::StreamHead;
use crate::id::{Position, StreamId};
use bytes::Bytes;
use jiff::Timestamp;
use std::borrow::Cow;
use uuid::Uuid;

/// One event as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its id.
    pub id: Uuid,
    /// Its stored name.
    pub name: Cow<'static, str>,
    /// The version of the payload's shape.
    pub schema: u16,
    /// When it was decided, by the app's clock.
    pub recorded_at: Timestamp,
    /// When it was stored, by the store's clock. Along the log it never goes back, if the store has one clock:
    /// see what a store [may narrow](super::EventStore#what-a-store-may-narrow).
    pub stored_at: Timestamp,
    /// The payload; `None` if it was redacted.
    pub payload: Option<Bytes>,
    /// The metadata.
    pub metadata: Bytes,
}

/// Which part of a stream to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRead {
    /// Forward: only versions above this one. Backward: only versions below it.
    pub after: u64,
    /// Where to stop.
    pub until: Bound,
    /// From new to old.
    pub backward: bool,
    /// The most events in one page; at least 1.
    pub limit: u32,
    /// Whether the ids, metadata and `stored_at` of events are not wanted. A store that reads faster without them
    /// may leave them nil, empty and at the epoch.
    pub bare: bool,
}

impl StreamRead {
    /// Everything behind `after`, from old to new.
    pub fn after(after: u64) -> Self {
        Self { after, until: Bound::End, backward: false, limit: 1_000, bare: false }
    }

    /// Everything below `before`, from new to old.
    pub fn before(before: u64) -> Self {
        Self { backward: true, ..Self::after(before) }
    }

    /// Stops at `bound`, which is inclusive.
    #[must_use]
    pub fn until(mut self, bound: Bound) -> Self {
        self.until = bound;
        self
    }

    /// At most `limit` events in a page.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Without what only an envelope is made of.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The versions of this page, in a stream whose visible versions are `first..=last`.
    pub(crate) fn window(&self, first: u64, last: u64) -> Window {
        let limit = u64::from(self.limit.max(1));
        let (low, high) = if self.backward {
            (first, last.min(self.after.saturating_sub(1)))
        } else {
            (first.max(self.after.saturating_add(1)), last)
        };
        if low > high {
            return Window { low: 1, high: 0, more: false };
        }
        let more = high - low >= limit;
        match (more, self.backward) {
            (false, _) => Window { low, high, more },
            (true, false) => Window { low, high: low + limit - 1, more },
            (true, true) => Window { low: high - limit + 1, high, more },
        }
    }
}

/// The versions of one page, `low..=high`. Versions are dense, so it is known before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub low: u64,
    pub high: u64,
    /// Whether the bound allows more behind it.
    pub more: bool,
}

impl Window {
    /// The same as indices, in a stream that is in memory.
    pub(crate) fn indices(&self) -> std::ops::Range<usize> {
        let index = |version| usize::try_from(version).unwrap_or(usize::MAX);
        index(self.low - 1)..index(self.high)
    }
}

/// The last event that a read of a stream may give; inclusive. A bound of a backward read is the same:
/// events above it are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The stream's end.
    End,
    /// This version.
    Version(u64),
    /// The last event that was recorded at or before this time.
    Time(Timestamp),
}

/// A page of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamPage {
    /// The events, in the order that was asked for.
    pub events: Vec<StoredEvent>,
    /// The stream's head, from the same snapshot as the events.
    pub head: StreamHead,
    /// Whether the bound allows more events than this page has.
    pub more: bool,
}

/// Which event to find: its id, and what else is known of it. A store that has no index of ids needs all that is
/// known, or it goes through the whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSearch {
    /// Its id.
    pub id: Uuid,
    /// The stream that it is on, if it is anywhere; `None` if that is not known. A store with an index of ids
    /// does not look at it.
    pub stream: Option<StreamId>,
    /// It is behind this position, if it is anywhere; a store with an index of ids does not look at it.
    pub after: Position,
}

impl EventSearch {
    /// The event with this id, wherever it is.
    pub fn of(id: Uuid) -> Self {
        Self { id, stream: None, after: Position(0) }
    }

    /// The event with this id, on this stream.
    ///
    /// ```
    /// use es_core::store::EventSearch;
    /// use es_core::{Position, StreamId};
    /// # let id = uuid::Uuid::nil();
    ///
    /// let search = EventSearch::on(StreamId::named("account-1"), id).after(Position(7));
    /// assert_eq!(search.after, Position(7));
    /// ```
    pub fn on(stream: StreamId, id: Uuid) -> Self {
        Self { stream: Some(stream), ..Self::of(id) }
    }

    /// Behind this position, since what it follows from is there.
    #[must_use]
    pub fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }
}

/// Which events of the log to read; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these streams.
    pub streams: Vec<StreamId>,
    /// Only streams of these categories.
    pub categories: Vec<String>,
    /// Only events of these names.
    pub names: Vec<String>,
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// The events of one stream.
    pub fn stream(stream: StreamId) -> Self {
        Self { streams: vec![stream], ..Self::default() }
    }

    /// The events of a category: of every stream of one aggregate, whose name it is.
    pub fn category(category: impl Into<String>) -> Self {
        Self { categories: vec![category.into()], ..Self::default() }
    }

    /// Of these events only those of these names, as they are stored: an event that was renamed has its older
    /// names in [`Event::ALIASES`](crate::Event::ALIASES).
    ///
    /// ```
    /// use es_core::store::Filter;
    ///
    /// let of_orders = Filter::category("order").names(["OrderPlaced", "OrderCancelled"]);
    /// assert_eq!(of_orders.names.len(), 2);
    /// ```
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether an event of this name, on this stream, is asked for.
    pub(crate) fn accepts(&self, stream: &str, category: &str, name: &str) -> bool {
        (self.names.is_empty() || self.names.iter().any(|wanted| wanted == name))
            && (self.categories.is_empty() || self.categories.iter().any(|wanted| wanted == category))
            && (self.streams.is_empty() || self.streams.iter().any(|wanted| wanted.as_str() == stream))
    }
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// The matching events in `(after, scanned_to]`, in order.
    pub events: Vec<StoredEvent>,
    /// How far the page looked.
    pub scanned_to: Position,
    /// The id of the event at `scanned_to`; with it a reader recognises a log that is not the one it knew.
    pub scanned_id: Option<Uuid>,
    /// The end of the log, from the same snapshot.
    pub head: Position,
}
