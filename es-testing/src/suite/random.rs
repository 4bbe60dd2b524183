//! A store beside the one in memory: both are asked the same, by chance, and must answer the same.

use super::words::*;
use bytes::Bytes;
use es_core::Position;
use es_core::store::{
    Advance, AdvanceError, Append, AppendError, Appended, Bound, Commit, DocumentRange, DocumentWrite,
    EventStore, Expected, Filter, Lease, LogPage, MemoryStore, NewEvent, Redaction, StoredDocument,
    StoredEvent, StoredSnapshot, StreamHead, StreamRead,
};
use fastrand::Rng;
use jiff::Timestamp;
use std::collections::BTreeSet;
use uuid::Uuid;

const STREAMS: [&str; 5] = ["a-1", "a-2", "b-1", "b-2", "c"];
const NAMES: [&str; 3] = ["One", "Two", "Three"];
const KEYS: [&str; 5] = ["a", "b", "ba", "c\0", "\u{e9}"];

/// The two, and what is known of what is in them.
pub(super) struct Pair<'a> {
    store: &'a dyn EventStore,
    model: MemoryStore,
    random: Rng,
    /// Where the events of the store are; those of the model have the positions 1, 2, 3 and so on.
    positions: Vec<Position>,
    ids: Vec<Uuid>,
    leases: (Lease, Lease),
    /// Streams on which an edit was made again that changed nothing: whether it has dropped a snapshot is not promised.
    edited_again: BTreeSet<String>,
    steps: i64,
}

impl<'a> Pair<'a> {
    /// The store, which is empty, beside an empty one.
    pub(super) async fn new(store: &'a dyn EventStore, seed: u64) -> Self {
        let model = MemoryStore::new();
        let leases = (lease(store, "p").await, lease(&model, "p").await);
        let random = Rng::with_seed(seed);
        let (positions, ids, edited_again) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { store, model, random, positions, ids, leases, edited_again, steps: 0 }
    }

    /// Asks both the same.
    pub(super) async fn step(&mut self) {
        self.steps += 1;
        match self.random.u8(..20) {
            0..7 => self.append().await,
            7 => self.truncate().await,
            8 => self.redact().await,
            9 if self.random.u8(..6) == 0 => self.close().await,
            9..12 => self.read_stream().await,
            12..14 => self.read_log().await,
            14 => self.find().await,
            15 => self.snapshot().await,
            16..18 => self.advance().await,
            _ => self.list().await,
        }
    }

    /// Compares all that they hold.
    pub(super) async fn compare_all(&mut self) {
        let (ours, models) = (whole_log(self.store).await, whole_log(&self.model).await);
        assert_eq!(self.plain(&ours), timeless(&models), "the logs differ");
        for name in STREAMS {
            assert_eq!(
                head(self.store, name).await,
                head(&self.model, name).await,
                "the heads of {name} differ"
            );
        }
        let (ours, models) = (self.store.processors("").await, self.model.processors("").await);
        assert_eq!(ours.unwrap()[0].checkpoint, models.unwrap()[0].checkpoint, "the checkpoints differ");
        assert_eq!(keys(self.store, "c").await, keys(&self.model, "c").await, "the documents differ");
    }

    fn stream(&mut self) -> &'static str {
        STREAMS[self.random.usize(..STREAMS.len())]
    }

    fn new_event(&mut self) -> NewEvent {
        let random = &mut self.random;
        let id = match self.ids.len() {
            stored if stored > 0 && random.u8(..25) == 0 => self.ids[random.usize(..stored)],
            _ => Uuid::from_u128(random.u128(..)),
        };
        let bytes = |random: &mut Rng| (0..random.usize(..9)).map(|_| random.u8(..)).collect::<Bytes>();
        NewEvent {
            id,
            name: NAMES[random.usize(..NAMES.len())].into(),
            schema: random.u16(..),
            recorded_at: at(self.steps / 3),
            payload: bytes(random),
            metadata: bytes(random),
        }
    }

    /// What may be expected of a stream that has this head: mostly what holds.
    fn expected(&mut self, head: StreamHead) -> Expected {
        match self.random.u8(..8) {
            0 => Expected::NoStream,
            1 => Expected::Exists,
            2 => Expected::Exact(self.random.u64(..head.version + 2)),
            3..5 => Expected::Any,
            _ => Expected::Exact(head.version),
        }
    }

    async fn part(&mut self, name: &str) -> Append {
        let head = head(&self.model, name).await;
        let count = self.random.usize(1..5);
        let edits = [None, None, Some(head.edits), Some(head.edits + 1)][self.random.usize(..4)];
        let events = (0..count).map(|_| self.new_event()).collect();
        Append { edits, ..part(name, self.expected(head), events) }
    }

    async fn append(&mut self) {
        let first = self.stream();
        let mut parts = vec![self.part(first).await];
        let second = self.stream();
        if self.random.u8(..4) == 0 && second != first {
            parts.push(self.part(second).await);
        }
        let commit = Commit::all(parts);
        let ids: Vec<_> = commit.parts.iter().flat_map(|part| &part.events).map(|event| event.id).collect();
        // Which of several faults is named is not promised.
        let is_simple = commit.parts.len() == 1 && !ids.iter().any(|id| self.ids.contains(id));
        let ours = self.store.append(commit.clone()).await;
        let models = self.model.append(commit.clone()).await;
        if let (Ok(Appended { duplicate: false, position, .. }), Ok(_)) = (&ours, &models) {
            let first = position.0 + 1 - ids.len() as u64;
            self.positions.extend((first..=position.0).map(Position));
            self.ids.extend(ids);
        }
        let ours = ours.map(|stored| Appended { position: self.number(stored.position), ..stored });
        let tell = |answer: Result<Appended, AppendError>| answer.map_err(|error| refusal(&error, is_simple));
        self.same("append", &commit, &tell(ours), &tell(models));
    }

    async fn truncate(&mut self) {
        let name = self.stream();
        let before = self.random.u64(..12);
        let expected = self.expected(head(&self.model, name).await);
        let ours = self.store.truncate_stream(&stream(name), expected, before).await;
        let models = self.model.truncate_stream(&stream(name), expected, before).await;
        let tell = |answer: Result<(), AppendError>| answer.map_err(|error| refusal(&error, true));
        self.same("truncate", &(name, expected, before), &tell(ours), &tell(models));
    }

    async fn close(&mut self) {
        let name = self.stream();
        let before = head(&self.model, name).await;
        if before.closed {
            self.edited_again.insert(name.to_owned());
        }
        let expected = self.expected(before);
        let ours = self.store.close_stream(&stream(name), expected, "by chance").await;
        let models = self.model.close_stream(&stream(name), expected, "by chance").await;
        let tell = |answer: Result<(), AppendError>| answer.map_err(|error| refusal(&error, true));
        self.same("close", &(name, expected), &tell(ours), &tell(models));
    }

    /// The id of an event, or of none.
    fn id(&mut self) -> Uuid {
        let one = self.random.usize(..=self.ids.len());
        self.ids.get(one).copied().unwrap_or(Uuid::nil())
    }

    async fn redact(&mut self) {
        let (event, beside) = (self.id(), (self.id(), Bytes::from_static(b"beside")));
        // It is another event.
        let beside = Some(beside).filter(|(id, _)| *id != event && self.random.bool());
        let redaction = Redaction { beside, ..Redaction::of(event, Bytes::from_static(b"redacted")) };
        let ours = self.store.redact_event(redaction.clone()).await.unwrap();
        let models = self.model.redact_event(redaction.clone()).await.unwrap();
        self.same("redact", &redaction, &ours, &models);
        if let Some(redacted) = found(&self.model, event).await {
            let name = redacted.stream.as_str().to_owned();
            if models {
                self.edited_again.remove(&name)
            } else {
                self.edited_again.insert(name)
            };
        }
    }

    async fn read_stream(&mut self) {
        let name = self.stream();
        let until = match self.random.u8(..4) {
            0 => Bound::Version(self.random.u64(..12)),
            1 => Bound::Time(at(self.random.i64(0..=self.steps / 3 + 1))),
            _ => Bound::End,
        };
        let after = self.random.u64(..12);
        let read = StreamRead {
            after,
            until,
            backward: self.random.bool(),
            limit: self.random.u32(..7),
            bare: self.random.bool(),
        };
        let (ours, models) = (page(self.store, name, read).await, page(&self.model, name, read).await);
        let mut events = (self.plain(&ours.events), timeless(&models.events));
        if read.bare {
            events = (stripped(events.0), stripped(events.1));
        }
        self.same(
            "read_stream",
            &(name, read),
            &(events.0, ours.head, ours.more),
            &(events.1, models.head, models.more),
        );
    }

    async fn read_log(&mut self) {
        let filter = match self.random.u8(..5) {
            0 => Filter::stream(stream(self.stream())),
            1 => Filter::category(["a", "b", "c", "d"][self.random.usize(..4)]),
            2 => Filter::all().names([NAMES[self.random.usize(..3)]]),
            3 => Filter::category("a").names([NAMES[self.random.usize(..3)]]),
            _ => Filter::all(),
        };
        let after = self.random.usize(..=self.positions.len());
        let limit = self.random.u32(1..20);
        let from = after.checked_sub(1).map_or(Position(0), |index| self.positions[index]);
        let ours = log(self.store, from, &filter, limit).await;
        let models = log(&self.model, Position(after as u64), &filter, limit).await;
        // How far a page looks behind its last event is the store's own affair, unless it is full.
        let is_full = models.events.len() == limit as usize;
        let tell = |page: &LogPage, at: u64| (is_full.then_some((at, page.scanned_id)), page.events.len());
        let (at, ats) = (self.number(ours.scanned_to).0, models.scanned_to.0);
        let asked = (after, &filter, limit);
        self.same("read_log", &asked, &self.plain(&ours.events), &timeless(&models.events));
        self.same("read_log", &asked, &tell(&ours, at), &tell(&models, ats));
    }

    async fn find(&mut self) {
        let id = self.id();
        let ours: Vec<_> = found(self.store, id).await.into_iter().collect();
        let models: Vec<_> = found(&self.model, id).await.into_iter().collect();
        self.same("find_event", &id, &self.plain(&ours), &timeless(&models));
    }

    async fn snapshot(&mut self) {
        let name = self.stream();
        if self.edited_again.contains(name) {
            return;
        }
        let head = head(&self.model, name).await;
        if head.version > 0 {
            let edits = head.edits.saturating_sub(self.random.u64(..2));
            let fingerprint = self.random.u64(1..3);
            let version = self.random.u64(1..=head.version);
            let saved = StoredSnapshot { edits, fingerprint, ..snapshot(name, version) };
            self.store.save_snapshot(saved.clone()).await.unwrap();
            self.model.save_snapshot(saved).await.unwrap();
        }
        for fingerprint in 1..3 {
            let ours = self.store.load_snapshot(&stream(name), fingerprint).await.unwrap();
            let models = self.model.load_snapshot(&stream(name), fingerprint).await.unwrap();
            self.same("load_snapshot", &(name, fingerprint), &ours, &models);
        }
    }

    async fn advance(&mut self) {
        let mut writes = Vec::new();
        for key in KEYS {
            if self.random.bool() {
                continue;
            }
            let at = document(&self.model, "c", key).await.map_or(0, |stored| stored.revision);
            let revision = [None, Some(at), Some(at), Some(at), Some(at + 1)][self.random.usize(..5)];
            let body = Some(Bytes::from(self.steps.to_string())).filter(|_| self.random.u8(..4) > 0);
            let position = Position(self.random.u64(..9));
            writes.push(DocumentWrite { revision, body, position, ..write("c", key, "") });
        }
        let to = Some(checkpoint(self.random.u64(..30))).filter(|_| self.random.bool());
        let under = |lease: &Lease| Advance { to, writes: writes.clone(), ..Advance::under(lease) };
        let ours = self.store.advance(under(&self.leases.0)).await;
        let models = self.model.advance(under(&self.leases.1)).await;
        let tell = |answer: Result<(), AdvanceError>| {
            answer.map_err(|error| matches!(error, AdvanceError::Changed { .. }))
        };
        self.same("advance", &(to, &writes), &tell(ours), &tell(models));
    }

    async fn list(&mut self) {
        let mut key =
            || Some(KEYS[self.random.usize(..KEYS.len())].to_owned()).filter(|_| self.random.bool());
        let range = DocumentRange { after: key(), until: key(), limit: 0 };
        let range = DocumentRange { limit: self.random.u32(1..7), ..range };
        let ours: Vec<StoredDocument> = self.store.list_documents("c", &range).await.unwrap();
        let models = self.model.list_documents("c", &range).await.unwrap();
        self.same("list_documents", &range, &ours, &models);
        let places = (place_of(self.store, "p").await, place_of(&self.model, "p").await);
        self.same("processors", &"p", &places.0, &places.1);
    }

    /// How many events stand at this position of the store and before it.
    fn number(&self, position: Position) -> Position {
        Position(self.positions.partition_point(|&known| known <= position) as u64)
    }

    /// Events of the store without what every store has of its own: positions, and the times of storing.
    fn plain(&self, events: &[StoredEvent]) -> Vec<StoredEvent> {
        let plain = |event: &StoredEvent| {
            let position = self.number(event.position);
            StoredEvent { position, stored_at: Timestamp::UNIX_EPOCH, ..event.clone() }
        };
        events.iter().map(plain).collect()
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        asked: &dyn std::fmt::Debug,
        ours: &T,
        models: &T,
    ) {
        let step = self.steps;
        assert_eq!(
            ours, models,
            "step {step}, {what}: the store (left) and the model differ, asked {asked:?}"
        );
    }
}

/// Events of the model without the times of storing.
fn timeless(events: &[StoredEvent]) -> Vec<StoredEvent> {
    let timeless = |event: &StoredEvent| StoredEvent { stored_at: Timestamp::UNIX_EPOCH, ..event.clone() };
    events.iter().map(timeless).collect()
}

/// What a bare read has of events, whatever else a store says.
fn stripped(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    for event in &mut events {
        (event.id, event.metadata) = (Uuid::nil(), Bytes::new());
    }
    events
}

/// Why a commit was refused; where there may be several reasons, that it was.
fn refusal(error: &AppendError, is_simple: bool) -> String {
    match error {
        AppendError::Ambiguous { .. } | AppendError::Unavailable { .. } => panic!("no answer: {error:?}"),
        AppendError::Conflict { stream, expected, actual } if is_simple => {
            format!("{stream} is at {actual}, expected {expected:?}")
        }
        AppendError::Closed { stream } if is_simple => format!("{stream} is closed"),
        _ => "refused".to_owned(),
    }
}
