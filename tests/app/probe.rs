//! A store that counts what is asked of it, and fails where it is told to.

use bytes::Bytes;
use es_core::prelude::*;
use es_core::store::{
    AppendError, Appended, Commit, EventSearch, Filter, LogPage, ReadError, StoreFuture, StoredEvent,
    StoredSnapshot, StreamPage, StreamRead,
};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// The most events in a page of a stream. A store may end one before it is full, and so does this one.
const PAGE: u32 = 1_000;

/// A store around another one. Clones share what is counted and what is to come.
#[derive(Clone)]
pub struct Probe {
    inner: Arc<dyn EventStore>,
    shared: Arc<Mutex<Shared>>,
    stuck: Arc<Notify>,
}

/// Something that happens elsewhere at just that moment.
pub type Elsewhere = BoxFuture<'static, ()>;

/// What becomes of an append.
pub enum Fate {
    /// It is stored, if it can be.
    Stored,
    /// Something else happens first.
    After(Elsewhere),
    /// Nobody hears what became of it, and it was stored.
    StoredUnheard,
    /// Nobody hears what became of it, and it was lost.
    LostUnheard,
    /// The store says that it does not answer.
    Unavailable,
    /// It never arrives.
    Stuck,
    /// It is stored, and the answer never arrives.
    StoredAndStuck,
}

/// How the store keeps snapshots.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Snapshots {
    #[default]
    Kept,
    Failing,
    Garbled,
}

/// What those hear who wait for the log to grow.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Hints {
    #[default]
    Right,
    /// Each hint comes at once, whether anything has grown or not.
    AtOnce,
    /// No hint ever comes.
    Never,
}

#[derive(Default)]
struct Shared {
    counted: Counted,
    fates: VecDeque<Fate>,
    after_find: Option<Elsewhere>,
    before_reads: VecDeque<Elsewhere>,
    snapshots: Snapshots,
    saved: Vec<StoredSnapshot>,
    hints: Hints,
    log_outages: usize,
}

/// What was asked of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    pub appends: usize,
    pub conflicts: usize,
    /// Behind which version each read of a stream began.
    pub reads: Vec<u64>,
    pub finds: usize,
    pub snapshot_loads: usize,
    pub snapshot_saves: usize,
    pub log_reads: usize,
}

impl Probe {
    pub fn over(store: impl EventStore) -> Self {
        Self { inner: Arc::new(store), shared: Arc::default(), stuck: Arc::default() }
    }

    /// What was asked since the last time this was.
    pub fn counted(&self) -> Counted {
        std::mem::take(&mut self.shared().counted)
    }

    /// What becomes of the next appends, one after the other; all later ones are stored.
    pub fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.shared().fates.extend(fates);
    }

    /// Drops a command as soon as its append is stuck.
    pub async fn drop_when_stuck(&self, command: impl IntoFuture) {
        tokio::select! {
            _ = command.into_future() => panic!("the command was answered"),
            () = self.stuck.notified() => (),
        }
    }

    /// Happens once the next search for an event has looked.
    pub fn after_find(&self, event: impl Future<Output = ()> + Send + 'static) {
        self.shared().after_find = Some(Box::pin(event));
    }

    /// What happens just before the next reads of a stream look, one after the other.
    pub fn before_reads(&self, events: impl IntoIterator<Item = Elsewhere>) {
        self.shared().before_reads.extend(events);
    }

    pub fn snapshots(&self, snapshots: Snapshots) {
        self.shared().snapshots = snapshots;
    }

    pub fn hints(&self, hints: Hints) {
        self.shared().hints = hints;
    }

    /// So many of the next reads of the log, and looks at its end, are not answered.
    pub fn log_outages(&self, outages: usize) {
        self.shared().log_outages = outages;
    }

    fn reach(&self) -> Result<(), ReadError> {
        let mut shared = self.shared();
        match shared.log_outages.checked_sub(1) {
            Some(left) => {
                shared.log_outages = left;
                Err(ReadError::Unavailable(broken()))
            }
            None => Ok(()),
        }
    }

    /// How many clones there are.
    pub fn clones(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    /// The snapshots that were to be kept, in order.
    pub fn saved(&self) -> Vec<StoredSnapshot> {
        self.shared().saved.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    async fn get_stuck(&self) -> Result<Appended, AppendError> {
        self.stuck.notify_one();
        std::future::pending().await
    }

    async fn pass_on(&self, commit: Commit) -> Result<Appended, AppendError> {
        let answer = self.inner.append(commit).await;
        if matches!(answer, Err(AppendError::Conflict { .. })) {
            self.shared().counted.conflicts += 1;
        }
        answer
    }
}

fn broken() -> es_core::store::BoxError {
    io::Error::other("the line is broken").into()
}

impl EventStore for Probe {
    es_core::__forward!(inner: capabilities, close_stream, truncate_stream, redact_event);
    es_core::__forward_processors!(inner);

    fn append(&self, commit: Commit) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let fate = {
                let mut shared = self.shared();
                shared.counted.appends += 1;
                shared.fates.pop_front().unwrap_or(Fate::Stored)
            };
            match fate {
                Fate::Stored => self.pass_on(commit).await,
                Fate::After(event) => {
                    event.await;
                    self.pass_on(commit).await
                }
                Fate::StoredUnheard => {
                    self.pass_on(commit).await?;
                    Err(AppendError::Ambiguous { cause: broken() })
                }
                Fate::LostUnheard => Err(AppendError::Ambiguous { cause: broken() }),
                Fate::Unavailable => Err(AppendError::Unavailable { cause: broken() }),
                Fate::Stuck => self.get_stuck().await,
                Fate::StoredAndStuck => {
                    self.pass_on(commit).await?;
                    self.get_stuck().await
                }
            }
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        read: StreamRead,
    ) -> StoreFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(async move {
            let event = {
                let mut shared = self.shared();
                shared.counted.reads.push(read.after);
                shared.before_reads.pop_front()
            };
            if let Some(event) = event {
                event.await;
            }
            self.inner.read_stream(stream, read.limit(read.limit.min(PAGE))).await
        })
    }

    fn read_log<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> StoreFuture<'a, Result<LogPage, ReadError>> {
        Box::pin(async move {
            self.shared().counted.log_reads += 1;
            self.reach()?;
            self.inner.read_log(after, filter, limit).await
        })
    }

    fn find_event(&self, search: EventSearch) -> StoreFuture<'_, Result<Option<StoredEvent>, ReadError>> {
        Box::pin(async move {
            let found = self.inner.find_event(search).await;
            let event = {
                let mut shared = self.shared();
                shared.counted.finds += 1;
                shared.after_find.take()
            };
            if let Some(event) = event {
                event.await;
            }
            found
        })
    }

    fn head(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            self.reach()?;
            self.inner.head().await
        })
    }

    fn wait(&self, after: Position, max: Duration) -> StoreFuture<'_, ()> {
        let hints = self.shared().hints;
        match hints {
            Hints::Right => self.inner.wait(after, max),
            Hints::AtOnce => Box::pin(std::future::ready(())),
            Hints::Never => Box::pin(std::future::pending()),
        }
    }

    fn load_snapshot<'a>(
        &'a self,
        stream: &'a StreamId,
        fingerprint: u64,
    ) -> StoreFuture<'a, Result<Option<StoredSnapshot>, ReadError>> {
        Box::pin(async move {
            let snapshots = {
                let mut shared = self.shared();
                shared.counted.snapshot_loads += 1;
                shared.snapshots
            };
            match snapshots {
                Snapshots::Kept => self.inner.load_snapshot(stream, fingerprint).await,
                Snapshots::Failing => Err(ReadError::Unavailable(broken())),
                Snapshots::Garbled => {
                    let kept = self.inner.load_snapshot(stream, fingerprint).await?;
                    Ok(kept.map(|kept| StoredSnapshot { payload: Bytes::from_static(b"{\"tot"), ..kept }))
                }
            }
        })
    }

    fn save_snapshot(&self, snapshot: StoredSnapshot) -> StoreFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            let snapshots = {
                let mut shared = self.shared();
                shared.counted.snapshot_saves += 1;
                shared.saved.push(snapshot.clone());
                shared.snapshots
            };
            match snapshots {
                Snapshots::Failing => Err(AppendError::Unavailable { cause: broken() }),
                _ => self.inner.save_snapshot(snapshot).await,
            }
        })
    }
}
