//! The connection that writes, and the guard before it while work runs that is not ours.

use super::schema::TABLES;
use super::tx::SqliteTx;
use crate::store::inline::Panicked;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the guard refuses, whatever the state of the transaction: it is prepared only.
const FORBIDDEN: &str = "SAVEPOINT guarded";

/// A connection with a guard that is put up for work of a projection.
pub(super) struct Guarded {
    tx: SqliteTx,
    is_up: Arc<AtomicBool>,
    is_lost: bool,
}

/// Work has taken the guard off.
#[derive(Debug, thiserror::Error)]
#[error("it has set another authorizer: the transaction's must stay")]
pub(super) struct TakenOff;

impl Guarded {
    pub fn new(mut connection: Connection) -> rusqlite::Result<Self> {
        let is_up = Arc::new(AtomicBool::new(false));
        install(&mut connection, &is_up)?;
        Ok(Self { tx: SqliteTx::new(connection), is_up, is_lost: false })
    }

    /// Runs work on the connection, in the transaction that it is in. A panic is an error.
    ///
    /// Work can still end the transaction, as `INSERT OR ROLLBACK` does; what it writes behind that is rolled
    /// back, too.
    pub fn work<T, E: From<TakenOff> + From<Panicked>>(
        &mut self,
        build: &str,
        work: impl FnOnce(&mut SqliteTx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.tx.is_of(build);
        // The guard looks at statements as they are prepared. Of ours none may be found that are.
        self.tx.flush_prepared_statement_cache();
        self.is_up.store(true, Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut self.tx)));
        // rusqlite 0.39 sets an authorizer on a shared connection.
        let stands = self.tx.prepare(FORBIDDEN).is_err();
        self.is_up.store(false, Ordering::Relaxed);
        if !stands {
            self.is_lost = true;
            return Err(TakenOff.into());
        }
        outcome.unwrap_or_else(|panic| Err(Panicked::with(&*panic).into()))
    }

    /// Whether the guard is gone, so that this connection must not be used for work again.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }
}

impl Deref for Guarded {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.tx
    }
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
    use crate::store::BoxError;

    fn guarded(take_off: bool) -> Guarded {
        let mut connection = Connection::open_in_memory().unwrap();
        let is_up = Arc::default();
        install(&mut connection, &is_up).unwrap();
        if take_off {
            connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
        }
        Guarded { tx: SqliteTx::new(connection), is_up, is_lost: false }
    }

    #[test]
    fn work_behind_the_guard_is_done() {
        let mut guarded = guarded(false);
        guarded.execute_batch("BEGIN").unwrap();
        let work = |tx: &mut SqliteTx| Ok::<_, BoxError>(tx.execute_batch("CREATE TABLE mine (x)")?);
        guarded.work("b", work).unwrap();
        assert!(!guarded.is_lost());
        guarded.execute_batch("COMMIT").unwrap();
    }

    #[test]
    fn work_without_the_guard_fails_and_the_connection_is_not_used_again() {
        let mut guarded = guarded(true);
        let error = guarded.work("b", |_| Ok::<_, BoxError>(())).unwrap_err();
        assert_eq!(error.to_string(), "it has set another authorizer: the transaction's must stay");
        assert!(guarded.is_lost());
    }
}
