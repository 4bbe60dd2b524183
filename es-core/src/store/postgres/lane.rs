//! The task that appends: commits of all callers, one call at a time.

use super::database::Database;
use super::settle::Way;
use super::wake::Wake;
use crate::id::{ByStream, Position, StreamId};
use crate::store::{AppendError, Appended, Commit, NewEvent, StoreClosed};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The most parts in one call, and about the most bytes.
const CALL_PARTS: usize = 256;
const CALL_BYTES: usize = 4 * 1024 * 1024;

/// What an event costs beside its bytes: rows and indexes, as if they were bytes.
const EVENT_BYTES: usize = 512;

/// How long those are waited for who use the store just now: after the last of them that came, and in all.
const NAP: Duration = Duration::from_micros(100);
const NAPS: Duration = Duration::from_micros(500);

/// How long a commit waits for its call, for room in the queue, too: where those before it are not answered, or are more
/// than the server takes.
const LATE: Duration = Duration::from_secs(10);

/// What may wait for the lane, in pages of 4 KiB, of which each commit takes one at least: 16 MiB.
const ROOM: u32 = 4_096;
const PAGE: usize = 4_096;

/// The callers' end of the task. When the last is dropped, the task does what it has been given, and ends.
pub(super) struct Lane {
    queue: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
}

enum Message {
    Commit(Job),
    Close(oneshot::Sender<()>),
}

struct Shared {
    room: Arc<Semaphore>,
    /// Set when the task has ended in order, so that what it left behind was not begun.
    closed: AtomicBool,
}

/// A commit on its way.
struct Job {
    commit: Commit,
    size: usize,
    /// Set by whoever is first: the task that puts it into a call, or its caller, who has waited for too long.
    is_taken: Arc<AtomicBool>,
    caller: oneshot::Sender<Result<Appended, AppendError>>,
    /// Given back when it goes into a call.
    room: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub fn start(database: &Database, wake: Wake) -> Self {
        let (queue, messages) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(ROOM as usize));
        let shared = Arc::new(Shared { room, closed: AtomicBool::new(false) });
        let task = Task {
            way: Way::new(database.clone()),
            messages,
            waiting: VecDeque::new(),
            closing: None,
            streams: HashSet::default(),
            shared: Arc::clone(&shared),
            wake,
            usual: 0,
        };
        tokio::spawn(task.run());
        Self { queue, shared }
    }

    /// Hands a commit over, once there is room for it, and waits for the answer. From the moment that it goes into a
    /// call it is done, whether anybody waits or not.
    pub async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let is_closed = || AppendError::Unavailable { cause: StoreClosed.into() };
        let late = Instant::now() + LATE;
        let size = size(&commit);
        let pages = u32::try_from(1 + size / PAGE).unwrap_or(ROOM).min(ROOM);
        let room = timeout_at(late, Arc::clone(&self.shared.room).acquire_many_owned(pages)).await;
        let room = room.map_err(|_| too_late())?.map_err(|_| is_closed())?;
        let (caller, mut answer) = oneshot::channel();
        let is_taken = Arc::new(AtomicBool::new(false));
        let job = Job { commit, size, is_taken: Arc::clone(&is_taken), caller, room: Some(room) };
        self.queue.send(Message::Commit(job)).map_err(|_| is_closed())?;
        let answer = match timeout_at(late, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if !is_taken.swap(true, Ordering::AcqRel) => return Err(too_late()),
            Err(_) => answer.await,
        };
        match answer {
            Ok(answer) => answer,
            Err(_) if self.shared.closed.load(Ordering::Acquire) => Err(is_closed()),
            Err(_) => Err(AppendError::Ambiguous { cause: "the task that appends has stopped".into() }),
        }
    }

    /// Has everything done that was handed over, and ends the task.
    pub async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Message::Close(done)).is_ok() {
            // An error means that somebody else has closed it.
            let _ = ended.await;
        }
    }
}

fn too_late() -> AppendError {
    AppendError::Unavailable { cause: "it has waited too long for those before it, and was not sent".into() }
}

/// About how much a commit is, for a call and for the room that it takes while it waits.
fn size(commit: &Commit) -> usize {
    let size = |event: &NewEvent| event.payload.len() + event.metadata.len() + event.name.len() + EVENT_BYTES;
    commit.parts.iter().flat_map(|part| &part.events).map(size).sum()
}

struct Task {
    way: Way,
    messages: mpsc::UnboundedReceiver<Message>,
    /// What has come and is in no call yet, in the order in which it came.
    waiting: VecDeque<Job>,
    /// Who waits for the end, if that is what stands behind those.
    closing: Option<oneshot::Sender<()>>,
    /// The streams of the next call.
    streams: HashSet<StreamId, ByStream>,
    shared: Arc<Shared>,
    wake: Wake,
    /// How many commits there are if all come back who are using the store just now.
    usual: usize,
}

impl Task {
    async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                if self.closing.is_some() {
                    break;
                }
                let Some(message) = self.messages.recv().await else { break };
                self.take(message);
                continue;
            }
            self.await_the_usual().await;
            let jobs = self.next_call();
            if !jobs.is_empty() {
                self.store(jobs).await;
            }
        }
        self.shared.room.close();
        self.shared.closed.store(true, Ordering::Release);
        // What came behind the end is dropped unanswered, which its callers understand.
        drop(self.messages);
        if let Some(closing) = self.closing {
            let _ = closing.send(());
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Commit(job) => self.waiting.push_back(job),
            Message::Close(closing) => self.closing = Some(closing),
        }
    }

    /// Takes what is there.
    fn take_what_is_there(&mut self) {
        while self.waiting.len() < CALL_PARTS
            && self.closing.is_none()
            && let Ok(message) = self.messages.try_recv()
        {
            self.take(message);
        }
    }

    /// Takes what is there, and what is on its way: callers who have just been answered are soon back, and one
    /// call for all of them costs less than two. A caller who is alone never waits.
    async fn await_the_usual(&mut self) {
        self.take_what_is_there();
        let start = Instant::now();
        let mut last = start;
        while self.waiting.len() < self.usual.min(CALL_PARTS) && self.closing.is_none() {
            let before = self.waiting.len();
            // No timer is as short as this.
            tokio::task::yield_now().await;
            self.take_what_is_there();
            let now = Instant::now();
            if self.waiting.len() > before {
                last = now;
            }
            if now - last > NAP || now - start > NAPS {
                return;
            }
        }
    }

    /// What goes into one call, in the order in which it came: no stream twice, and not too much. The first is
    /// always in it. Those that nobody waits for any more are in none.
    fn next_call(&mut self) -> Vec<Job> {
        let mut call = Vec::with_capacity(self.waiting.len());
        let mut later = VecDeque::new();
        let (mut parts, mut bytes) = (0, 0);
        self.streams.clear();
        for mut job in self.waiting.drain(..) {
            let theirs = &job.commit.parts;
            let has_room = parts + theirs.len() <= CALL_PARTS && bytes + job.size <= CALL_BYTES;
            let is_free = theirs.iter().all(|part| !self.streams.contains(&part.stream));
            if call.is_empty() || has_room && is_free {
                if job.is_taken.swap(true, Ordering::AcqRel) {
                    continue;
                }
                parts += theirs.len();
                bytes += job.size;
                self.streams.extend(theirs.iter().map(|part| part.stream.clone()));
                job.room = None;
                call.push(job);
            } else {
                later.push_back(job);
            }
        }
        self.waiting = later;
        call
    }

    /// Stores what goes into one call, and answers it.
    async fn store(&mut self, jobs: Vec<Job>) {
        let commits: Vec<_> = jobs.iter().map(|job| &job.commit).collect();
        let (answers, end) = self.way.store(&commits).await;
        if end > Position(0) {
            self.wake.reached(end);
        }
        self.take_what_is_there();
        self.usual = jobs.len() + self.waiting.len();
        for (job, answer) in jobs.into_iter().zip(answers) {
            // A caller that is gone by now does not want to know.
            let _ = job.caller.send(answer);
        }
    }
}
