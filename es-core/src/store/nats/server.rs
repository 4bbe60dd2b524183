//! The way to the servers, and what must be there.

use super::batch::{AT_A_TIME, Draft};
use super::edits::Edits;
use super::known::Streams;
use super::names::Names;
use super::runs::Runs;
use super::setup;
use super::turns::Turns;
use super::{NatsOpenError, NatsOptions};
use crate::store::{AppendError, BoxError, ReadError, StoreClosed};
use async_nats::client::Client;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context, ContextBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{RwLock, RwLockReadGuard, Semaphore};
use tokio::time::{Instant, timeout};

/// How long one request may take, of all the time that there is to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// By how much an answer may be late.
const MOMENT: Duration = Duration::from_secs(1);

/// What is left when the time is up.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(1);

/// The first pause before a request is made again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause where another process was faster: so that it ends within the gap that one leaves.
pub(super) const LONGEST_PAUSE_BEHIND: Duration = Duration::from_millis(4);

/// The two JetStream streams of a namespace. Clones are the same.
#[derive(Clone)]
pub(super) struct Server {
    shared: Arc<Shared>,
    /// When a call, of which this is a part, has to be answered.
    end: Option<Instant>,
}

/// A JetStream stream.
pub(super) struct Source {
    pub name: String,
    pub stream: Stream<()>,
    /// Whether several servers have it, of which one may answer that was deposed as their leader.
    pub is_replicated: bool,
    /// How far it is known to go.
    reached: AtomicU64,
}

impl Source {
    pub fn new(name: String, stream: Stream<()>, replicas: usize) -> Self {
        Self { name, stream, is_replicated: replicas > 1, reached: AtomicU64::new(0) }
    }

    /// How far it is known to go.
    pub fn known_end(&self) -> u64 {
        self.reached.load(Ordering::Acquire)
    }

    /// Takes note that it goes as far as this.
    pub fn reached(&self, sequence: u64) {
        self.reached.fetch_max(sequence, Ordering::AcqRel);
    }
}

struct Shared {
    client: Client,
    context: Context,
    log: Source,
    keep: Source,
    names: Names,
    deadline: Duration,
    batches: Semaphore,
    turns: Turns,
    runs: Runs,
    known: Streams,
    edits: Edits,
    closed: AtomicBool,
    /// Shared by what is under way, and taken alone by whoever closes.
    under_way: RwLock<()>,
}

impl Server {
    pub async fn open(url: &str, options: &NatsOptions) -> Result<Self, NatsOpenError> {
        options.check()?;
        let client = setup::connect(url, options).await?;
        let patience = PATIENCE.min(options.deadline);
        let context = ContextBuilder::new().timeout(patience).build(client.clone());
        let names = Names::new(&options.namespace);
        let (log, keep) = setup::streams(&context, &names, options).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                context,
                log,
                keep,
                names,
                deadline: options.deadline,
                batches: Semaphore::new(AT_A_TIME),
                turns: Turns::default(),
                runs: Runs::new(),
                known: Streams::new(),
                edits: Edits::default(),
                closed: AtomicBool::new(false),
                under_way: RwLock::new(()),
            }),
            end: None,
        })
    }

    /// The same for one call: all that it asks has to fit into one deadline. Not for what reads however much there
    /// is, of which each question has a deadline of its own.
    pub fn call(&self) -> Self {
        Self { shared: self.shared.clone(), end: Some(self.end()) }
    }

    fn end(&self) -> Instant {
        self.end.unwrap_or_else(|| Instant::now() + self.shared.deadline)
    }

    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    pub fn context(&self) -> &jetstream::Context {
        &self.shared.context
    }

    /// The events, and what is changed of them.
    pub fn log(&self) -> &Source {
        &self.shared.log
    }

    /// What is beside the log: a message for each thing.
    pub fn keep(&self) -> &Source {
        &self.shared.keep
    }

    pub fn names(&self) -> &Names {
        &self.shared.names
    }

    /// Held while a batch is on the way.
    pub fn batches(&self) -> &Semaphore {
        &self.shared.batches
    }

    /// Of those who write one stream.
    pub fn turns(&self) -> &Turns {
        &self.shared.turns
    }

    /// For how long streams have been written.
    pub fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    pub fn known(&self) -> &Streams {
        &self.shared.known
    }

    /// What was redacted and truncated, wherever in the log.
    pub fn edits(&self) -> &Edits {
        &self.shared.edits
    }

    /// Makes sure that the servers take a message of this size.
    pub fn check_size(&self, draft: &Draft) -> Result<(), AppendError> {
        let (size, limit) = (draft.size(), self.shared.client.max_payload());
        if size > limit {
            return Err(AppendError::TooLarge { what: "message of an event (bytes)", size, limit });
        }
        Ok(())
    }

    /// How long to wait for one answer. What is asked while there is time has a moment at least, so that what is sent
    /// at the last is not in doubt for want of it.
    pub fn patience(&self) -> Duration {
        let left = self.left();
        if left <= SHORTEST_PATIENCE { left } else { PATIENCE.min(left.max(MOMENT)) }
    }

    /// How long to wait for one's turn.
    pub fn left(&self) -> Duration {
        self.end().saturating_duration_since(Instant::now()).max(SHORTEST_PATIENCE)
    }

    /// The tries that something may take which begins now.
    pub fn tries(&self) -> Tries {
        Tries { end: self.end(), pause: FIRST_PAUSE }
    }

    /// Asks until there is an answer, for as long as there is time.
    pub async fn ask<T, F, A>(&self, question: F) -> Result<T, ReadError>
    where
        F: Fn() -> A + Send,
        A: Future<Output = Result<T, Unanswered>> + Send,
    {
        let mut tries = self.tries();
        loop {
            let request = self.request().await?;
            // A question may be of several parts, and wait for a connection that takes nothing.
            let answered = timeout(self.patience(), question()).await;
            drop(request);
            match answered.unwrap_or_else(|late| Err(Unanswered::yet(late))) {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::For(error)) => return Err(error),
                Err(Unanswered::Yet(cause)) => {
                    if !tries.again().await {
                        return Err(ReadError::Unavailable(cause));
                    }
                }
            }
        }
    }

    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Begins a request, which is under way for as long as this is held. None is begun once the store is closed.
    pub async fn request(&self) -> Result<RwLockReadGuard<'_, ()>, StoreClosed> {
        let under_way = self.shared.under_way.read().await;
        if self.is_closed() { Err(StoreClosed) } else { Ok(under_way) }
    }

    /// Nothing is begun any more; what is under way has its answer, unless it takes too long.
    pub async fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        let _ = timeout(self.left(), self.shared.under_way.write()).await;
        // A server that is away takes neither.
        let _ = timeout(self.patience(), self.shared.client.flush()).await;
        let _ = timeout(self.patience(), self.shared.client.drain()).await;
    }
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It may have one later.
    Yet(BoxError),
    /// It never will.
    For(ReadError),
}

impl Unanswered {
    pub fn yet(cause: impl Into<BoxError>) -> Self {
        Self::Yet(cause.into())
    }
}

impl From<ReadError> for Unanswered {
    fn from(error: ReadError) -> Self {
        Self::For(error)
    }
}

/// The time that is left for something, and the pauses between its tries.
pub(super) struct Tries {
    end: Instant,
    pause: Duration,
}

impl Tries {
    /// No more than what fits into so long a time.
    pub fn within(self, longest: Duration) -> Self {
        Self { end: self.end.min(Instant::now() + longest), ..self }
    }

    /// Waits a moment, longer from time to time; false if the time is up. By chance, so that those who stand in
    /// each other's way do not come back together.
    pub async fn again(&mut self) -> bool {
        self.again_within(LONGEST_PAUSE).await
    }

    /// The same where it was somebody else's write that stood in the way.
    pub async fn again_behind(&mut self) -> bool {
        self.again_within(LONGEST_PAUSE_BEHIND).await
    }

    async fn again_within(&mut self, longest_pause: Duration) -> bool {
        let longest = self.pause.min(longest_pause);
        let longest = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX).max(2);
        let pause = Duration::from_micros(fastrand::u64(longest / 2..=longest));
        if Instant::now() + pause >= self.end {
            return false;
        }
        tokio::time::sleep(pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
