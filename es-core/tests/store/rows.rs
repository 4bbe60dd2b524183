//! Rows of projections: work in the transaction of the checkpoint.

use crate::kit::*;
use es_core::store::{
    Advance, AdvanceError, BoxError, BuildTables, Checkpoint, DocumentWrite, EventStore, Lease, RowStore,
    RowWork, SqliteStore, SqliteTx, plain_work,
};
use tempfile::TempDir;

/// A store, and a lease for a projection that has made its table.
async fn set_up() -> (TempDir, SqliteStore, Lease) {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder).await;
    let held = lease(&store, "balances").await;
    let make = |tx: &SqliteTx| {
        tx.execute_batch(&format!(
            "CREATE TABLE {} (account TEXT PRIMARY KEY, balance INTEGER NOT NULL) STRICT",
            tx.table("balances")
        ))
    };
    work(&store, Advance::under(&held), make).await.unwrap();
    (folder, store, held)
}

async fn work<E: Into<BoxError>>(
    store: &SqliteStore,
    advance: Advance,
    mut work: impl FnMut(&SqliteTx) -> Result<(), E> + Send + 'static,
) -> Result<(), AdvanceError> {
    store.advance_with(advance, "1_2".into(), plain_work(move |tx| work(tx).map_err(Into::into))).await
}

fn deposit(tx: &SqliteTx, amount: i64) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO {} VALUES ('a-1', ?1) ON CONFLICT DO UPDATE SET balance = balance + excluded.balance",
        tx.table("balances")
    );
    tx.prepare_cached(&sql)?.execute([amount]).map(drop)
}

async fn balance(store: &SqliteStore) -> i64 {
    let sql = "SELECT coalesce(sum(balance), 0) FROM balances__1_2";
    store.read(|connection| connection.query_row(sql, [], |row| row.get(0))).await.unwrap()
}

fn failure(answer: &Result<(), AdvanceError>) -> String {
    match answer {
        Err(AdvanceError::Work(error)) => error.to_string(),
        other => panic!("not the work's failure: {other:?}"),
    }
}

#[tokio::test]
async fn rows_documents_and_checkpoint_are_written_together() {
    let (folder, store, held) = set_up().await;
    let advance = advance_to(&held, 3, vec![write("balances", "k", "x")]);
    work(&store, advance, |tx| deposit(tx, 50)).await.unwrap();
    store.close().await;
    let store = sqlite(&folder).await;
    assert_eq!((balance(&store).await, place(&store, "balances").await), (50, checkpoint(3)));
    assert!(document(&store, "balances", "k").await.is_some());
}

#[tokio::test]
async fn the_table_of_a_build_is_quoted() {
    let (_folder, store, held) = set_up().await;
    let look = |tx: &SqliteTx| {
        assert_eq!(tx.table("balances"), "\"balances__1_2\"");
        assert_eq!(tx.table("odd \" name"), "\"odd \"\" name__1_2\"");
        deposit(tx, 1)
    };
    work(&store, Advance::under(&held), look).await.unwrap();
}

#[tokio::test]
async fn work_that_fails_leaves_nothing() {
    let (_folder, store, held) = set_up().await;
    let advance = advance_to(&held, 3, vec![write("balances", "k", "x")]);
    let fail = |tx: &SqliteTx| {
        deposit(tx, 50)?;
        tx.execute_batch("CREATE TABLE beside (x); CREATE VIEW balances AS SELECT * FROM balances__1_2")?;
        Err::<(), BoxError>("no such account".into())
    };
    assert_eq!(failure(&work(&store, advance, fail).await), "no such account");
    assert_eq!((balance(&store).await, place(&store, "balances").await), (0, Checkpoint::default()));
    assert_eq!(document(&store, "balances", "k").await, None);
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('beside', 'balances')";
    let left: i64 =
        store.read(|connection| connection.query_row(tables, [], |row| row.get(0))).await.unwrap();
    assert_eq!(left, 0);
    work(&store, advance_to(&held, 3, Vec::new()), |tx| deposit(tx, 7)).await.unwrap();
    assert_eq!(balance(&store).await, 7);
}

#[tokio::test]
async fn a_panic_in_work_is_its_error_and_the_store_goes_on() {
    let (_folder, store, held) = set_up().await;
    let panics = |tx: &SqliteTx| {
        deposit(tx, 50)?;
        let accounts = Vec::<i64>::new();
        accounts.first().copied().expect("every account has a balance");
        Ok::<(), rusqlite::Error>(())
    };
    let answer = work(&store, advance_to(&held, 3, Vec::new()), panics).await;
    assert_eq!(failure(&answer), "panicked: every account has a balance");
    assert_eq!((balance(&store).await, place(&store, "balances").await), (0, Checkpoint::default()));
    filled(&store, "a-1", 2).await;
}

#[tokio::test]
async fn a_changed_document_takes_the_rows_back() {
    let (_folder, store, held) = set_up().await;
    let stale = DocumentWrite { revision: Some(3), ..write("balances", "k", "x") };
    let answer = work(&store, advance_to(&held, 3, vec![stale]), |tx| deposit(tx, 50)).await;
    assert!(matches!(answer, Err(AdvanceError::Changed { .. })), "{answer:?}");
    assert_eq!(balance(&store).await, 0);
}

#[tokio::test]
async fn work_under_a_lost_lease_does_not_run() {
    let (_folder, store, held) = set_up().await;
    store.release(&held).await.unwrap();
    let never = |_: &SqliteTx| -> Result<(), BoxError> { panic!("it has run") };
    assert!(is_fenced(&work(&store, advance_to(&held, 3, Vec::new()), never).await));
}

#[tokio::test]
async fn work_that_has_been_done_is_not_done_again() {
    let (_folder, store, held) = set_up().await;
    for to in [3, 3, 2, 4] {
        work(&store, advance_to(&held, to, Vec::new()), |tx| deposit(tx, 10)).await.unwrap();
    }
    assert_eq!((balance(&store).await, place(&store, "balances").await), (20, checkpoint(4)));
}

#[tokio::test]
async fn what_is_not_the_projections_own_is_refused() {
    let (_folder, store, held) = set_up().await;
    let ids = filled(&store, "a-1", 1).await;
    for sql in [
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
        "RELEASE request",
        "ROLLBACK TO request",
        "PRAGMA user_version = 9",
        "PRAGMA synchronous = OFF",
        "PRAGMA journal_mode",
        "ATTACH ':memory:' AS other",
        "DELETE FROM events",
        "UPDATE Events SET payload = NULL",
        "INSERT INTO streams (stream) VALUES ('a-1')",
        "REPLACE INTO documents VALUES ('c', 'k', 1, 1, x'00')",
        "UPDATE processors SET position = 99",
        "UPDATE leases SET last_epoch = 0",
        "DROP TABLE snapshots",
        "ALTER TABLE events ADD COLUMN mine",
        "CREATE INDEX mine ON events (name)",
        "DROP INDEX events_stream",
        "CREATE TRIGGER mine AFTER INSERT ON events BEGIN SELECT 1; END",
        "CREATE TEMP TABLE events (position)",
        "CREATE TEMP VIEW streams AS SELECT 1",
    ] {
        // As a statement of its own, and as one that may have been prepared for us.
        let plain = move |tx: &SqliteTx| tx.execute_batch(sql);
        let cached = move |tx: &SqliteTx| tx.prepare_cached(sql)?.execute([]).map(drop);
        for answer in [
            work(&store, Advance::under(&held), plain).await,
            work(&store, Advance::under(&held), cached).await,
        ] {
            let error = failure(&answer);
            assert!(error.contains("not authorized"), "{sql}: {error}");
        }
    }
    assert_eq!(whole_log(&store).await[0].id, ids[0]);
    append(&store, "a-1", events(1)).await;
}

#[tokio::test]
async fn a_trigger_of_the_projections_own_cannot_write_what_is_not() {
    let (_folder, store, held) = set_up().await;
    filled(&store, "a-1", 1).await;
    let make = |tx: &SqliteTx| {
        tx.execute_batch("CREATE TRIGGER sneaky AFTER INSERT ON balances__1_2 BEGIN DELETE FROM events; END")
    };
    work(&store, Advance::under(&held), make).await.unwrap();
    let answer = work(&store, Advance::under(&held), |tx| deposit(tx, 1)).await;
    assert!(failure(&answer).contains("not authorized"), "{answer:?}");
    assert_eq!(whole_log(&store).await.len(), 1);
}

#[tokio::test]
async fn work_that_rolls_its_transaction_back_fails_and_leaves_nothing() {
    let (_folder, store, held) = set_up().await;
    let roll_back = |tx: &SqliteTx| {
        deposit(tx, 1)?;
        let again = format!("INSERT OR ROLLBACK INTO {} VALUES ('a-1', 2)", tx.table("balances"));
        assert!(tx.execute(&again, []).is_err());
        assert!(tx.is_autocommit(), "SQLite has rolled back");
        // Outside of any transaction, this would be stored.
        tx.execute(&format!("INSERT INTO {} VALUES ('a-2', 3)", tx.table("balances")), []).map(drop)
    };
    let answer = work(&store, advance_to(&held, 3, Vec::new()), roll_back).await;
    assert!(!failure(&answer).is_empty());
    assert_eq!((balance(&store).await, place(&store, "balances").await), (0, Checkpoint::default()));

    let unheard = |tx: &SqliteTx| {
        deposit(tx, 1)?;
        let again = format!("INSERT OR ROLLBACK INTO {} VALUES ('a-1', 2)", tx.table("balances"));
        assert!(tx.execute(&again, []).is_err());
        Ok::<(), rusqlite::Error>(())
    };
    let answer = work(&store, advance_to(&held, 3, Vec::new()), unheard).await;
    assert_eq!(failure(&answer), "it has rolled back its transaction");
    append(&store, "a-1", events(1)).await;
}

#[tokio::test]
async fn rows_that_refer_to_none_are_an_error_of_the_work() {
    let (_folder, store, held) = set_up().await;
    let make = |tx: &SqliteTx| {
        tx.execute_batch(
            "CREATE TABLE entries (account TEXT REFERENCES balances__1_2 DEFERRABLE INITIALLY DEFERRED)",
        )
    };
    work(&store, Advance::under(&held), make).await.unwrap();
    let refer = |tx: &SqliteTx| tx.execute("INSERT INTO entries VALUES ('nobody')", []).map(drop);
    let answer = work(&store, advance_to(&held, 3, Vec::new()), refer).await;
    assert!(failure(&answer).contains("FOREIGN KEY"), "{answer:?}");
    assert_eq!(place(&store, "balances").await, Checkpoint::default());
    append(&store, "a-1", events(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_and_appends_go_on_side_by_side() {
    let (_folder, store, held) = set_up().await;
    let appends: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { filled(&store, &format!("a-{n}"), 2).await })
        })
        .collect();
    for to in 1..=50 {
        work(&store, advance_to(&held, to, Vec::new()), |tx| deposit(tx, 1)).await.unwrap();
    }
    for append in appends {
        append.await.unwrap();
    }
    assert_eq!((balance(&store).await, whole_log(&store).await.len()), (50, 100));
}

#[tokio::test]
async fn a_view_for_readers_is_replaced_with_the_checkpoint() {
    let (_folder, store, held) = set_up().await;
    let switch = |tx: &SqliteTx| {
        deposit(tx, 5)?;
        tx.execute_batch(&format!(
            "DROP VIEW IF EXISTS balances; CREATE VIEW balances AS SELECT * FROM {}",
            tx.table("balances")
        ))
    };
    work(&store, advance_to(&held, 1, Vec::new()), switch).await.unwrap();
    work(&store, advance_to(&held, 2, Vec::new()), switch).await.unwrap();
    let sql = "SELECT balance FROM balances";
    let seen: i64 = store.read(|connection| connection.query_row(sql, [], |row| row.get(0))).await.unwrap();
    assert_eq!(seen, 10);
}

#[tokio::test]
async fn readers_of_rows_only_read() {
    let (_folder, store, _held) = set_up().await;
    for sql in [
        "DELETE FROM events",
        "DROP TABLE balances__1_2",
        "PRAGMA query_only = OFF",
        "ATTACH ':memory:' AS x",
    ] {
        let answer = store.read(move |connection| connection.execute_batch(sql)).await;
        assert!(answer.is_err(), "{sql}");
    }
    let cut = store.read(|connection| connection.execute_batch("COMMIT")).await;
    assert!(cut.is_err());
    assert_eq!(balance(&store).await, 0);
}

#[tokio::test]
async fn tables_that_refer_to_each_other_are_dropped() {
    let (_folder, store, held) = set_up().await;
    let refer = |tx: &SqliteTx| {
        let (accounts, entries) = (tx.table("balances"), tx.table("entries"));
        tx.execute_batch(&format!(
            "CREATE TABLE {entries} (account TEXT NOT NULL REFERENCES {accounts} (account));
             INSERT INTO {accounts} VALUES ('a-1', 5); INSERT INTO {entries} VALUES ('a-1');"
        ))
    };
    work(&store, Advance::under(&held), refer).await.unwrap();
    let drop: RowWork<SqliteTx> = Box::new(|tx| {
        Box::pin(async move {
            tx.drop_tables("1_2").await?;
            assert!(tx.tables("1_2").await?.is_empty());
            Ok(())
        })
    });
    store.advance_with(Advance::under(&held), "1_2".into(), drop).await.unwrap();
}

#[tokio::test]
async fn work_that_waits_fails_and_leaves_nothing() {
    let (_folder, store, held) = set_up().await;
    let waits: RowWork<SqliteTx> = Box::new(|tx| {
        Box::pin(async move {
            deposit(tx, 50)?;
            tokio::task::yield_now().await;
            Ok(())
        })
    });
    let answer = store.advance_with(advance_to(&held, 3, Vec::new()), "1_2".into(), waits).await;
    let expected = "it waits for something, and in this store a projection has to be done at once";
    assert_eq!(failure(&answer), expected);
    assert_eq!((balance(&store).await, place(&store, "balances").await), (0, Checkpoint::default()));
}
