//! The connections that read.

use crate::store::{ReadError, StoreClosed};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A few connections, opened as they are needed. Each read is one short transaction on the threads that
/// tokio has for what blocks, so that the head and the events of a page agree.
pub(super) struct Readers {
    pool: Arc<Pool>,
    slots: Arc<Semaphore>,
    count: usize,
}

struct Pool {
    path: PathBuf,
    open: Open,
    idle: Mutex<Vec<Connection>>,
}

/// Opens a connection that only reads.
type Open = fn(&Path) -> rusqlite::Result<Connection>;

impl Readers {
    pub fn new(path: PathBuf, count: usize, open: Open) -> Self {
        let pool = Arc::new(Pool { path, open, idle: Mutex::new(Vec::new()) });
        Self { pool, slots: Arc::new(Semaphore::new(count)), count }
    }

    /// Runs `read` on a connection of its own.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| StoreClosed)?;
        let pool = Arc::clone(&self.pool);
        let Ok(runtime) = Handle::try_current() else {
            // Without tokio there is no thread but this one.
            return pool.run(slot, read);
        };
        let answer = runtime.spawn_blocking(move || pool.run(slot, read)).await;
        answer.unwrap_or_else(|error| Err(ReadError::Unavailable(error.into())))
    }

    /// Waits for the reads that go on, refuses new ones, and lets go of the file.
    pub async fn close(&self) {
        let all = u32::try_from(self.count).unwrap_or(u32::MAX);
        // An error means that somebody else has closed them.
        let _all = self.slots.acquire_many(all).await;
        self.slots.close();
        self.pool.idle().clear();
    }
}

impl Pool {
    /// The slot is held until the connection is back.
    fn run<T>(
        &self,
        _slot: OwnedSemaphorePermit,
        read: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => (self.open)(&self.path)?,
        };
        // A connection that something failed on is not used again: its transaction ends with it.
        connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = read(&connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        self.idle().push(connection);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
