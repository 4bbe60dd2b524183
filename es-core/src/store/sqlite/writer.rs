//! The one thread that writes.

use super::batch::{File, Job, Task};
use super::growth::Growth;
use super::transaction::Request;
use super::{SqliteOpenError, closed};
use crate::store::AppendError;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// The most requests in one batch, and about the most bytes.
const BATCH_JOBS: usize = 256;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What may wait for the writer, in pages of 4 KiB, of which each request takes one at least: 16 MiB.
const ROOM: u32 = 4_096;
const PAGE: usize = 4_096;

/// The pages in the write-ahead log from which on they are moved into the file: 4 MiB.
const CHECKPOINT_PAGES: i64 = 1_024;

/// How long nothing must come before the log is emptied altogether.
const IDLE: Duration = Duration::from_secs(1);

/// The callers' end of the writer. When the last is dropped, the thread does what it has been given, and ends.
pub(super) struct Writer {
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

enum Message {
    Job(Job),
    Close(oneshot::Sender<()>),
}

struct Shared {
    room: Semaphore,
    /// Set when the thread has ended in order, so that what it left behind was not begun.
    closed: AtomicBool,
}

impl Writer {
    /// Starts the thread, with a file that it opens itself.
    pub async fn start(
        open: impl FnOnce() -> Result<File, SqliteOpenError> + Send + 'static,
        growth: Growth,
    ) -> Result<Self, SqliteOpenError> {
        let (queue, messages) = mpsc::channel();
        let shared = Arc::new(Shared { room: Semaphore::new(ROOM as usize), closed: AtomicBool::new(false) });
        let (opened, answer) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("es-sqlite-writer".into()).spawn(move || {
            let file = match open() {
                Ok(file) => file,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // An opener that is gone by now has dropped the queue too: the thread ends at once.
            let _ = opened.send(Ok(()));
            Thread { file, messages, shared: theirs, growth, log_is_empty: false }.run();
        })?;
        answer.await.map_err(|_| SqliteOpenError::Unavailable("the writer did not start".into()))??;
        Ok(Self { queue, shared })
    }

    /// Hands a request over, once there is room for it, and waits for the answer. From the moment that it is
    /// handed over it is done, whether anybody waits or not.
    pub async fn ask<R: Request>(
        &self,
        request: R,
        job: fn(Task<R>) -> Job,
    ) -> Result<R::Answer, AppendError> {
        let (caller, answer) = oneshot::channel();
        let job = job(Task::new(request, caller));
        let room = self.shared.room.acquire_many(room(&job)).await.map_err(|_| closed())?;
        self.queue.send(Message::Job(job)).map_err(|_| closed())?;
        // The thread gives it back as it takes the job.
        room.forget();
        match answer.await {
            Ok(answer) => answer,
            Err(_) if self.shared.closed.load(Ordering::Acquire) => Err(closed().into()),
            Err(_) => Err(AppendError::Ambiguous { cause: "the writer has stopped".into() }),
        }
    }

    /// Has everything done that was handed over, and ends the thread.
    pub async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Message::Close(done)).is_ok() {
            // An error means that somebody else has closed it.
            let _ = ended.await;
        }
    }
}

fn room(job: &Job) -> u32 {
    u32::try_from(1 + job.size() / PAGE).unwrap_or(ROOM).min(ROOM)
}

struct Thread {
    file: File,
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    growth: Growth,
    log_is_empty: bool,
}

impl Thread {
    fn run(mut self) {
        let mut closing = None;
        while closing.is_none() {
            let Some(message) = self.next() else { break };
            let (batch, close) = self.gather(message);
            closing = close;
            if !batch.is_empty() {
                self.store(batch);
            }
        }
        self.shared.room.close();
        self.shared.closed.store(true, Ordering::Release);
        let Self { file, messages, .. } = self;
        // The last connection to go empties the log.
        drop(file);
        // What came behind the end is dropped unanswered, which its callers understand.
        drop(messages);
        if let Some(closing) = closing {
            let _ = closing.send(());
        }
    }

    /// The next message; none when there are no callers any more.
    fn next(&mut self) -> Option<Message> {
        if !self.log_is_empty {
            match self.messages.recv_timeout(IDLE) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.empty_log(),
            }
        }
        self.messages.recv().ok()
    }

    /// A batch of what is there, and whether the end is behind it.
    fn gather(&self, first: Message) -> (Vec<Job>, Option<oneshot::Sender<()>>) {
        let mut batch = Vec::new();
        let mut size = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Close(closing) => return (batch, Some(closing)),
                Message::Job(job) => {
                    self.shared.room.add_permits(room(&job) as usize);
                    size += job.size();
                    batch.push(job);
                }
            }
            let is_full = batch.len() >= BATCH_JOBS || size >= BATCH_BYTES;
            next = if is_full { None } else { self.messages.try_recv().ok() };
        }
        (batch, None)
    }

    fn store(&mut self, mut batch: Vec<Job>) {
        let failure = match self.file.store(&mut batch) {
            Ok(end) => {
                self.growth.reached(end);
                None
            }
            Err(failure) => Some(failure),
        };
        for job in batch {
            job.answer(failure.as_ref());
        }
        self.log_is_empty = false;
        if let Some(connection) = self.file.connection()
            && let Err(error) = checkpoint(connection)
        {
            tracing::warn!(%error, "the write-ahead log was not moved into the file; it will be tried again");
        }
    }

    /// Empties the log, unless somebody is reading it.
    fn empty_log(&mut self) {
        // Until something is written there is nothing more to do, even if a reader was in the way.
        self.log_is_empty = true;
        let Some(connection) = self.file.connection() else { return };
        if let Err(error) = truncate_log(connection) {
            tracing::warn!(%error, "the write-ahead log was not emptied; it will be tried again");
        }
    }
}

/// Moves the log into the file when it has grown. Nobody has to wait for it, and it waits for nobody.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let pages = |sql| {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
    };
    if pages("PRAGMA wal_checkpoint(NOOP)")? >= CHECKPOINT_PAGES {
        pages("PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}

fn truncate_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut wait = connection.prepare_cached("PRAGMA busy_timeout")?;
    let usual: u32 = wait.query_row([], |row| row.get(0))?;
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(Duration::from_millis(usual.into()))?;
    emptied
}
