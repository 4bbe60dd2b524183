//! The connection that writes, and the guard before it while work runs that is not ours.

use super::schema::TABLES;
use super::tx::SqliteTx;
use crate::store::BoxError;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::any::Any;
use std::cell::Cell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the guard refuses, whatever the state of the transaction: it is prepared only.
const FORBIDDEN: &str = "SAVEPOINT guarded";

/// A connection with a guard that is put up for work of a projection.
pub(super) struct Guarded {
    connection: Rc<Connection>,
    is_up: Arc<AtomicBool>,
    is_lost: Cell<bool>,
}

/// Work has taken the guard off.
#[derive(Debug, thiserror::Error)]
#[error("it has set another authorizer: the transaction's must stay")]
struct TakenOff;

/// A projection panicked.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

impl Guarded {
    pub fn new(mut connection: Connection) -> rusqlite::Result<Self> {
        let is_up = Arc::new(AtomicBool::new(false));
        install(&mut connection, &is_up)?;
        Ok(Self { connection: Rc::new(connection), is_up, is_lost: Cell::new(false) })
    }

    /// Runs work on the connection, in the transaction that it is in. A panic is an error.
    ///
    /// Work can still end the transaction, as `INSERT OR ROLLBACK` does; what it writes behind that is rolled
    /// back, too.
    pub fn work(
        &self,
        build: &str,
        work: &mut (dyn FnMut(&SqliteTx) -> Result<(), BoxError> + Send),
    ) -> Result<(), BoxError> {
        let tx = SqliteTx::new(Rc::clone(&self.connection), build);
        // The guard looks at statements as they are prepared. Of ours none may be found that are.
        self.connection.flush_prepared_statement_cache();
        self.is_up.store(true, Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&tx)));
        // rusqlite 0.39 sets an authorizer on a shared connection.
        let stands = self.connection.prepare(FORBIDDEN).is_err();
        self.is_up.store(false, Ordering::Relaxed);
        if !stands {
            self.is_lost.set(true);
            return Err(TakenOff.into());
        }
        outcome.unwrap_or_else(|panic| Err(Panicked(text(panic.as_ref())).into()))
    }

    /// Whether the guard is gone, so that this connection must not be used for work again.
    pub fn is_lost(&self) -> bool {
        self.is_lost.get()
    }
}

impl Deref for Guarded {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

fn install(connection: &mut Connection, is_up: &Arc<AtomicBool>) -> rusqlite::Result<()> {
    let is_guarded = Arc::clone(is_up);
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if is_guarded.load(Ordering::Relaxed) && is_refused(&context.action) {
            Authorization::Deny
        } else {
            Authorization::Allow
        }
    }))?;
    let is_guarded = Arc::clone(is_up);
    // True turns a COMMIT into a ROLLBACK: nothing is committed while work runs.
    connection.commit_hook(Some(move || is_guarded.load(Ordering::Relaxed)))
}

/// Whether work must not do this: it shares the file with the log, and the transaction with its checkpoint.
fn is_refused(action: &AuthAction<'_>) -> bool {
    match action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. }
        | AuthAction::Unknown { .. }
        // What is temporary stays on the connection, and hides tables of the same name from us.
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. } => true,
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. } => is_ours(table_name),
        _ => false,
    }
}

/// A connection for readers of rows: what it is set up as, it stays.
pub(super) fn for_reading_rows(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Pragma { .. } => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }))
}

fn is_ours(table: &str) -> bool {
    TABLES.iter().any(|ours| ours.eq_ignore_ascii_case(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(take_off: bool) -> Guarded {
        let mut guarded = Guarded::new(Connection::open_in_memory().unwrap()).unwrap();
        if take_off {
            let connection = Rc::get_mut(&mut guarded.connection).unwrap();
            connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
        }
        guarded
    }

    #[test]
    fn work_behind_the_guard_is_done() {
        let guarded = guarded(false);
        guarded.execute_batch("BEGIN").unwrap();
        guarded.work("b", &mut |tx| Ok(tx.execute_batch("CREATE TABLE mine (x)")?)).unwrap();
        assert!(!guarded.is_lost());
        guarded.execute_batch("COMMIT").unwrap();
    }

    #[test]
    fn work_without_the_guard_fails_and_the_connection_is_not_used_again() {
        let guarded = guarded(true);
        let error = guarded.work("b", &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "it has set another authorizer: the transaction's must stay");
        assert!(guarded.is_lost());
    }
}
