//! Documents and rows in the transaction of a commit.

use crate::kit::*;
use bytes::Bytes;
use es_core::sqlx;
use es_core::store::{
    Advance, AppendError, Appended, Commit, DocumentRevision, DocumentWrite, EventStore, Expected, Filter,
    Inline, InlineBuild, InlineFailure, InlineProjection, InlineStep, NewEvent, PgStore, PgTx, StoreFuture,
    StoredDocument, StoredEvent,
};
use es_core::{Position, StreamId};
use jiff::Timestamp;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// What is done in the rows of the build for a part of the events, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Enters positions; fails on `Broken`, panics on `Panicking`.
    Enter,
    /// Ends the transaction and hides it.
    RollBack,
    /// Lets a statement fail and hides it.
    Spoil,
    /// Loses the connection, the first time.
    Lose,
    /// Refers to a row that is not there.
    Dangle,
}

struct Entries {
    filter: Filter,
    does: Does,
    is_lost: Arc<AtomicBool>,
}

impl InlineProjection for Entries {
    fn name(&self) -> &'static str {
        "entries"
    }
    fn filter(&self) -> &Filter {
        &self.filter
    }
    fn ledger(&self) -> (&str, &str) {
        ("ledgers", "balances")
    }
    fn builds(&self, _: &StoredDocument) -> Vec<Box<dyn InlineBuild + '_>> {
        vec![Box::new(Build { processor: "balances".into(), does: self.does, is_lost: self.is_lost.clone() })]
    }
}

struct Build {
    processor: Arc<str>,
    does: Does,
    is_lost: Arc<AtomicBool>,
}

impl InlineBuild for Build {
    fn processor(&self) -> &Arc<str> {
        &self.processor
    }
    fn tables(&self) -> Option<&str> {
        Some(BUILD)
    }
    fn begin(&self, _: Position, events: &[StoredEvent]) -> Result<Box<dyn InlineStep>, InlineFailure> {
        Ok(Box::new(Step { events: events.to_vec(), does: self.does, is_lost: self.is_lost.clone() }))
    }
}

struct Step {
    events: Vec<StoredEvent>,
    does: Does,
    is_lost: Arc<AtomicBool>,
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
            let tx = transaction.and_then(|tx| tx.downcast_mut::<PgTx>()).expect("it keeps rows");
            for event in &self.events {
                enter_event(tx, event).await?;
            }
            match self.does {
                Does::Enter => {}
                Does::Lose if self.is_lost.swap(true, Ordering::Relaxed) => {}
                Does::RollBack => drop(sqlx::raw_sql("ROLLBACK").execute(&mut **tx).await),
                Does::Spoil => drop(sqlx::raw_sql("SELECT 1 / 0").execute(&mut **tx).await),
                Does::Lose => {
                    let lose = "SELECT pg_terminate_backend(pg_backend_pid())";
                    sqlx::query(lose).execute(&mut **tx).await?;
                }
                Does::Dangle => {
                    sqlx::query("INSERT INTO notes VALUES ('nobody')").execute(&mut **tx).await?;
                }
            }
            Ok(Vec::new())
        })
    }
}

async fn enter_event(tx: &mut PgTx, event: &StoredEvent) -> Result<(), InlineFailure> {
    tokio::task::yield_now().await;
    let account = event.position.to_string();
    let sql = "INSERT INTO balances VALUES ($1, 1)";
    sqlx::query(sql).bind(account).execute(&mut **tx).await?;
    match &*event.name {
        "Broken" => Err(InlineFailure { at: Some(event.position), cause: "out of ink".into() }),
        "Panicking" => panic!("out of paper"),
        _ => Ok(()),
    }
}

fn event(name: &'static str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        name: name.into(),
        schema: 1,
        recorded_at: Timestamp::UNIX_EPOCH,
        payload: Bytes::from_static(b"{}"),
        metadata: Bytes::new(),
    }
}

fn commit(names: &[&'static str]) -> Commit {
    let events = names.iter().map(|name| event(name)).collect();
    Commit::one(StreamId::named("a-1"), Expected::Any, events)
}

fn with(does: Does, names: &[&'static str]) -> Commit {
    let projection = Arc::new(Entries { filter: Filter::all(), does, is_lost: Arc::default() });
    let inline = Inline { projections: vec![projection], ..Inline::default() };
    Commit { inline: Some(Box::new(inline)), ..commit(names) }
}

/// A log with the ledger of the build, and its table.
async fn place() -> Place {
    let (place, held) = Place::with_table().await;
    let (collection, key) = ("ledgers".into(), "balances".into());
    let ledger =
        DocumentWrite { collection, key, revision: None, position: Position(0), body: Some("x".into()) };
    let make = work!(|tx| {
        let sql = "CREATE TABLE notes (account text REFERENCES balances DEFERRABLE INITIALLY DEFERRED)";
        sqlx::query(sql).execute(&mut **tx).await?;
    });
    place.work(Advance { writes: vec![ledger], ..Advance::under(&held) }, make).await.unwrap();
    place
}

/// How many rows there are, how many events, and how far the build has come.
async fn stored(place: &Place) -> (i64, Position, Position) {
    (place.balance().await, place.store.head().await.unwrap(), place.position("balances").await)
}

fn inline_error(answer: Result<Appended, AppendError>) -> String {
    match answer {
        Err(AppendError::Inline { projection, cause }) => format!("{projection}: {cause}"),
        other => panic!("no projection has failed: {other:?}"),
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_are_written_with_the_commit_and_what_lies_before_it() {
    let place = place().await;
    place.store.append(commit(&["Counted", "Counted"])).await.unwrap();
    let appended = place.store.append(with(Does::Enter, &["Counted"])).await.unwrap();
    assert_eq!((appended.position, appended.duplicate), (Position(3), false));
    assert_eq!(stored(&place).await, (3, Position(3), Position(3)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_that_is_sent_again_is_a_duplicate() {
    let place = place().await;
    let commit = with(Does::Enter, &["Counted"]);
    place.store.append(commit.clone()).await.unwrap();
    assert!(place.store.append(commit).await.unwrap().duplicate);
    assert_eq!(stored(&place).await, (1, Position(1), Position(1)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_that_fail_take_the_commit_back() {
    for (does, names, said) in [
        (Does::Enter, ["Counted", "Broken"], "entries: out of ink"),
        (Does::Enter, ["Counted", "Panicking"], "entries: panicked: out of paper"),
        (Does::RollBack, ["Counted", "Counted"], "entries: it has ended the transaction that it was given"),
        (Does::Spoil, ["Counted", "Counted"], "entries: a statement of it has failed"),
        (Does::Dangle, ["Counted", "Counted"], "entries: the server answers 23503"),
    ] {
        let place = place().await;
        let error = inline_error(place.store.append(with(does, &names)).await);
        assert!(error.starts_with(said), "{error}");
        assert_eq!(stored(&place).await, (0, Position(0), Position(0)));
        place.store.append(with(Does::Enter, &["Counted"])).await.unwrap();
        assert_eq!(stored(&place).await, (1, Position(1), Position(1)));
    }
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn rows_that_fail_on_an_event_in_between_are_as_they_were() {
    let place = place().await;
    place.store.append(commit(&["Counted", "Broken"])).await.unwrap();
    place.store.append(with(Does::Enter, &["Counted"])).await.unwrap();
    assert_eq!(stored(&place).await, (0, Position(3), Position(0)));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_whose_connection_is_lost_is_done_once_on_another() {
    let place = place().await;
    let appended = place.store.append(with(Does::Lose, &["Counted"])).await.unwrap();
    assert!(!appended.duplicate);
    assert_eq!(stored(&place).await, (1, Position(1), Position(1)));
}

fn document(revision: u64, body: Option<&'static str>) -> DocumentWrite {
    let (collection, key) = ("c".into(), "k".into());
    let body = body.map(Into::into);
    DocumentWrite { collection, key, revision: Some(revision), position: Position(0), body }
}

fn deciding(writes: Vec<DocumentWrite>, requires: Vec<DocumentRevision>) -> Commit {
    Commit {
        inline: Some(Box::new(Inline { writes, requires, projections: Vec::new() })),
        ..commit(&["One"])
    }
}

async fn found(store: &PgStore) -> Option<(u64, Position)> {
    let found = store.documents("c", &["k".to_owned()]).await.unwrap().pop()?;
    Some((found.revision, found.position))
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn documents_are_written_as_they_were_decided_or_nothing_is() {
    let Place { store, .. } = Place::new().await;
    let known = |revision| DocumentRevision { collection: "c".into(), key: "k".into(), revision };
    store.append(deciding(vec![document(0, Some("one"))], Vec::new())).await.unwrap();
    assert_eq!(found(&store).await, Some((1, Position(1))));
    for stale in [
        deciding(vec![document(0, Some("one"))], Vec::new()),
        deciding(Vec::new(), vec![known(0)]),
        deciding(Vec::new(), vec![known(2)]),
    ] {
        let answer = store.append(stale).await;
        assert!(matches!(&answer, Err(AppendError::Changed { key, .. }) if key == "k"), "{answer:?}");
    }
    store.append(deciding(Vec::new(), vec![known(1)])).await.unwrap();
    store.append(deciding(vec![document(1, Some("two"))], Vec::new())).await.unwrap();
    assert_eq!(found(&store).await, Some((2, Position(3))));
    store.append(deciding(vec![document(2, None)], Vec::new())).await.unwrap();
    assert_eq!((found(&store).await, store.head().await.unwrap()), (None, Position(4)));
}

/// Who advances a build takes its processor, and then documents.
#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_and_who_advances_a_build_come_one_behind_the_other() {
    let place = place().await;
    place.store.append(deciding(vec![document(0, Some("one"))], Vec::new())).await.unwrap();
    let mut advancing = session().await;
    let mut run = async |sql: &str| {
        let sql = sqlx::AssertSqlSafe(sql.replace("{es}", &place.schema));
        sqlx::raw_sql(sql).execute(&mut advancing).await
    };
    run("BEGIN; SELECT FROM {es}.processors WHERE name = 'balances' FOR UPDATE").await.unwrap();
    let mut commit = with(Does::Enter, &["Counted"]);
    if let Some(inline) = &mut commit.inline {
        inline.writes = vec![document(1, Some("two"))];
    }
    let appending = tokio::spawn({
        let store = place.store.clone();
        async move { store.append(commit).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%\"{es}\".processors%'";
    while place.number(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    run("SELECT FROM {es}.documents WHERE collection = 'c' FOR UPDATE NOWAIT").await.unwrap();
    run("COMMIT").await.unwrap();
    appending.await.unwrap().unwrap();
    assert_eq!(found(&place.store).await, Some((2, Position(2))));
}

#[tokio::test]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn a_commit_whose_builds_change_while_it_waits_is_done_again() {
    let place = place().await;
    let mut advancing = session().await;
    let mut run = async |sql: &str| {
        let sql = sqlx::AssertSqlSafe(sql.replace("{es}", &place.schema));
        sqlx::raw_sql(sql).execute(&mut advancing).await.unwrap();
    };
    run("BEGIN; SELECT FROM {es}.processors WHERE name = 'balances' FOR UPDATE").await;
    let appending = tokio::spawn({
        let store = place.store.clone();
        async move { store.append(with(Does::Enter, &["Counted"])).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%\"{es}\".processors%'";
    while place.number(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    run("UPDATE {es}.documents SET revision = revision + 1 WHERE collection = 'ledgers'; COMMIT").await;
    assert!(!appending.await.unwrap().unwrap().duplicate);
    assert_eq!(stored(&place).await, (1, Position(1), Position(1)));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "servers"), ignore = "needs PostgreSQL: see tests/servers")]
async fn commits_with_rows_and_without_go_on_side_by_side() {
    let place = place().await;
    let appends: Vec<_> = (0..40)
        .map(|n| {
            let store = place.store.clone();
            let commit = if n % 2 == 0 { with(Does::Enter, &["Counted"]) } else { commit(&["Counted"]) };
            tokio::spawn(async move { store.append(commit).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    place.store.append(with(Does::Enter, &["Counted"])).await.unwrap();
    assert_eq!(stored(&place).await, (41, Position(41), Position(41)));
}
