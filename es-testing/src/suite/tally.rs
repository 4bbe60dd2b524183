//! An inline projection that is written by hand: for each stream, the positions of what was counted there.

use super::words::*;
use es_core::Position;
use es_core::store::{
    Advance, AppendError, Appended, Checkpoint, Commit, DocumentWrite, EventStore, Filter, Inline,
    InlineBuild, InlineFailure, InlineProjection, InlineStep, StoreFuture, StoredDocument, StoredEvent,
};
use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Its ledger names a build in each word. `Counted` events are counted; it fails on `Broken` ones, cannot read
/// `Unreadable` ones, and panics on `Panicking` ones.
pub(super) struct Tally {
    filter: Filter,
    seen: Seen,
    left_behind: Arc<AtomicUsize>,
}

/// What came to it, and from where on.
type Seen = Arc<Mutex<Vec<(Position, Vec<StoredEvent>)>>>;

impl Tally {
    pub(super) fn new() -> Arc<Self> {
        let filter = Filter::default().names(["Counted", "Broken", "Unreadable", "Panicking"]);
        Arc::new(Self { filter, seen: Seen::default(), left_behind: Arc::default() })
    }

    /// What came to its builds since the last look.
    pub(super) fn seen(&self) -> Vec<(Position, Vec<StoredEvent>)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// How often commits have left its builds behind.
    pub(super) fn left_behind(&self) -> usize {
        self.left_behind.load(Ordering::Relaxed)
    }
}

impl InlineProjection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }
    fn filter(&self) -> &Filter {
        &self.filter
    }
    fn ledger(&self) -> (&str, &str) {
        ("ledgers", "tally")
    }
    fn builds(&self, ledger: &StoredDocument) -> Vec<Box<dyn InlineBuild + '_>> {
        let names = std::str::from_utf8(&ledger.body).unwrap().split_whitespace();
        let build = |name| {
            let (seen, left_behind) = (self.seen.clone(), self.left_behind.clone());
            Box::new(Build { processor: Arc::from(name), seen, left_behind })
        };
        names.map(build).map(|build| build as Box<dyn InlineBuild>).collect()
    }
}

struct Build {
    processor: Arc<str>,
    seen: Seen,
    left_behind: Arc<AtomicUsize>,
}

impl InlineBuild for Build {
    fn processor(&self) -> &Arc<str> {
        &self.processor
    }
    fn tables(&self) -> Option<&str> {
        None
    }
    fn begin(&self, from: Position, events: &[StoredEvent]) -> Result<Box<dyn InlineStep>, InlineFailure> {
        self.seen.lock().unwrap().push((from, events.to_vec()));
        if let Some(event) = events.iter().find(|event| event.name == "Unreadable") {
            return Err(failure(event, "it cannot be read"));
        }
        Ok(Box::new(Step { collection: self.processor.clone(), events: events.to_vec() }))
    }
    fn left_behind(&self) {
        self.left_behind.fetch_add(1, Ordering::Relaxed);
    }
}

fn failure(event: &StoredEvent, cause: &str) -> InlineFailure {
    InlineFailure { at: Some(event.position), cause: cause.into() }
}

struct Step {
    collection: Arc<str>,
    events: Vec<StoredEvent>,
}

impl InlineStep for Step {
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.events.iter().map(|event| event.stream.as_str().to_owned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn finish(
        self: Box<Self>,
        documents: Vec<StoredDocument>,
        transaction: Option<&mut (dyn Any + Send)>,
    ) -> StoreFuture<'_, Result<Vec<DocumentWrite>, InlineFailure>> {
        assert!(transaction.is_none(), "it keeps no rows");
        Box::pin(async move { self.writes(&documents) })
    }
}

impl Step {
    fn writes(&self, documents: &[StoredDocument]) -> Result<Vec<DocumentWrite>, InlineFailure> {
        let mut writes = Vec::new();
        for key in self.keys() {
            let stored = documents.iter().find(|document| document.key == key);
            let mut body = stored.map_or_else(Vec::new, |document| document.body.to_vec());
            let mut position = Position(0);
            for event in self.events.iter().filter(|event| event.stream.as_str() == key) {
                match &*event.name {
                    "Broken" => return Err(failure(event, "out of ink")),
                    "Panicking" => panic!("out of paper"),
                    _ => body.extend_from_slice(format!(" {}", event.position).as_bytes()),
                }
                position = event.position;
            }
            let (collection, body) = (self.collection.clone(), Some(body.into()));
            writes.push(DocumentWrite { collection, key, revision: None, position, body });
        }
        Ok(writes)
    }
}

/// Enters builds, and where they begin.
pub(super) async fn enter(store: &dyn EventStore, builds: &[&str]) {
    let ledger = lease(store, "ledgers").await;
    let names = DocumentWrite {
        collection: "ledgers".into(),
        key: "tally".into(),
        revision: None,
        position: Position(0),
        body: Some(builds.join(" ").into()),
    };
    store.advance(Advance { writes: vec![names], ..Advance::under(&ledger) }).await.unwrap();
    store.release(&ledger).await.unwrap();
    for build in builds {
        store.register(build, Checkpoint::default()).await.unwrap();
    }
}

/// A commit with this projection.
pub(super) fn with(commit: Commit, tally: &Arc<Tally>) -> Commit {
    let inline = Inline { projections: vec![tally.clone()], ..Inline::default() };
    Commit { inline: Some(Box::new(inline)), ..commit }
}

/// The numbers of the events that a build has counted on a stream, and up to where.
pub(super) async fn counted(store: &dyn EventStore, build: &str, stream: &str) -> String {
    let Some(found) = document(store, build, stream).await else { return "nothing".to_owned() };
    let numbers = numbers(store).await;
    let number = |position: &str| numbers.of(Position(position.parse().unwrap())).to_string();
    let counted: Vec<_> = str::from_utf8(&found.body).unwrap().split_whitespace().map(number).collect();
    format!("{} up to {}", counted.join(" "), numbers.of(found.position))
}

/// What went wrong in an inline projection.
pub(super) fn inline_error(answer: Result<Appended, AppendError>) -> (String, String) {
    match answer {
        Err(AppendError::Inline { projection, cause }) => (projection, cause.to_string()),
        other => panic!("no projection has failed: {other:?}"),
    }
}
