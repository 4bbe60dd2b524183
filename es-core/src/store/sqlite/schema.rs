//! The file: its tables, and the connections to it.

use super::{SqliteOpenError, guard};
use crate::store::Durability;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// "esdb": in the file's header, so that nobody takes it for something else.
const APPLICATION_ID: i64 = 0x6573_6462;

/// The schema that this code writes; it is the header's `user_version`.
const SCHEMA: i64 = 2;

/// The first SQLite in which two connections cannot damage a write-ahead log.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Every statement of this crate fits in, so that each is prepared once; with room for those of projections.
const STATEMENTS: usize = 128;

/// Positions are the table's row ids and are given by the writer: dense, because nothing is ever deleted.
/// Times are microseconds since 1970. A payload that is null was redacted. `streams` holds the edited and the
/// closed ones only.
const LOG: &str = "
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    stream      TEXT NOT NULL,
    category    TEXT NOT NULL,
    version     INTEGER NOT NULL,
    event_id    BLOB NOT NULL CHECK (length(event_id) = 16),
    name        TEXT NOT NULL,
    schema      INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    metadata    BLOB NOT NULL,
    payload     BLOB
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, version);
CREATE UNIQUE INDEX events_id ON events (event_id);
CREATE INDEX events_category ON events (category, position);
CREATE TABLE streams (
    stream           TEXT PRIMARY KEY,
    edits            INTEGER NOT NULL DEFAULT 0,
    truncated_before INTEGER NOT NULL DEFAULT 0,
    closed_at        INTEGER,
    reason           TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    stream      TEXT PRIMARY KEY,
    fingerprint INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    edits       INTEGER NOT NULL,
    payload     BLOB NOT NULL
) STRICT;
";

/// What schema 2 adds. A processor's `epoch` is that of its last lease, 0 once that was given back; `leases`
/// has one row, with the last epoch that was given. A lease ends at `lease_until`, and `lease_for` is how long
/// it was taken for: both in microseconds, the former since 1970.
const FOLLOWING: &str = "
CREATE TABLE processors (
    name        TEXT PRIMARY KEY,
    position    INTEGER NOT NULL,
    event_id    BLOB CHECK (length(event_id) = 16),
    owner       BLOB CHECK (length(owner) = 16),
    epoch       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_for   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (last_epoch INTEGER NOT NULL) STRICT;
INSERT INTO leases (last_epoch) VALUES (0);
CREATE TABLE documents (
    collection TEXT NOT NULL,
    key        TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
";

/// Our tables, which nobody else writes to.
pub(super) const TABLES: [&str; 6] = ["events", "streams", "snapshots", "processors", "leases", "documents"];

/// Opens the connection that writes; makes the tables if the file is new.
pub(super) fn create_or_open(path: &Path, durability: Durability) -> Result<Connection, SqliteOpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(SqliteOpenError::OldLibrary { version: rusqlite::version() });
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    // What is not ours is left alone: nothing is written before this.
    let found = schema_of(&connection)?;
    for_writing(&connection, durability)?;
    if found != Some(SCHEMA) {
        bring_up(&connection)?;
    }
    Ok(connection)
}

/// Opens the connection that writes once more. A file that is gone by now is not made anew: an empty log in
/// the place of a full one would be an answer to everything, and a wrong one.
pub(super) fn reopen(path: &Path, durability: Durability) -> Result<Connection, SqliteOpenError> {
    let connection = connect(path, OpenFlags::empty())?;
    let found = schema_of(&connection)?.ok_or(SqliteOpenError::NotAStore)?;
    for_writing(&connection, durability)?;
    if found != SCHEMA {
        bring_up(&connection)?;
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::empty())?;
    // 64 MiB at most: what stands above the leaves of the indexes of some million streams stays in it.
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -65536;")?;
    Ok(connection)
}

/// Opens a connection for readers of rows.
pub(super) fn open_reader_of_rows(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = open_reader(path)?;
    guard::for_reading_rows(&mut connection)?;
    Ok(connection)
}

fn connect(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // One plan serves every value. Without this, binding one makes SQLite prepare the statement again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A mapped file turns I/O errors into signals. The writer alone moves the log into the file.
    connection.execute_batch(
        "PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

fn for_writing(connection: &Connection, durability: Durability) -> Result<(), SqliteOpenError> {
    let mode = write_ahead(connection)?;
    if mode != "wal" {
        return Err(SqliteOpenError::Unavailable(
            format!("its journal is {mode}, not a write-ahead log").into(),
        ));
    }
    // What is redacted is overwritten. The two at the end are for macOS, where a sync without them does not
    // reach the disk.
    connection.execute_batch("PRAGMA cache_size = -65536; PRAGMA secure_delete = ON;")?;
    connection.execute_batch(match durability {
        Durability::Full => {
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;"
        }
        Durability::Relaxed => "PRAGMA synchronous = NORMAL;",
    })?;
    Ok(())
}

/// Asks for a write-ahead log; the answer is the journal that the file has then.
///
/// While another process asks for the same, SQLite answers that it is busy without waiting, so this waits.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let deadline = Instant::now() + BUSY;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            answered => return answered,
        }
    }
}

/// Makes the tables that are missing, all or none, unless another process was faster.
fn bring_up(connection: &Connection) -> Result<(), SqliteOpenError> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    let found = schema_of(&transaction)?.unwrap_or(0);
    if found < 1 {
        transaction.execute_batch(LOG)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if found < 2 {
        transaction.execute_batch(FOLLOWING)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    Ok(transaction.commit()?)
}

/// The file's schema, `None` if the file is empty.
fn schema_of(connection: &Connection) -> Result<Option<i64>, SqliteOpenError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    // A savepoint, because a transaction may be open; the first look fixes what the others see, while another
    // process may be making the tables.
    connection.execute_batch("SAVEPOINT look")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let id = number("PRAGMA application_id")?;
    let schema = number("PRAGMA user_version")?;
    connection.execute_batch("RELEASE look")?;
    match (id, schema) {
        (APPLICATION_ID, 1..=SCHEMA) => Ok(Some(schema)),
        (APPLICATION_ID, found) if found > SCHEMA => Err(SqliteOpenError::Newer { found, known: SCHEMA }),
        (0, 0) if tables == 0 => Ok(None),
        _ => Err(SqliteOpenError::NotAStore),
    }
}
