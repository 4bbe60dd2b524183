//! What a projection that keeps rows is given, and the request that its work goes through the writer as.

use super::processors;
use super::transaction::{Fault, Request, Transaction};
use crate::foreign;
use crate::store::inline::Waits;
use crate::store::{Advance, AdvanceError, BoxError, BuildTables, RowWork};
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension};
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use uuid::Uuid;

/// The transaction that a projection keeps its rows in.
///
/// It is a [`rusqlite::Connection`] to the file that holds the log, in a transaction that is committed
/// together with the projection's checkpoint. All that has to be done in SQL can be done, but for what is not
/// the projection's own: transactions, `PRAGMA`, `ATTACH`, temporary tables and the log's tables are refused.
///
/// A projection may be built anew while the old rows are still read, so each build has tables of its own:
/// [`table`](Self::table) names them.
pub struct SqliteTx {
    connection: Connection,
    build: String,
}

impl SqliteTx {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, build: String::new() }
    }

    /// From here on it is the transaction of this build.
    pub(super) fn is_of(&mut self, build: &str) {
        build.clone_into(&mut self.build);
    }

    /// The name of this build's table, in quotes: `"balances__1_2"` for `balances`.
    pub fn table(&self, name: &str) -> String {
        table_of(name, &self.build)
    }
}

fn table_of(name: &str, build: &str) -> String {
    quoted(&format!("{name}__{build}"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Two projections have tables of one name.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is a view \"{view}\" already, which is not of this projection: give the table another name, \
     as in `tx.table(\"other_{view}\")`"
)]
struct ShownByAnother {
    view: String,
}

/// Whether a view shows the table of another build of the same projection: their names differ in the two
/// numbers at the end.
fn is_of_the_same(view: &str, table: &str) -> bool {
    let without_numbers = |name: &str| name.trim_end_matches('"').rsplitn(3, '_').nth(2).map(str::to_owned);
    let shown = view.split_once(" AS SELECT * FROM ").map(|(_, shown)| shown);
    shown.is_some_and(|shown| without_numbers(shown) == without_numbers(table))
}

impl BuildTables for SqliteTx {
    async fn tables(&mut self, build: &str) -> Result<Vec<String>, BoxError> {
        let end = format!("__{build}");
        let mut find = self.prepare(
            "SELECT substr(name, 1, length(name) - length(?1)) FROM sqlite_schema
             WHERE type = 'table' AND substr(name, -length(?1)) = ?1 ORDER BY name",
        )?;
        let names = find.query_map([end], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    async fn show(&mut self, table: &str, build: &str) -> Result<(), BoxError> {
        let (view, of_build) = (quoted(table), table_of(table, build));
        let shown: Option<String> = self
            .prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' AND lower(name) = lower(?1)")?
            .query_row([table], |row| row.get(0))
            .optional()?;
        if shown.is_some_and(|sql| !is_of_the_same(&sql, &of_build)) {
            return Err(ShownByAnother { view: table.to_owned() }.into());
        }
        self.hide(table).await?;
        Ok(self.execute_batch(&format!("CREATE VIEW {view} AS SELECT * FROM {of_build}"))?)
    }

    async fn hide(&mut self, table: &str) -> Result<(), BoxError> {
        Ok(self.execute_batch(&format!("DROP VIEW IF EXISTS {}", quoted(table)))?)
    }

    async fn drop_tables(&mut self, build: &str) -> Result<(), BoxError> {
        // A table goes before those that its rows refer to; which these are is seen in trying.
        let mut left = self.tables(build).await?;
        loop {
            let (before, mut failure) = (left.len(), None);
            left.retain(|table| {
                let dropped = self.execute_batch(&format!("DROP TABLE {}", table_of(table, build)));
                let stays = dropped.is_err();
                failure = dropped.err().or(failure.take());
                stays
            });
            match failure {
                None => return Ok(()),
                Some(failure) if left.len() == before => return Err(failure.into()),
                Some(_) => {}
            }
        }
    }
}

impl Deref for SqliteTx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl fmt::Debug for SqliteTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTx").field("build", &self.build).finish_non_exhaustive()
    }
}

/// An advance with work.
pub(super) struct Rows {
    pub advance: Advance,
    pub build: String,
    pub work: RefCell<RowWork<SqliteTx>>,
}

/// The work has ended the transaction that it ran in.
#[derive(Debug, thiserror::Error)]
#[error("it has rolled back its transaction")]
pub(super) struct RolledBack;

impl Request for Rows {
    type Answer = ();
    type Refusal = AdvanceError;

    fn has_steps(&self) -> bool {
        true
    }

    fn is_alone(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        processors::size(&self.advance)
    }

    fn key(&self) -> Option<Uuid> {
        None
    }

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<(), Fault<AdvanceError>> {
        self.advance.check()?;
        let reached = processors::reached(transaction, &self.advance)?;
        if self.advance.to.is_some_and(|to| to.position <= reached) {
            return Ok(());
        }
        let mut work = self.work.borrow_mut();
        let mut outcome = transaction
            .guarded
            .work(&self.build, |tx| foreign::at_once(work(tx)).unwrap_or_else(|| Err(Waits.into())));
        if transaction.guarded.is_autocommit() {
            transaction.begin_again()?;
            outcome = outcome.and(Err(RolledBack.into()));
        }
        outcome.map_err(fault)?;
        processors::advance(transaction, &self.advance)
    }

    fn settle(&self, _: &Transaction<'_>, (): &(), (): ()) -> Result<(), Fault<AdvanceError>> {
        Ok(())
    }

    fn refused_by_commit(&self, error: &Error) -> Option<AdvanceError> {
        let text = Some(error.to_string());
        error.sqlite_error().map(|code| AdvanceError::Work(Error::SqliteFailure(*code, text).into()))
    }
}

/// What an error of the work says: of the file, which may be well again soon, or of the work itself.
fn fault(error: BoxError) -> Fault<AdvanceError> {
    of_the_file(error.as_ref()).map_or_else(|| AdvanceError::Work(error).into(), Fault::Sqlite)
}

/// Whether an error of some work says that the file was in the way.
pub(in crate::store) fn may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    of_the_file(error).is_some()
}

/// What an error of some work says of the file.
pub(super) fn of_the_file(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut source = Some(error);
    while let Some(found) = source {
        let code = found.downcast_ref::<Error>().and_then(Error::sqlite_error);
        if let Some(code) = code
            && matches!(
                code.code,
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::OutOfMemory
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
            )
        {
            return Some(Error::SqliteFailure(*code, Some(error.to_string())));
        }
        source = found.source();
    }
    None
}
