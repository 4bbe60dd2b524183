//! Those who write while things fail.

use super::{Answer, History, Subscriber, Verdict, log_of};
use crate::server::process::{BOUND, until};
use bytes::Bytes;
use es_core::StreamId;
use es_core::store::{
    Append, AppendError, Appended, Commit, EventStore, Expected, Filter, NewEvent, StreamRead,
};
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// One of those who write, and what it writes: everything follows from these numbers, so that whoever knows
/// them knows the commits of a process that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    /// Which of the rounds of a test it is in.
    pub run: u32,
    /// Which one of that round it is.
    pub number: u32,
}

impl Writer {
    /// The id of an event of its `n`-th commit.
    fn event(self, n: u64, event: u8, name: &'static str) -> NewEvent {
        let id = u128::from(self.run) << 96 | u128::from(self.number) << 64 | u128::from(n) << 8;
        NewEvent {
            id: Uuid::from_u128(id | u128::from(event)),
            name: name.into(),
            schema: 1,
            recorded_at: Timestamp::UNIX_EPOCH,
            payload: Bytes::from(format!("{{\"writer\":\"{self:?}\",\"n\":{n},\"event\":{event}}}")),
            metadata: Bytes::from_static(b"{}"),
        }
    }

    fn stream(self, category: &str) -> StreamId {
        StreamId::named(format!("{category}-{}.{}", self.run, self.number))
    }
}

/// The `n`-th commit of a writer to streams of its own: two events on one of them, one on another.
pub fn commit_of(writer: Writer, n: u64) -> Commit {
    let part = |category: &str, version, events| Append {
        stream: writer.stream(category),
        expected: Expected::Exact(version),
        edits: Some(0),
        events,
    };
    let two = vec![writer.event(n, 0, "Begun"), writer.event(n, 1, "Ended")];
    Commit::all(vec![part("two", 2 * n, two), part("one", n, vec![writer.event(n, 2, "Noted")])])
}

/// Sends a commit until it is known what became of it, and answers how often its fate was unknown.
///
/// # Errors
/// What the store has against it.
pub async fn settled(
    store: &dyn EventStore,
    history: &History,
    node: u32,
    commit: Commit,
    bound: Duration,
) -> Result<(Appended, u32), AppendError> {
    let deadline = Instant::now() + bound;
    let mut unknown = 0;
    loop {
        let answer = history.append(store, node, commit.clone()).await;
        unknown += u32::from(matches!(answer, Err(AppendError::Ambiguous { .. })));
        if Answer::of(&answer).is_final() || Instant::now() > deadline {
            return answer.map(|appended| (appended, unknown));
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Writers who go on until they are told to end.
pub struct Load {
    /// What they have sent, and what was answered.
    pub history: Arc<History>,
    end: Arc<AtomicBool>,
    writers: JoinSet<()>,
}

impl Load {
    /// So many writers, on these stores in turn; each to streams of its own, each commit until it is stored.
    pub fn start(stores: &[Arc<dyn EventStore>], history: &Arc<History>, run: u32, writers: u32) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let write = |(number, store): (u32, &Arc<dyn EventStore>)| {
            write(store.clone(), history.clone(), Writer { run, number }, end.clone())
        };
        let writers = (0..writers).zip(stores.iter().cycle()).map(write).collect();
        Self { history: history.clone(), end, writers }
    }

    /// Waits until so many more commits are stored, and answers how long that took.
    pub async fn goes_on(&self, commits: usize) -> Duration {
        let (began, due) = (Instant::now(), self.history.stored() + commits);
        until("commits are stored", async || self.history.stored() >= due).await;
        began.elapsed()
    }

    /// Waits until every writer has stored what it has begun.
    pub async fn end(self) {
        self.end.store(true, Ordering::SeqCst);
        self.writers.join_all().await;
    }
}

async fn write(store: Arc<dyn EventStore>, history: Arc<History>, writer: Writer, end: Arc<AtomicBool>) {
    for n in 0.. {
        if end.load(Ordering::SeqCst) {
            return;
        }
        let answer = settled(&*store, &history, 0, commit_of(writer, n), BOUND).await;
        assert!(answer.is_ok(), "{writer:?}, commit {n}: {answer:?}");
    }
}

/// Writers and subscribers go on while the same thing happens to their server again and again. The second one of
/// the stores is read from, too.
pub async fn under_load(
    what: &str,
    rounds: u32,
    stores: &[Arc<dyn EventStore>],
    mut happens: impl AsyncFnMut(),
) {
    let history = Arc::new(History::default());
    let filters = [Filter::all(), Filter::category("one")];
    let subscribers =
        filters.each_ref().map(|filter| Subscriber::start(stores[1].clone(), filter.clone(), 7));
    let load = Load::start(stores, &history, 0, 8);
    let mut pauses = Vec::new();
    for _ in 0..rounds {
        load.goes_on(50).await;
        happens().await;
        pauses.push(load.goes_on(1).await);
    }
    load.goes_on(50).await;
    load.end().await;
    let mut verdict = Verdict::of(&*stores[0], &history).await;
    let log = log_of(&*stores[0]).await;
    for (subscriber, filter) in subscribers.into_iter().zip(&filters) {
        verdict.delivered(&log, filter, &subscriber.end().await);
    }
    verdict.holds(&format!("{what} {rounds} times"));
    println!("{what}: it went on {:?} later, at most", pauses.iter().max());
}

/// Counts up on a stream that others write to as well, so many times, and answers how many conflicts that took.
pub async fn contend(
    store: Arc<dyn EventStore>,
    history: Arc<History>,
    writer: Writer,
    stream: StreamId,
    times: u64,
) -> u64 {
    let mut conflicts = 0;
    let mut n = 0;
    let mut stored = 0;
    let mut known: Option<u64> = None;
    while stored < times {
        let Some(version) = known else {
            match store.read_stream(&stream, StreamRead::before(u64::MAX).limit(1)).await {
                Ok(page) => known = Some(page.head.version),
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
            continue;
        };
        let commit =
            Commit::one(stream.clone(), Expected::Exact(version), vec![writer.event(n, 0, "Counted")]);
        n += 1;
        known = match settled(&*store, &history, 0, commit, BOUND).await {
            Ok((appended, _)) => {
                stored += 1;
                Some(appended.heads[0].version)
            }
            Err(AppendError::Conflict { .. }) => {
                conflicts += 1;
                None
            }
            Err(error) => panic!("{writer:?}: {error:?}"),
        };
    }
    conflicts
}
