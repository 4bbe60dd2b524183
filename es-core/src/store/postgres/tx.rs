//! What a projection that keeps rows is given.

use super::database::Database;
use super::pool::{Pool, answered};
use super::rows::{Session, session};
use super::schema::quoted;
use super::transaction::Transaction;
use super::{PgError, column, text};
use crate::id::Position;
use crate::store::{BoxError, BuildTables, Checkpoint};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, Row};
use std::fmt;
use std::ops::{Deref, DerefMut};
use uuid::Uuid;

/// The transaction that a projection keeps its rows in.
///
/// It is a [`sqlx::PgConnection`] to the database that holds the log, in a transaction that is committed together
/// with the projection's checkpoint: `sqlx::query(..).execute(&mut **tx)`. All that has to be done in SQL can be
/// done, but for the end of the transaction, which is refused. A statement that fails spoils it, as PostgreSQL
/// has it; one that may is put into `tx.begin()`, which makes a savepoint. What a session is set to goes with the
/// transaction, if it is `SET LOCAL`.
///
/// A projection may be built anew while the old rows are still read, so each build has a schema of its own, which
/// stands first in the `search_path`: `INSERT INTO balances ..` is about this build's table, and
/// [`table`](Self::table) gives its whole name. Behind it stands `public`.
pub struct PgTx {
    transaction: Transaction,
    database: Database,
    /// The schema of the build, in quotes.
    space: String,
    /// Whether somebody works in it whose work is not known to be in order.
    is_at_work: bool,
}

/// A processor as it is when work for it begins.
pub(super) struct AtWork {
    pub epoch: u64,
    pub checkpoint: Checkpoint,
    pub session: Session,
}

/// The work has spoilt the transaction that it ran in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Spoilt {
    #[error("it has ended the transaction that it was given")]
    Ended,
    #[error(
        "a statement of it has failed, and PostgreSQL does nothing more in a transaction after that: \
         put one that may fail into `tx.begin()`"
    )]
    Aborted,
    #[error(transparent)]
    Failed(PgError),
}

impl PgTx {
    pub(super) async fn begin(database: &Database, workroom: &Pool) -> Result<Self, PgError> {
        let transaction = Transaction::begin(workroom, database.begin_statement()).await?;
        Ok(Self { transaction, database: database.clone(), space: String::new(), is_at_work: false })
    }

    /// The name of this build's table, in quotes: `"es__balances_1_2"."balances"` for `balances`.
    pub fn table(&self, name: &str) -> String {
        format!("{}.{}", self.space, quoted(name))
    }

    /// Gives it to a build. From here on nobody else writes for the processor, and nothing can be committed. None
    /// if there is no such processor.
    pub(super) async fn enter(&mut self, processor: &str, build: &str) -> Result<Option<AtWork>, PgError> {
        // Temporary tables hide none.
        const ENTER: &str = concat!(
            "SELECT space, set_config('es.at_work', 'on', true),
                set_config('search_path', quote_ident(space) || ', public, pg_temp', true), ",
            session!(),
            ", set_config('role', {es}.worker($1), true) FROM {es}.of_build($1) AS space"
        );
        const TOUCH: &str = "UPDATE {es}.processors SET position = position WHERE name = $1
            RETURNING epoch, position, event_id, {es}.has_build($2)";
        self.is_at_work = true;
        let enter = self.database.query(ENTER).bind(build.to_owned());
        let entered = answered(enter.fetch_one(&mut *self.transaction)).await?;
        self.space = quoted(entered.try_get(0)?);
        let touch = self.database.query(TOUCH).bind(text::escaped(processor).into_owned());
        let touch = touch.bind(build.to_owned()).fetch_optional(&mut *self.transaction);
        let Some(row) = answered(touch).await? else { return Ok(None) };
        if !row.try_get::<bool, _>(3)? {
            let make = self.database.query("SELECT {es}.make_build($1)").bind(build.to_owned());
            answered(make.execute(&mut *self.transaction)).await?;
            let work = self.database.query("SELECT set_config('role', {es}.worker($1), true)");
            answered(work.bind(build.to_owned()).execute(&mut *self.transaction)).await?;
        }
        at_work(&row, Session::of(&entered, 3)?).map(Some)
    }

    /// Takes it back, as it must be when the work is done.
    pub(super) async fn leave(&mut self) -> Result<(), Spoilt> {
        const LEAVE: &str =
            "WITH before AS MATERIALIZED (SELECT current_setting('es.at_work', true) AS at_work)
            SELECT coalesce(at_work, '') = 'on', set_config('es.at_work', 'off', true),
                set_config('role', 'none', true) FROM before";
        let leave = answered(self.database.query(LEAVE).fetch_one(&mut *self.transaction)).await;
        match leave.and_then(|row| row.try_get(0)) {
            Ok(true) => {
                self.is_at_work = false;
                Ok(())
            }
            Ok(false) => Err(Spoilt::Ended),
            Err(error) => Err(Spoilt::from(error)),
        }
    }

    pub(super) async fn commit(self) -> Result<(), PgError> {
        self.transaction.commit().await
    }

    /// Undoes it all. If this fails, the connection is of no use any more, and the server undoes it.
    pub(super) async fn roll_back(self) -> Result<(), PgError> {
        if self.is_at_work {
            return self.transaction.roll_back_for_good().await;
        }
        self.transaction.roll_back().await
    }

    /// Asks for names or for a truth about this store's builds.
    async fn ask<T>(&mut self, sql: &str, about: &[&str]) -> Result<Vec<T>, BoxError>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let mut query = self.database.query(sql);
        for &name in about {
            query = query.bind(name.to_owned());
        }
        let rows = answered(query.fetch_all(&mut *self.transaction)).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

fn at_work(row: &PgRow, session: Session) -> Result<AtWork, PgError> {
    let checkpoint = Checkpoint {
        position: Position(column::unsigned(row.try_get(1)?)),
        event: row.try_get::<Option<Uuid>, _>(2)?,
    };
    Ok(AtWork { epoch: column::unsigned(row.try_get(0)?), checkpoint, session })
}

impl From<PgError> for Spoilt {
    fn from(error: PgError) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() == Some("25P02") { Self::Aborted } else { Self::Failed(error) }
    }
}

/// Two projections have tables of one name.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is a view \"{view}\" already, which is not of this projection: give the table another name, \
     as in `CREATE TABLE other_{view}`"
)]
struct ShownByAnother {
    view: String,
}

impl BuildTables for PgTx {
    async fn tables(&mut self, build: &str) -> Result<Vec<String>, BoxError> {
        let find = "SELECT class.relname::text FROM pg_catalog.pg_class AS class
            JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
            WHERE space.nspname = {es}.of_build($1) AND class.relkind IN ('r', 'p') AND NOT class.relispartition
            ORDER BY class.relname";
        self.ask(find, &[build]).await
    }

    async fn show(&mut self, table: &str, build: &str) -> Result<(), BoxError> {
        match self.ask("SELECT {es}.show($1, $2)", &[table, build]).await?[..] {
            [true] => Ok(()),
            _ => Err(ShownByAnother { view: table.to_owned() }.into()),
        }
    }

    async fn hide(&mut self, table: &str) -> Result<(), BoxError> {
        self.ask::<()>("SELECT {es}.hide($1)", &[table]).await.map(drop)
    }

    async fn drop_tables(&mut self, build: &str) -> Result<(), BoxError> {
        self.ask::<()>("SELECT {es}.drop_build($1)", &[build]).await.map(drop)
    }
}

impl Deref for PgTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for PgTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

impl fmt::Debug for PgTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTx").field("build", &self.space).finish_non_exhaustive()
    }
}
