//! Whether what is found in the write-ahead log is on the disk. Once it is found it is taken for stored.

use crate::store::BoxError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

/// How much of the log is written at once.
const PIECE: usize = 1024 * 1024;

/// What the log may hold that is not on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing.
    Settled,
    /// What a process wrote that was killed before it had synced it.
    Found,
    /// What a sync has failed for.
    SyncFailed,
}

impl Doubt {
    /// Brings what the log holds onto the disk, if that is in doubt.
    ///
    /// After a sync that failed the system may have dropped it, and say of the next sync that it succeeds. So it
    /// is written once more. Moving it into the file does not do: when the power goes away, of the log is left
    /// what stands before the gap, and that hides what is newer in the file.
    pub fn settle(&mut self, connection: &Connection, path: &Path) -> std::result::Result<(), BoxError> {
        if *self == Self::Settled {
            return Ok(());
        }
        // Nobody else writes to the log meanwhile, or begins it anew.
        let _alone = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let settled = Log::of(path).and_then(|mut log| log.write_again());
        *self = if settled.is_ok() { Self::Settled } else { Self::SyncFailed };
        Ok(settled?)
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
    fn of(path: &Path) -> Result<Self> {
        // It stands beside the file, not beside a link to that.
        let mut log = path.canonicalize()?;
        #[cfg(unix)]
        let folder = File::open(log.parent().unwrap_or(Path::new("/")))?;
        log.as_mut_os_string().push("-wal");
        let file = OpenOptions::new().read(true).write(true).open(log)?;
        Ok(Self {
            file,
            #[cfg(unix)]
            folder,
        })
    }

    fn write_again(&mut self) -> Result<()> {
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        loop {
            self.file.seek(SeekFrom::Start(at))?;
            let length = self.file.read(&mut piece)?;
            if length == 0 {
                break;
            }
            self.file.seek(SeekFrom::Start(at))?;
            self.file.write_all(&piece[..length])?;
            at += length as u64;
        }
        if at > 0 {
            self.file.sync_data()?;
            #[cfg(unix)]
            self.folder.sync_all()?;
        }
        Ok(())
    }
}
