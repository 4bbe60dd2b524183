//! Rows of inline projections, written in the transaction of a commit.

use crate::kit::*;
use crate::tally::{enter, inline_error};
use es_core::Position;
use es_core::store::{
    AppendError, Appended, BoxError, Commit, DocumentWrite, EventStore, Expected, Filter, Inline,
    InlineBuild, InlineFailure, InlineProjection, InlineStep, SqliteStore, SqliteTx, StoreFuture,
    StoredDocument, StoredEvent,
};
use std::any::Any;
use std::sync::Arc;
use tempfile::TempDir;

/// What is done in the rows of the build `tally-1` for each event.
type Work = fn(&SqliteTx, &StoredEvent) -> Result<(), BoxError>;

struct Ledger {
    filter: Filter,
    work: Work,
}

impl InlineProjection for Ledger {
    fn name(&self) -> &'static str {
        "entries"
    }
    fn filter(&self) -> &Filter {
        &self.filter
    }
    fn ledger(&self) -> (&str, &str) {
        ("ledgers", "tally")
    }
    fn builds(&self, _: &StoredDocument) -> Vec<Box<dyn InlineBuild + '_>> {
        vec![Box::new(Build { processor: "tally-1".into(), work: self.work })]
    }
}

struct Build {
    processor: Arc<str>,
    work: Work,
}

impl InlineBuild for Build {
    fn processor(&self) -> &Arc<str> {
        &self.processor
    }
    fn tables(&self) -> Option<&str> {
        Some("1_1")
    }
    fn begin(&self, _: Position, events: &[StoredEvent]) -> Result<Box<dyn InlineStep>, InlineFailure> {
        Ok(Box::new(Step { events: events.to_vec(), work: self.work }))
    }
}

struct Step {
    events: Vec<StoredEvent>,
    work: Work,
}

impl InlineStep for Step {
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }
    fn finish(
        self: Box<Self>,
        _: Vec<StoredDocument>,
        transaction: Option<&mut (dyn Any + Send)>,
    ) -> StoreFuture<'_, Result<Vec<DocumentWrite>, InlineFailure>> {
        Box::pin(async move {
            let tx = transaction.and_then(|tx| tx.downcast_ref::<SqliteTx>()).expect("it keeps rows");
            for event in &self.events {
                (self.work)(tx, event).map_err(|cause| InlineFailure { at: Some(event.position), cause })?;
            }
            Ok(Vec::new())
        })
    }
}

/// Enters the position of an event, then fails if it is a `Broken` one.
fn entered(tx: &SqliteTx, event: &StoredEvent) -> Result<(), BoxError> {
    let position = i64::try_from(event.position.0)?;
    tx.execute(&format!("INSERT INTO {} VALUES (?1)", tx.table("entries")), [position])?;
    if event.name == "Broken" { Err("out of ink".into()) } else { Ok(()) }
}

/// A store with the table of the build.
async fn set_up() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    enter(&store, &["tally-1"]).await;
    let path = folder.path().join("events.db");
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch("CREATE TABLE entries__1_1 (position INTEGER PRIMARY KEY) STRICT").unwrap();
    (folder, store)
}

async fn entries(store: &SqliteStore) -> Vec<u64> {
    let read = |connection: &rusqlite::Connection| {
        let mut all = connection.prepare("SELECT position FROM entries__1_1 ORDER BY position")?;
        all.query_map([], |row| row.get(0))?.collect()
    };
    let positions: Vec<i64> = store.read(read).await.unwrap();
    positions.into_iter().map(i64::unsigned_abs).collect()
}

async fn append_with(store: &SqliteStore, commit: Commit, work: Work) -> Result<Appended, AppendError> {
    let projection = Arc::new(Ledger { filter: Filter::all(), work });
    let inline = Inline { projections: vec![projection], ..Inline::default() };
    store.append(Commit { inline: Some(Box::new(inline)), ..commit }).await
}

fn next(name: &'static str) -> Commit {
    commit("a-1", Expected::Any, vec![event("Counted"), event(name)])
}

#[tokio::test]
async fn rows_are_written_with_the_commit() {
    let (folder, store) = set_up().await;
    filled(&store, "a-1", 1).await;
    append_with(&store, next("Counted"), entered).await.unwrap();
    store.close().await;
    let store = sqlite(&folder).await;
    assert_eq!(entries(&store).await, [1, 2, 3]);
    assert_eq!(place(&store, "tally-1").await.position, Position(3));
}

#[tokio::test]
async fn rows_that_fail_take_the_commit_back() {
    let (_folder, store) = set_up().await;
    append_with(&store, next("Counted"), entered).await.unwrap();
    let said = inline_error(append_with(&store, next("Broken"), entered).await);
    assert_eq!(said, ("entries".to_owned(), "out of ink".to_owned()));
    assert_eq!((entries(&store).await, whole_log(&store).await.len()), (vec![1, 2], 2));
    append_with(&store, next("Counted"), entered).await.unwrap();
    assert_eq!(entries(&store).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn rows_that_fail_on_an_event_in_between_are_as_they_were() {
    let (_folder, store) = set_up().await;
    append(&store, "a-1", vec![event("Counted"), event("Broken")]).await;
    append_with(&store, next("Counted"), entered).await.unwrap();
    assert_eq!((entries(&store).await, whole_log(&store).await.len()), (Vec::new(), 4));
    assert_eq!(place(&store, "tally-1").await.position, Position(0));
}

#[tokio::test]
async fn what_is_not_the_projections_own_is_refused_in_a_commit_too() {
    let (_folder, store) = set_up().await;
    let delete: Work = |tx, _| Ok(tx.prepare_cached("DELETE FROM events")?.execute([]).map(drop)?);
    let commit: Work = |tx, _| Ok(tx.execute_batch("COMMIT")?);
    for work in [delete, commit] {
        let (_, cause) = inline_error(append_with(&store, next("Counted"), work).await);
        assert!(cause.contains("not authorized"), "{cause}");
    }
    assert_eq!(whole_log(&store).await, []);
}

#[tokio::test]
async fn work_that_ends_the_transaction_takes_the_commit_with_it() {
    let (_folder, store) = set_up().await;
    let unheard: Work = |tx, event| {
        entered(tx, event)?;
        assert!(tx.execute("INSERT OR ROLLBACK INTO entries__1_1 VALUES (1)", []).is_err());
        Ok(())
    };
    let (_, cause) = inline_error(append_with(&store, next("Counted"), unheard).await);
    assert_eq!(cause, "it has rolled back its transaction");
    assert_eq!((entries(&store).await, whole_log(&store).await.len()), (Vec::new(), 0));
    append_with(&store, next("Counted"), entered).await.unwrap();
    assert_eq!(entries(&store).await, [1, 2]);
}

#[tokio::test]
async fn rows_that_refer_to_none_are_an_error_of_the_projection() {
    let (folder, store) = set_up().await;
    let file = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    file.execute_batch(
        "CREATE TABLE notes (entry INTEGER REFERENCES entries__1_1 DEFERRABLE INITIALLY DEFERRED)",
    )
    .unwrap();
    let refer: Work = |tx, _| Ok(tx.execute("INSERT INTO notes VALUES (99)", []).map(drop)?);
    let (projection, cause) = inline_error(append_with(&store, next("Counted"), refer).await);
    assert_eq!(projection, "entries");
    assert!(cause.contains("FOREIGN KEY"), "{cause}");
    assert_eq!(whole_log(&store).await, []);
    append(&store, "a-1", events(1)).await;
}

#[tokio::test]
async fn a_panic_in_rows_is_an_error_and_the_store_goes_on() {
    let (_folder, store) = set_up().await;
    let panics: Work = |_, _| panic!("out of paper");
    let (_, cause) = inline_error(append_with(&store, next("Counted"), panics).await);
    assert_eq!(cause, "panicked: out of paper");
    append_with(&store, next("Counted"), entered).await.unwrap();
    assert_eq!(entries(&store).await, [1, 2]);
}

#[tokio::test]
async fn work_that_ends_the_transaction_takes_no_neighbour_with_it() {
    let (_folder, store) = set_up().await;
    let unheard: Work = |tx, event| {
        entered(tx, event)?;
        assert!(tx.execute("INSERT OR ROLLBACK INTO entries__1_1 VALUES (1)", []).is_err());
        Ok(())
    };
    let plain = |stream| store.append(commit(stream, Expected::Any, events(1)));
    // The first takes a while, so that the others wait for the writer together.
    let first = append_with(&store, next("Counted"), entered);
    let ending = append_with(&store, commit("c-1", Expected::Any, events(1)), unheard);
    let (first, one, ended, two) = tokio::join!(first, plain("b-1"), ending, plain("d-1"));
    inline_error(ended);
    for stored in [first, one, two] {
        stored.unwrap();
    }
    assert_eq!(whole_log(&store).await.len(), 4);
}

#[test]
fn an_inline_projection_names_itself_in_what_is_printed() {
    let ledger = Arc::new(Ledger { filter: Filter::all(), work: entered });
    let inline = Inline { projections: vec![ledger], ..Inline::default() };
    assert!(format!("{inline:?}").contains("[\"entries\"]"));
}
