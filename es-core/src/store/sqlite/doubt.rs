//! Whether what is found in the write-ahead log is on the disk. Once it is found it is taken for stored.

use crate::store::BoxError;
use rusqlite::{Connection, ErrorCode};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

/// How long a look at the log waits for those who read.
const SHORT: Duration = Duration::from_millis(100);

/// What the log may hold that is not on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing.
    Settled,
    /// What a process wrote that was killed before it had synced it. One sync settles it.
    Found,
    /// What a sync has failed for. The system may have dropped it and say of the next sync that it succeeds,
    /// so that nothing but moving it into the file settles it.
    SyncFailed,
}

impl Doubt {
    /// Brings what the log holds onto the disk, if that is in doubt.
    pub fn settle(&mut self, connection: &Connection, path: &Path) -> Result<(), BoxError> {
        let settled = match self {
            Self::Settled => return Ok(()),
            // Where nobody reads an older state of the file, the log is moved into it on the way.
            Self::Found => match flush_shortly(connection) {
                Ok(true) => Ok(()),
                Ok(false) => Log::of(path)?.sync().map_err(BoxError::from),
                Err(error) => Err(error.into()),
            },
            Self::SyncFailed => match flush(connection) {
                Ok(true) => Ok(()),
                Ok(false) => Err("another connection keeps the log from the disk".into()),
                Err(error) => Err(error.into()),
            },
        };
        *self = if settled.is_ok() { Self::Settled } else { Self::SyncFailed };
        settled
    }
}

fn flush_shortly(connection: &Connection) -> rusqlite::Result<bool> {
    let usual: u32 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
    connection.busy_timeout(SHORT)?;
    let flushed = flush(connection);
    connection.busy_timeout(Duration::from_millis(usual.into()))?;
    flushed
}

/// Brings all that the log holds into the file, and both onto the disk; not if somebody is in the way.
fn flush(connection: &Connection) -> rusqlite::Result<bool> {
    match connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get::<_, bool>(0)) {
        Ok(is_busy) => Ok(!is_busy),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The log alone. Unlike the file, it carries no locks that would go when it is closed.
struct Log {
    file: File,
    /// Where its name is. Whoever made it may have been killed before that was on the disk.
    #[cfg(unix)]
    folder: File,
}

impl Log {
    fn of(path: &Path) -> std::io::Result<Self> {
        // It stands beside the file, not beside a link to that.
        let mut log = path.canonicalize()?;
        #[cfg(unix)]
        let folder = File::open(log.parent().unwrap_or(Path::new("/")))?;
        log.as_mut_os_string().push("-wal");
        // Not every system syncs what is open for reading only.
        let file = OpenOptions::new().write(true).open(log)?;
        Ok(Self {
            file,
            #[cfg(unix)]
            folder,
        })
    }

    fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()?;
        #[cfg(unix)]
        self.folder.sync_all()?;
        Ok(())
    }
}
