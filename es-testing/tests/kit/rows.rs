//! Scenarios of projections that keep rows.
use crate::failure;
use crate::followers::ASKED;
use crate::model::*;
use crate::reactors::austen;
use es_core::prelude::*;
use es_testing::prelude::*;
use expect_test::{Expect, expect};
use std::sync::atomic::{AtomicU32, Ordering};

const ALL: &str = "SELECT book, loans, last FROM loans ORDER BY book";

#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    #[error("nobody reads for no days")]
    NoDays,
}

/// How often each book was lent, and to whom at last.
#[projection]
pub struct LoanRows;
#[projection]
impl LoanRows {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        let loans = tx.table("loans");
        tx.execute_batch(&format!("CREATE TABLE {loans} (book TEXT PRIMARY KEY, loans INTEGER, last TEXT)"))
    }
    fn bought(&self, _: &Bought, book: &BookId, tx: &SqliteTx) -> Result<(), SqliteError> {
        let sql = format!("INSERT INTO {} VALUES (?1, 0, NULL)", tx.table("loans"));
        tx.execute(&sql, [&book.0]).map(drop)
    }
    fn lent(&self, e: &Lent, book: &BookId, tx: &SqliteTx) -> Result<(), Wrong> {
        if e.days == 0 {
            return Err(Wrong::NoDays);
        }
        let sql = format!("UPDATE {} SET loans = loans + 1, last = ?2 WHERE book = ?1", tx.table("loans"));
        Ok(tx.execute(&sql, [&book.0, &e.reader]).map(drop)?)
    }
}

/// Numbers books by a count that goes on from one build to the next.
#[projection]
pub struct Restless;
#[projection]
impl Restless {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        tx.execute_batch(&format!("CREATE TABLE {} (number INTEGER)", tx.table("numbers")))
    }
    fn bought(&self, _: &Bought, tx: &SqliteTx) -> Result<(), SqliteError> {
        let number = ASKED.fetch_add(1, Ordering::SeqCst);
        tx.execute(&format!("INSERT INTO {} VALUES (?1)", tx.table("numbers")), [number]).map(drop)
    }
}

/// Numbers books by a count that is lost with the app.
#[projection(no_derive(Default))]
pub struct Forgetful;
static COUNT: AtomicU32 = AtomicU32::new(0);
impl Default for Forgetful {
    fn default() -> Self {
        COUNT.store(0, Ordering::SeqCst);
        Self
    }
}
#[projection]
impl Forgetful {
    fn setup(tx: &SqliteTx) -> Result<(), SqliteError> {
        COUNT.store(0, Ordering::SeqCst);
        tx.execute_batch(&format!("CREATE TABLE {} (number INTEGER)", tx.table("numbers")))
    }
    fn bought(&self, _: &Bought, tx: &SqliteTx) -> Result<(), SqliteError> {
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        tx.execute(&format!("INSERT INTO {} VALUES (?1)", tx.table("numbers")), [number]).map(drop)
    }
}

#[track_caller]
fn fails(expected: &Expect, scenario: impl FnOnce()) {
    expected.assert_eq(&failure(scenario));
}

#[test]
fn rows_are_asked_for_in_sql() {
    projection::<LoanRows>()
        .given(&emma(), events![bought(), lent("Ann"), LentV1 { reader: "Bob".into() }])
        .given(&austen(), bought())
        .then_rows(ALL, [("austen", 0, None), ("emma", 2, Some("Bob"))])
        .then_rows("SELECT loans FROM loans ORDER BY 1", [0, 2])
        .then_rows("SELECT sum(loans), avg(loans) FROM loans", [(2_u64, 1.0)])
        .then_rows("SELECT count(*), count(last) FROM loans", [[2, 1]])
        .given(&austen(), vec![lent("Cyd")])
        .then_rows(ALL, vec![("austen", 1, "Cyd"), ("emma", 2, "Bob")])
        .then_no_rows("SELECT * FROM loans WHERE loans = 0");
}

#[test]
fn nothing_leads_to_no_rows() {
    projection::<LoanRows>().by("Eve").then_no_rows(ALL);
}

#[test]
fn other_rows_than_expected() {
    fails(
        &expect![[r#"
        other rows than expected (actual ≠ expected):
          row 1: `loans` 0 ≠ 1, `last` NULL ≠ "Bob"
          row 2: unexpected ("emma", 1, "Ann")

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-emma@2: Lent { reader: "Ann", days: 14 }
                    book-austen@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<LoanRows>()
                .given(&emma(), (bought(), lent("Ann")))
                .given(&austen(), bought())
                .then_rows(ALL, [("austen", 1, "Bob")]);
        },
    );
    fails(
        &expect![[r#"
        other rows than expected (actual ≠ expected):
          row 1: ("emma", 0, NULL) ≠ ("emma", 0)
          row 2: missing ("austen", 0)

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<LoanRows>().given(&emma(), bought()).then_rows(ALL, [("emma", 0), ("austen", 0)]);
        },
    );
    fails(
        &expect![[r#"
        there should be no rows:
          row 1: unexpected ("emma")

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<LoanRows>().given(&emma(), bought()).then_no_rows("SELECT book FROM loans");
        },
    );
}

#[test]
fn a_statement_that_is_wrong() {
    fails(
        &expect![[r#"
        "SELECT * FROM lons" cannot be asked: no such table: lons

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            projection::<LoanRows>().given(&emma(), bought()).then_no_rows("SELECT * FROM lons");
        },
    );
}

#[test]
fn a_projection_that_stops() {
    fails(
        &expect![[r#"
        the projection stops: `lent` failed on event "book.lent" at position 2 (stream book-emma, version 2): nobody reads for no days

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-emma@2: Lent { reader: "Ann", days: 0 }
    "#]],
        || {
            let none = Lent { days: 0, ..lent("Ann") };
            projection::<LoanRows>().given(&emma(), (bought(), none)).then_no_rows(ALL);
        },
    );
}

#[test]
fn a_rebuild_makes_no_difference() {
    let text = failure(|| {
        projection::<Restless>().given(&emma(), bought()).then_no_rows("SELECT * FROM numbers");
    });
    assert!(text.starts_with("a law is broken: a rebuild gives the same rows\n"), "{text}");
}

#[test]
fn batches_make_no_difference() {
    fails(
        &expect![[r#"
        a law is broken: one batch and many batches give the same rows
          event by event, each time in a new app ≠ in one batch:
          numbers: (0), (0) ≠ (0), (1)
          between batches, a projection is what stands in its tables

          given     book-emma@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
                    book-austen@1: Bought { title: "Emma", shelf: Shelf { room: 1, signs: ["novels", "new"] } }
    "#]],
        || {
            let numbers = projection::<Forgetful>().given(&emma(), bought()).given(&austen(), bought());
            numbers.then_rows("SELECT number FROM numbers ORDER BY 1", [0, 1]);
        },
    );
}

#[test]
fn a_projection_without_a_then_checks_nothing() {
    let then_is_missing = "this scenario checks nothing: a `.then_..(..)` has to follow";
    let text = failure(|| drop(projection::<LoanRows>().given(&emma(), bought())));
    assert!(text.contains(then_is_missing), "{text}");
}
