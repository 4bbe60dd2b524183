//! The words that the cases are written in.

use bytes::Bytes;
use es_core::store::{
    Advance, AdvanceError, Append, AppendError, Appended, Checkpoint, Commit, DocumentRange, DocumentWrite,
    EventSearch, EventStore, Expected, Filter, LEASE, Lease, LogPage, MAX_PAGE_BYTES, NewEvent, StoreFuture,
    StoredDocument, StoredEvent, StoredSnapshot, StreamHead, StreamPage, StreamRead,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use uuid::Uuid;

pub(super) fn stream(name: &str) -> StreamId {
    StreamId::named(name)
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An event with a new id.
pub(super) fn event(name: &'static str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        name: name.into(),
        schema: 1,
        recorded_at: at(1_000),
        payload: Bytes::from(format!("{{\"of\":\"{name}\"}}")),
        metadata: Bytes::from_static(b"{}"),
    }
}

pub(super) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event("Counted")).collect()
}

pub(super) fn part(name: &str, expected: Expected, events: Vec<NewEvent>) -> Append {
    Append { stream: stream(name), expected, edits: None, events }
}

pub(super) fn commit(name: &str, expected: Expected, events: Vec<NewEvent>) -> Commit {
    Commit::one(stream(name), expected, events)
}

/// Appends whatever is there, and must be able to.
pub(super) async fn append(store: &dyn EventStore, name: &str, events: Vec<NewEvent>) -> Appended {
    store.append(commit(name, Expected::Any, events)).await.unwrap()
}

/// A stream of so many events, with the ids of them.
pub(super) async fn filled(store: &dyn EventStore, name: &str, count: usize) -> Vec<Uuid> {
    let events = events(count);
    let ids = events.iter().map(|event| event.id).collect();
    append(store, name, events).await;
    ids
}

/// Five events, of which three reach what a page holds at most: the middle one by its metadata.
pub(super) async fn five_large(store: &dyn EventStore) {
    let bytes = || Bytes::from(vec![b' '; MAX_PAGE_BYTES / 3 + 1]);
    for version in 1..=5 {
        let large = NewEvent { payload: bytes(), ..event("Large") };
        let described = NewEvent { metadata: bytes(), ..event("Large") };
        append(store, "a-1", vec![if version == 3 { described } else { large }]).await;
    }
}

pub(super) async fn page(store: &dyn EventStore, name: &str, read: StreamRead) -> StreamPage {
    store.read_stream(&stream(name), read).await.unwrap()
}

pub(super) async fn head(store: &dyn EventStore, name: &str) -> StreamHead {
    page(store, name, StreamRead::after(0)).await.head
}

/// Lets a future begin, and drops it wherever it is then.
pub(super) async fn polled_once<T>(mut begun: StoreFuture<'_, T>) {
    let once = poll_fn(|context| {
        let _ = begun.as_mut().poll(context);
        Poll::Ready(())
    });
    once.await;
}

/// What these answer, which are polled side by side, in their order.
pub(super) async fn together<T>(mut begun: Vec<StoreFuture<'_, T>>) -> Vec<T> {
    let mut answers: Vec<Option<T>> = begun.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (one, answer) in begun.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(done) = one.as_mut().poll(context)
            {
                *answer = Some(done);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// What these answer, which run at the same time in tasks of their own, in their order.
pub(super) async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item: Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let begun: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in begun {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Asks again and again until there is an answer, for as long as anybody would wait.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    let answer = tokio::time::timeout(LONG, asked).await;
    answer.unwrap_or_else(|_| panic!("{what}: it did not happen in {LONG:?}"))
}

/// Longer than anything takes that will happen at all.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// The event with this id.
pub(super) async fn found(store: &dyn EventStore, id: Uuid) -> Option<StoredEvent> {
    store.find_event(EventSearch::of(id)).await.unwrap()
}

pub(super) async fn log(store: &dyn EventStore, after: Position, filter: &Filter, limit: u32) -> LogPage {
    store.read_log(after, filter, limit).await.unwrap()
}

/// Every event of the log, page by page.
pub(super) async fn whole_log(store: &dyn EventStore) -> Vec<StoredEvent> {
    let (mut after, mut events) = (Position(0), Vec::new());
    loop {
        let page = log(store, after, &Filter::all(), 5_000).await;
        events.extend(page.events);
        if page.scanned_to >= page.head {
            return events;
        }
        assert!(page.scanned_to > after, "a page that does not reach the end of the log must come further");
        after = page.scanned_to;
    }
}

pub(super) fn versions(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

/// The positions of a log's events, in order. Where a store leaves some out, cases speak of the first event, the
/// second, and so on; where it does not, these are the positions.
pub(super) struct Numbers(Vec<Position>);

/// Counts the events of the log.
pub(super) async fn numbers(store: &dyn EventStore) -> Numbers {
    let positions: Vec<_> = whole_log(store).await.iter().map(|event| event.position).collect();
    assert!(positions.first() != Some(&Position(0)), "the first position is not 0");
    assert!(positions.is_sorted_by(|a, b| a < b), "positions rise along the log: {positions:?}");
    if store.capabilities().dense_positions {
        let dense = (1..).map(Position).take(positions.len());
        assert!(positions.iter().copied().eq(dense), "positions are dense: {positions:?}");
    }
    Numbers(positions)
}

impl Numbers {
    /// How many events stand at this position and before it.
    pub(super) fn of(&self, position: Position) -> u64 {
        self.0.partition_point(|&known| known <= position) as u64
    }

    /// The numbers of these events, each of which must be in the log.
    pub(super) fn all(&self, events: &[StoredEvent]) -> Vec<u64> {
        let is_there = |event: &StoredEvent| self.0.binary_search(&event.position).is_ok();
        assert!(events.iter().all(is_there), "an event that is read is in the log");
        events.iter().map(|event| self.of(event.position)).collect()
    }

    /// The position of the event of this number; 0 is before the first.
    pub(super) fn at(&self, number: usize) -> Position {
        number.checked_sub(1).map_or(Position(0), |index| self.0[index])
    }

    /// The position of the last event.
    pub(super) fn last(&self) -> Position {
        self.at(self.0.len())
    }
}

/// How many events are in the log, by where it ends.
pub(super) async fn length(store: &dyn EventStore) -> u64 {
    let (end, numbers) = (store.head().await.unwrap(), numbers(store).await);
    assert!(end >= numbers.last(), "the log does not end before its last event");
    if store.capabilities().dense_positions {
        assert_eq!(end, numbers.last(), "the log ends with its last event");
    }
    numbers.of(end)
}

pub(super) fn open_head(version: u64) -> StreamHead {
    edited(version, 0)
}

pub(super) fn edited(version: u64, edits: u64) -> StreamHead {
    StreamHead { version, edits, closed: false }
}

pub(super) fn is_conflict(answer: &Result<Appended, AppendError>, at_version: u64) -> bool {
    matches!(answer, Err(AppendError::Conflict { actual, .. }) if *actual == at_version)
}

pub(super) fn snapshot(name: &str, version: u64) -> StoredSnapshot {
    StoredSnapshot {
        stream: stream(name),
        fingerprint: u64::MAX - 1,
        version,
        position: Position(version),
        recorded_at: at(1_000),
        edits: 0,
        payload: Bytes::from(format!("state at {version}")),
    }
}

pub(super) fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint { position: Position(position), event: Some(Uuid::from_u128(position.into())) }
}

/// The lease of a processor, which is registered first, under an owner of its own.
pub(super) async fn lease(store: &dyn EventStore, processor: &str) -> Lease {
    taken(store, processor, LEASE).await
}

/// As [`lease`], but the time of it has run out.
pub(super) async fn run_out(store: &dyn EventStore, processor: &str) -> Lease {
    taken(store, processor, Duration::ZERO).await
}

async fn taken(store: &dyn EventStore, processor: &str, ttl: Duration) -> Lease {
    store.register(processor, Checkpoint::default()).await.unwrap();
    store.acquire(processor, Uuid::now_v7(), ttl).await.unwrap().expect("nobody holds it")
}

/// A document that does not look at the revision.
pub(super) fn write(collection: &str, key: &str, body: &'static str) -> DocumentWrite {
    DocumentWrite {
        collection: collection.into(),
        key: key.into(),
        revision: None,
        position: Position(7),
        body: Some(Bytes::from_static(body.as_bytes())),
    }
}

pub(super) fn advance_to(lease: &Lease, position: u64, writes: Vec<DocumentWrite>) -> Advance {
    Advance { to: Some(checkpoint(position)), writes, ..Advance::under(lease) }
}

pub(super) fn is_fenced(answer: &Result<(), AdvanceError>) -> bool {
    matches!(answer, Err(AdvanceError::Fenced { .. }))
}

/// Where a processor is, without its lease.
pub(super) async fn place_of(store: &dyn EventStore, processor: &str) -> Checkpoint {
    let known = store.processors(processor).await.unwrap();
    known.into_iter().find(|known| &*known.name == processor).expect("it is registered").checkpoint
}

pub(super) async fn document(store: &dyn EventStore, collection: &str, key: &str) -> Option<StoredDocument> {
    store.documents(collection, &[key.to_owned()]).await.unwrap().pop()
}

/// The keys of a whole collection, in the order of the store.
pub(super) async fn keys(store: &dyn EventStore, collection: &str) -> Vec<String> {
    let all = DocumentRange { limit: 1_000, ..DocumentRange::default() };
    let documents = store.list_documents(collection, &all).await.unwrap();
    documents.into_iter().map(|document| document.key).collect()
}
