//! One build of a projection on its way along the log, and how it takes the place of another.

use super::control::{Control, Known, LEDGERS};
use super::error::{ProjectionError, chain};
use super::events::{Failure, Stumble};
use super::ledger::{Build, BuildId, Ledger};
use super::retired::Stuck;
use super::turn::{Shows, Turn};
use crate::app::App;
use crate::id::Position;
use crate::projection::Projection;
use crate::runtime::{Follower, Halt};
use crate::service::BoxFuture;
use crate::store::{
    Advance, AdvanceError, BoxError, Checkpoint, Filter, InlineFailure, InlineStep, LEASE, Lease, LogPage,
    StoredEvent,
};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a live build holds still for the one that is to take its place, and how often it looks meanwhile.
const PATIENCE: Duration = LEASE;
const LOOK: Duration = Duration::from_millis(10);

/// What a projection keeps, and how it is written.
pub(super) trait Kind: Send + Sync + 'static {
    type Projection: Projection;
    /// The effect of some events, to be written with the checkpoint behind them.
    type Prepared: Send + Sync;
    /// Whether it keeps documents, which can be copied and compared.
    const KEEPS_DOCUMENTS: bool;
    /// The most events that are read, applied and written in one step.
    const STEP: u32;

    /// The events that it is for.
    fn filter() -> Filter;
    /// What is wrong with it, as far as its declaration says.
    fn fault() -> Option<String> {
        None
    }
    /// Applies events that follow the lease's checkpoint: all of them, or the first ones, where their documents
    /// would take too much memory. `is_followed` says whether there is more in the log behind them.
    fn prepare(
        &self,
        build: &Build,
        lease: &Lease,
        events: &[StoredEvent],
        is_followed: bool,
    ) -> impl Future<Output = Result<Ready<Self::Prepared>, Failure>> + Send;
    /// Writes that, and what else `advance` says.
    fn commit(
        &self,
        build: &Build,
        advance: Advance,
        prepared: &Self::Prepared,
        shows: Shows,
    ) -> impl Future<Output = Result<(), AdvanceError>> + Send;
    /// The end of the names of a build's tables, if it keeps rows.
    fn tables(build: &Build) -> Option<String>;
    /// Reads events that a commit takes a build over, from where it is.
    fn begin(
        &self,
        build: &Build,
        from: Position,
        events: &[StoredEvent],
        turn: Turn,
    ) -> Result<Box<dyn InlineStep>, InlineFailure>;
    /// Forgets what steps of a build or a copy have left in memory for the next one.
    fn drop_kept(&self, _processor: &str) {}
    /// Forgets a build that nobody reads, under the lease of another one.
    fn forget(&self, lease: &Lease, build: &Build) -> impl Future<Output = Result<(), AdvanceError>> + Send;
    /// The keys whose documents are not what the log gives.
    fn drift(&self, build: &Build) -> impl Future<Output = Result<Vec<String>, ProjectionError>> + Send;
}

/// The effect of some events.
pub(super) struct Ready<T> {
    pub effect: T,
    /// How many events it is of.
    pub taken: usize,
}

/// What all builds of a projection share in this app.
pub(super) struct Shared<K> {
    pub kind: K,
    pub control: Control,
    pub filter: Filter,
    /// Those that this app takes further, the oldest first.
    builds: Mutex<Vec<BuildId>>,
    pub stuck: Stuck,
    /// Those of which was said that commits leave them behind.
    left_behind: Mutex<Vec<BuildId>>,
}

impl<K: Kind> Shared<K> {
    pub fn new(kind: K, control: Control) -> Self {
        Self {
            kind,
            control,
            filter: K::filter(),
            builds: Mutex::default(),
            stuck: Stuck::default(),
            left_behind: Mutex::default(),
        }
    }

    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Vec<BuildId>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was not said before that commits leave this build behind.
    pub fn is_first_left_behind(&self, build: BuildId) -> bool {
        let mut said = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !said.contains(&build);
        if is_first {
            said.push(build);
        }
        is_first
    }

    pub fn builds(&self) -> Vec<BuildId> {
        self.lock().clone()
    }

    /// Takes note of the builds that there are by now. Those of other versions are for other code.
    pub fn learn(&self, ledger: &Ledger) {
        *self.lock() = ledger.of_version(K::Projection::VERSION).collect();
    }

    /// Changes the ledger, and enters the builds that this app takes further.
    pub async fn change(
        &self,
        decide: impl Fn(Option<&Ledger>) -> Result<Ledger, ProjectionError>,
    ) -> Result<(), ProjectionError> {
        let ledger = self.control.change(decide).await?;
        for id in ledger.of_version(K::Projection::VERSION) {
            let build = self.control.build(id);
            self.control.store.register(&build.processor, Checkpoint::default()).await?;
        }
        self.learn(&ledger);
        Ok(())
    }

    /// Makes the tables of a live build that is new, so that readers find them before the first event.
    pub async fn make(&self) -> Result<(), ProjectionError> {
        let live = self.control.known().await?.ledger.live;
        if K::KEEPS_DOCUMENTS || live.version != K::Projection::VERSION {
            return Ok(());
        }
        let build = self.control.build(live);
        // Whoever holds the lease makes them before anything else.
        let taken = self.control.store.acquire(&build.processor, Uuid::new_v4(), LEASE).await?;
        let Some(lease) = taken else { return Ok(()) };
        let made = self.make_under(&build, &lease).await;
        // If this fails, the lease runs out.
        let _ = self.control.store.release(&lease).await;
        made.map_err(|halt| ProjectionError::of(K::Projection::NAME, halt))
    }

    async fn make_under(&self, build: &Build, lease: &Lease) -> Result<(), Halt> {
        if lease.checkpoint.position > Position(0) {
            return Ok(());
        }
        let nothing = self.kind.prepare(build, lease, &[], false).await.map_err(|failure| failure.halt)?;
        let made = self.kind.commit(build, Advance::under(lease), &nothing.effect, Shows::IfNew).await;
        made.map_err(|error| match error {
            AdvanceError::Work(cause) => Halt::Stopped(chain(&*cause)),
            error => error.into(),
        })
    }
}

/// One build.
pub(super) struct BuildFollower<K> {
    pub shared: Arc<Shared<K>>,
    pub build: Build,
}

impl<K: Kind> Follower for BuildFollower<K> {
    fn name(&self) -> &'static str {
        K::Projection::NAME
    }
    fn processor(&self) -> &Arc<str> {
        &self.build.processor
    }
    fn filter(&self) -> &Filter {
        &self.shared.filter
    }
    fn page(&self) -> u32 {
        K::STEP
    }
    fn follow<'a>(
        &'a self,
        _: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>> {
        Box::pin(async move {
            self.look(lease).await?;
            let end = Checkpoint { position: page.scanned_to, event: page.scanned_id };
            if end.position <= lease.checkpoint.position {
                return Ok(());
            }
            let from = page.events.partition_point(|event| event.position <= lease.checkpoint.position);
            self.step(lease, &page.events[from..], end, page.scanned_to < page.head).await
        })
    }
    fn still_there(&self) -> BoxFuture<'_, Result<(), Halt>> {
        Box::pin(async move { self.known().await.map(drop) })
    }
    fn idle<'a>(
        &'a self,
        _: &'a App,
        lease: &'a mut Lease,
        reached: Checkpoint,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>> {
        Box::pin(async move {
            self.look(lease).await?;
            let known = self.known().await?;
            let to = if reached.position > lease.checkpoint.position { reached } else { lease.checkpoint };
            let turn = self.turn(&known, to.position).await?;
            if matches!(turn.shows, Shows::InsteadOf(_)) || to != lease.checkpoint {
                self.step(lease, &[], to, false).await?;
            }
            self.forget_retired(lease).await?;
            Ok(None)
        })
    }
}

impl<K: Kind> BuildFollower<K> {
    /// Applies some events and moves the checkpoint behind them. What stands before an event that fails is
    /// kept, so that the checkpoint shows where it was.
    async fn step(
        &self,
        lease: &mut Lease,
        events: &[StoredEvent],
        to: Checkpoint,
        is_followed: bool,
    ) -> Result<(), Halt> {
        let taken = self.take(lease, events, to, is_followed).await;
        let Err(Failure { done, halt }) = taken else { return Ok(()) };
        if let Some(to) = behind(&events[..done]) {
            self.take(lease, &events[..done], to, false).await.map_err(|failure| failure.halt)?;
        }
        Err(halt)
    }

    async fn take(
        &self,
        lease: &mut Lease,
        events: &[StoredEvent],
        to: Checkpoint,
        is_followed: bool,
    ) -> Result<(), Failure> {
        loop {
            let from = lease.checkpoint;
            let known = events.partition_point(|event| event.position <= from.position);
            let taken = self.advance(lease, &events[known..], to, is_followed).await;
            if matches!(taken, Ok(true)) {
                if lease.checkpoint == to {
                    return Ok(());
                }
                continue;
            }
            self.look(lease).await?;
            match taken {
                // Where a commit came in between, the documents may have been those of different times.
                Err(Failure { done, halt }) if lease.checkpoint == from => {
                    return Err(Failure { done: known + done, halt });
                }
                _ if to.position < lease.checkpoint.position => return Ok(()),
                _ => {}
            }
        }
    }

    /// Writes what these events lead to, or the first of them: `lease.checkpoint` is behind those. `false` if a
    /// commit has taken the build along in the meantime.
    async fn advance(
        &self,
        lease: &mut Lease,
        events: &[StoredEvent],
        to: Checkpoint,
        is_followed: bool,
    ) -> Result<bool, Failure> {
        let prepared = self.shared.kind.prepare(&self.build, lease, events, is_followed).await?;
        let Ready { effect, taken } = prepared;
        let to = if taken < events.len() { behind(&events[..taken]).unwrap_or(to) } else { to };
        let patience = Instant::now() + PATIENCE;
        loop {
            let known = self.known().await?;
            if self.is_nearly_caught_up_with(&known.ledger, lease).await? && Instant::now() < patience {
                sleep(LOOK).await;
                continue;
            }
            let turn = self.turn(&known, to.position).await?;
            let mut advance = begun::<K::Projection>(lease);
            // Where there is nothing to reach, what else is to be written must not count as written.
            advance.to = (to != lease.checkpoint).then_some(to);
            advance.writes.extend(turn.write);
            match self.shared.kind.commit(&self.build, advance, &effect, turn.shows).await {
                Ok(()) => {
                    lease.checkpoint = to;
                    return Ok(true);
                }
                Err(AdvanceError::Moved { .. }) => return Ok(false),
                // The other build has gone on, or somebody wants yet another one.
                Err(AdvanceError::Changed { collection, .. }) if &*collection == LEDGERS => {}
                Err(AdvanceError::Work(cause)) => return Err(stumbled(cause)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Commits take an inline build along, whoever holds its lease: how far it is stands in the store.
    async fn look(&self, lease: &mut Lease) -> Result<(), Halt> {
        if K::Projection::INLINE
            && let Some(stored) = self.shared.control.checkpoint(self.build.id).await?
        {
            lease.checkpoint = stored;
        }
        Ok(())
    }

    /// The ledger, where this build still has its place.
    pub async fn known(&self) -> Result<Known, Halt> {
        let known = self.shared.control.known().await?;
        self.shared.learn(&known.ledger);
        if known.ledger.keeps(self.build.id) { Ok(known) } else { Err(Halt::Done) }
    }

    async fn turn(&self, known: &Known, to: Position) -> Result<Turn, Halt> {
        let control = &self.shared.control;
        let is_next = known.ledger.is_switching() && known.ledger.target == self.build.id;
        let is_as_far = is_next && {
            let live = control.checkpoint(known.ledger.live).await?;
            live.is_none_or(|live| live.position <= to)
        };
        Ok(Turn::of(control, known, self.build.id, is_as_far)?)
    }

    /// Whether a build that shall be read instead of this one is on its way over the last page behind it. Under
    /// a steady load that build would come near again and again, and never come as far.
    async fn is_nearly_caught_up_with(&self, ledger: &Ledger, lease: &Lease) -> Result<bool, Halt> {
        if !ledger.is_switching() || ledger.live != self.build.id {
            return Ok(false);
        }
        let target = self.shared.control.processor(ledger.target).await?;
        Ok(target.is_some_and(|target| {
            let left = lease.checkpoint.position.0.checked_sub(target.checkpoint.position.0);
            // One that nobody takes further is not waited for.
            target.owner.is_some() && left.is_some_and(|left| (1..=u64::from(K::STEP)).contains(&left))
        }))
    }
}

/// What went wrong while an effect was written: behind how many events, if a method says so.
fn stumbled(cause: BoxError) -> Failure {
    match cause.downcast::<Stumble>() {
        Ok(stumble) => Failure { done: stumble.done, halt: Halt::Stopped(stumble.reason) },
        Err(cause) => Failure { done: 0, halt: Halt::Stopped(chain(&*cause)) },
    }
}

/// An advance of a build that has what its lease says, and nothing else: a commit may take an inline one along
/// while what comes next is still prepared.
pub(super) fn begun<P: Projection>(lease: &Lease) -> Advance {
    Advance { from: P::INLINE.then_some(lease.checkpoint), ..Advance::under(lease) }
}

/// The checkpoint behind the last of some events.
fn behind(events: &[StoredEvent]) -> Option<Checkpoint> {
    events.last().map(|last| Checkpoint { position: last.position, event: Some(last.id) })
}
