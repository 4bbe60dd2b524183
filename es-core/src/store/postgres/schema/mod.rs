//! What is in the database: tables, functions, rights.
//!
//! The scripts name the schema `{es}` and its advisory lock `{fence}`, and quote the bodies of functions by
//! `$body$`.

use super::database::{self, BEGIN, BEGIN_READING, Database};
use super::failure::Failure;
use super::pool::{answered, within};
use super::{PgError, PgOpenError, PgOptions};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr, SqlStr};
use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The schema version that this code knows.
const KNOWN: i64 = 1;

/// The oldest PostgreSQL that understands it: since then a table says how often what is only inserted is vacuumed.
const OLDEST_SERVER: u32 = 13;

/// What a new schema holds.
const TABLES: [&str; 2] = [include_str!("log.sql"), include_str!("following.sql")];

/// What is put in place at every migration.
const FUNCTIONS: [&str; 7] = [
    include_str!("guards.sql"),
    include_str!("append.sql"),
    include_str!("append_one.sql"),
    include_str!("edit.sql"),
    include_str!("processors.sql"),
    include_str!("rows.sql"),
    include_str!("snapshot.sql"),
];

/// What a new schema holds that needs its functions.
const TRIGGERS: &str = include_str!("triggers.sql");

/// What one migration holds while it runs; the same for every schema.
const MIGRATING: i64 = 0x6573_6d69_6772_6174;

/// How long a migration may take, those included that are before it; and how often it is looked whether they are done.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// Makes what is missing: all of it, or nothing.
pub(super) async fn migrate(url: &str, options: &PgOptions) -> Result<(), PgOpenError> {
    options.check()?;
    let mut connection = database::connect_to(url, options).await?;
    require_known(&connection)?;
    let migrated = within(Instant::now() + PATIENCE, bring_up(&mut connection, options)).await;
    // What it has done is done, or rolled back by the end of the connection.
    let _ = answered(connection.close()).await;
    migrated
}

async fn bring_up(connection: &mut PgConnection, options: &PgOptions) -> Result<(), PgOpenError> {
    let schema = quoted(&options.schema);
    require_writable(connection).await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    // To wait in the server is not for as long as this may take.
    while !try_lock(&mut transaction, MIGRATING).await? {
        sleep(PAUSE).await;
    }
    let found = version(&mut transaction, &options.schema).await?;
    match found {
        Some(found) if found > KNOWN => return Err(PgOpenError::Newer { found, known: KNOWN }),
        Some(_) => {}
        None => create(&mut transaction, &options.schema).await?,
    }
    for functions in FUNCTIONS {
        sqlx::raw_sql(script(functions, &options.schema)).execute(&mut *transaction).await?;
    }
    if found.is_none() {
        sqlx::raw_sql(script(TRIGGERS, &options.schema)).execute(&mut *transaction).await?;
    }
    let rights = safe(rights(&schema, options.app_role.as_deref()));
    sqlx::raw_sql(rights).execute(&mut *transaction).await?;
    if let Some(role) = &options.app_role {
        let grant = sqlx::query(script("SELECT {es}.let_show($1)", &options.schema)).bind(role);
        grant.execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Makes sure that the server is not older than what it is to understand. One that does not say what it is, is tried.
fn require_known(connection: &PgConnection) -> Result<(), PgOpenError> {
    // 90624 is 9.6.24, and 130023 is 13.23.
    match connection.server_version_num().map(|version| version / 10_000) {
        Some(found) if found < OLDEST_SERVER => Err(PgOpenError::OldServer { found, needed: OLDEST_SERVER }),
        _ => Ok(()),
    }
}

/// Makes sure that the server is no standby: that one refuses what begins a transaction that writes, and says no more.
async fn require_writable(connection: &mut PgConnection) -> Result<(), PgOpenError> {
    let is_standby = sqlx::raw_sql("SELECT pg_catalog.pg_is_in_recovery()").fetch_one(connection).await?;
    if is_standby.try_get(0)? { Err(PgOpenError::ReadOnly) } else { Ok(()) }
}

async fn create(connection: &mut PgConnection, schema: &str) -> Result<(), PgOpenError> {
    // `IF NOT EXISTS` wants the right to create one, even where there is one.
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    if !sqlx::query_scalar::<_, bool>(exists).bind(schema).fetch_one(&mut *connection).await? {
        sqlx::raw_sql(script("CREATE SCHEMA {es}", schema)).execute(&mut *connection).await?;
    }
    for tables in TABLES {
        sqlx::raw_sql(script(tables, schema)).execute(&mut *connection).await?;
    }
    sqlx::query(script("INSERT INTO {es}.meta VALUES ('schema_version', $1), ('log_id', $2)", schema))
        .bind(KNOWN.to_string())
        .bind(Uuid::new_v4().to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The version of the store in a schema; `None` if there is none.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<Option<i64>, PgOpenError> {
    let has_store = "SELECT EXISTS (
        SELECT FROM pg_catalog.pg_class AS meta JOIN pg_catalog.pg_namespace AS schema
            ON schema.oid = meta.relnamespace
        WHERE schema.nspname = $1 AND meta.relname = 'meta')";
    let has_store = sqlx::query_scalar(has_store).bind(schema).persistent(false);
    if !has_store.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let find = script("SELECT value FROM {es}.meta WHERE key = 'schema_version'", schema);
    let found: Option<String> = sqlx::query_scalar(find).persistent(false).fetch_optional(connection).await?;
    Ok(found.and_then(|version| version.parse().ok()))
}

/// Makes sure that the store is there, and that it can be used.
pub(super) async fn check(database: &Database) -> Result<(), PgOpenError> {
    let mut connection = database.connect().await?;
    require_known(&connection)?;
    let mut transaction = connection.begin_with(BEGIN_READING).await?;
    match version(&mut transaction, database.schema()).await? {
        None => return Err(PgOpenError::NotMigrated { schema: database.schema().to_owned() }),
        Some(found) if found > KNOWN => return Err(PgOpenError::Newer { found, known: KNOWN }),
        Some(found) if found < KNOWN => return Err(PgOpenError::Older { found, known: KNOWN }),
        Some(_) => {}
    }
    let may_append = "SELECT coalesce(bool_and(has_function_privilege(append.oid, 'EXECUTE')), false)
        FROM pg_catalog.pg_proc AS append JOIN pg_catalog.pg_namespace AS schema
            ON schema.oid = append.pronamespace
        WHERE schema.nspname = $1 AND append.proname = 'append'";
    let may_append = sqlx::query_scalar(may_append).bind(database.schema()).persistent(false);
    if !may_append.fetch_one(&mut *transaction).await? {
        return Err(PgOpenError::Forbidden);
    }
    transaction.commit().await?;
    let mut other = database.connect().await?;
    let locks = locks(&mut connection, &mut other).await;
    let _ = (connection.close().await, other.close().await);
    if locks? { Ok(()) } else { Err(PgOpenError::NoLock) }
}

/// Whether a lock that one holds keeps the other out. It is nobody else's lock.
async fn locks(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, PgOpenError> {
    let key = Uuid::new_v4().as_u64_pair().0.cast_signed();
    let mut held = one.begin_with(BEGIN_READING).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).persistent(false);
    lock.execute(&mut *held).await?;
    let mut trying = other.begin_with(BEGIN_READING).await?;
    let got_it = try_lock(&mut trying, key).await?;
    trying.rollback().await?;
    held.rollback().await?;
    Ok(!got_it)
}

async fn try_lock(connection: &mut PgConnection, key: i64) -> Result<bool, PgError> {
    let attempt = sqlx::query("SELECT pg_try_advisory_xact_lock($1)").bind(key).persistent(false);
    attempt.fetch_one(connection).await?.try_get(0)
}

/// What only the owner may do, and what the app's role needs: all of the log through functions.
fn rights(schema: &str, app_role: Option<&str>) -> String {
    let mut rights = format!("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC;");
    if let Some(role) = app_role {
        let role = quoted(role);
        // Writing to a `String` cannot fail.
        let _ = write!(
            rights,
            "GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role};
             GRANT SELECT ON {schema}.meta, {schema}.events, {schema}.streams TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE
                 ON {schema}.snapshots, {schema}.processors, {schema}.documents, {schema}.views TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};"
        );
    }
    rights
}

/// A script in the names of a schema.
fn script(text: &str, schema: &str) -> SqlStr {
    let mut body = "$body$".to_owned();
    while schema.contains(&body) {
        body.insert(1, 'b');
    }
    let text = text.replace("$body$", &body).replace("{fence}", &fence(schema).to_string());
    safe(text.replace("{es}", &quoted(schema)))
}

/// A text of ours, in which every name is quoted.
fn safe(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// A name as an identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The advisory lock under which the log of a schema grows.
fn fence(schema: &str) -> i64 {
    // FNV-1a: it must be the same in every process and version, and no more.
    let hash = schema.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

impl From<PgError> for PgOpenError {
    fn from(error: PgError) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code).map(Cow::into_owned);
        let cause = Failure::from(error).into();
        match code.as_deref() {
            Some("42501") => Self::Forbidden,
            Some("25006") => Self::ReadOnly,
            Some("28000" | "28P01") => Self::NotLetIn(cause),
            Some("3D000") => Self::NoDatabase(cause),
            _ => Self::Unavailable(cause),
        }
    }
}
