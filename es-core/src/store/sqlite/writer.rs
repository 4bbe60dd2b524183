//! The one thread that writes.

use super::SqliteOpenError;
use super::batch::{File, Job, Task};
use super::growth::Growth;
use super::transaction::{Refusal, Request};
use crate::store::StoreClosed;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// The most requests in one batch, and about the most bytes.
const BATCH_JOBS: usize = 256;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How long, and how often at most, a batch is waited for that is smaller than the last.
const NAP: Duration = Duration::from_micros(20);
const NAPS: usize = 8;

/// What may wait for the writer, in pages of 4 KiB, of which each request takes one at least: 16 MiB.
const ROOM: u32 = 4_096;
const PAGE: usize = 4_096;

/// The pages in the write-ahead log from which on they are moved into the file: 16 MiB. Many a page is
/// written again before that, and moved but once.
const CHECKPOINT_PAGES: i64 = 4_096;

/// How long nothing must come before the log is emptied altogether.
const IDLE: Duration = Duration::from_secs(1);

/// The callers' end of the writer. When the last is dropped, the thread does what it has been given, and ends.
pub(super) struct Writer {
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

enum Message {
    Job(Box<dyn Job>),
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
            Thread { file, messages, shared: theirs, growth, log_is_empty: false, usual: 0 }.run();
        })?;
        answer.await.map_err(|_| SqliteOpenError::Unavailable("the writer did not start".into()))??;
        Ok(Self { queue, shared })
    }

    /// Hands a request over, once there is room for it, and waits for the answer. From the moment that it is
    /// handed over it is done, whether anybody waits or not.
    pub async fn ask<R: Request>(&self, request: R) -> Result<R::Answer, R::Refusal> {
        let (caller, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Task::new(request, caller));
        let is_closed = || R::Refusal::unavailable(StoreClosed.into());
        let room = self.shared.room.acquire_many(room(job.as_ref())).await.map_err(|_| is_closed())?;
        self.queue.send(Message::Job(job)).map_err(|_| is_closed())?;
        // The thread gives it back as it takes the job.
        room.forget();
        match answer.await {
            Ok(answer) => answer,
            Err(_) if self.shared.closed.load(Ordering::Acquire) => Err(is_closed()),
            Err(_) => Err(R::Refusal::unknown("the writer has stopped".into())),
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

fn room(job: &dyn Job) -> u32 {
    u32::try_from(1 + job.size() / PAGE).unwrap_or(ROOM).min(ROOM)
}

struct Thread {
    file: File,
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    growth: Growth,
    log_is_empty: bool,
    /// How many jobs a batch holds if all come back who are using the store just now.
    usual: usize,
}

/// What is stored together.
#[derive(Default)]
struct Batch {
    jobs: Vec<Box<dyn Job>>,
    /// About how many bytes they hold.
    size: usize,
    /// What came behind them and is not stored together with them: it is the next batch.
    held: Option<Box<dyn Job>>,
    /// Whether the one job in it must stay the only one.
    is_alone: bool,
    /// Who waits for the end, if that is what stands behind the jobs.
    closing: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn has_room(&self) -> bool {
        self.jobs.len() < BATCH_JOBS
            && self.size < BATCH_BYTES
            && self.held.is_none()
            && self.closing.is_none()
            && !self.is_alone
    }

    fn add(&mut self, job: Box<dyn Job>) {
        if job.is_alone() && !self.jobs.is_empty() {
            self.held = Some(job);
        } else {
            self.is_alone = job.is_alone();
            self.size += job.size();
            self.jobs.push(job);
        }
    }
}

impl Thread {
    fn run(mut self) {
        let mut batch = Batch::default();
        while batch.closing.is_none() {
            if batch.jobs.is_empty() {
                let Some(message) = self.next() else { break };
                self.take(message, &mut batch);
            }
            self.await_the_usual(&mut batch);
            batch = self.store(batch);
        }
        self.shared.room.close();
        self.shared.closed.store(true, Ordering::Release);
        let Self { file, messages, .. } = self;
        // The last connection to go empties the log.
        drop(file);
        // What came behind the end is dropped unanswered, which its callers understand.
        drop(messages);
        if let Some(closing) = batch.closing {
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

    fn take(&self, message: Message, batch: &mut Batch) {
        match message {
            Message::Close(closing) => batch.closing = Some(closing),
            Message::Job(job) => {
                self.shared.room.add_permits(room(job.as_ref()) as usize);
                batch.add(job);
            }
        }
    }

    /// Adds what is there.
    fn take_what_is_there(&self, batch: &mut Batch) {
        while batch.has_room()
            && let Ok(message) = self.messages.try_recv()
        {
            self.take(message, batch);
        }
    }

    /// Adds what is there, and what is on its way: callers who have just been answered are soon back, and one
    /// sync for all of them costs less than two. The first nap that brings nothing is the last, so a caller
    /// who is alone never waits.
    fn await_the_usual(&self, batch: &mut Batch) {
        self.take_what_is_there(batch);
        for _ in 0..NAPS {
            let before = batch.jobs.len();
            if before >= self.usual || !batch.has_room() {
                return;
            }
            std::thread::sleep(NAP);
            self.take_what_is_there(batch);
            if batch.jobs.len() == before {
                return;
            }
        }
    }

    /// Stores a batch and answers it. Returns the next one, of what has come in the meantime.
    fn store(&mut self, mut batch: Batch) -> Batch {
        let failure = match self.file.store(&mut batch.jobs) {
            Ok(end) => {
                self.growth.reached(end);
                None
            }
            Err(failure) => Some(failure),
        };
        self.log_is_empty = false;
        let mut next = Batch { closing: batch.closing.take(), ..Batch::default() };
        if let Some(job) = batch.held.take() {
            next.add(job);
        }
        self.take_what_is_there(&mut next);
        self.usual = batch.jobs.len() + next.jobs.len();
        for job in batch.jobs {
            job.answer(failure.as_ref());
        }
        if let Err(error) = self.file.move_log(checkpoint) {
            tracing::warn!(%error, "the write-ahead log was not moved into the file; it will be tried again");
        }
        next
    }

    /// Empties the log, unless somebody is reading it.
    fn empty_log(&mut self) {
        // Until something is written there is nothing more to do, even if a reader was in the way.
        self.log_is_empty = true;
        if let Err(error) = self.file.move_log(truncate_log) {
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
