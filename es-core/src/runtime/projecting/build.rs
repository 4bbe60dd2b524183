//! One build of a projection on its way along the log, and how it takes the place of another.

use super::control::{Control, Known, LEDGERS};
use super::error::{ProjectionError, chain};
use super::events::{Failure, Stumble};
use super::ledger::{Build, BuildId, Ledger};
use crate::app::App;
use crate::id::Position;
use crate::projection::Projection;
use crate::runtime::{Follower, Halt};
use crate::service::BoxFuture;
use crate::store::{
    Advance, AdvanceError, BoxError, Checkpoint, DocumentWrite, Filter, LEASE, Lease, LogPage, StoredEvent,
};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a live build holds still for the one that is to take its place, and how often it looks meanwhile.
const PATIENCE: Duration = LEASE;
const LOOK: Duration = Duration::from_millis(10);

/// What readers of a build's rows see of it, from this write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// What they have seen before.
    Nothing,
    /// This build, if it is only made now: it is the live one.
    IfNew,
    /// This build, and not that one any more.
    InsteadOf(BuildId),
}

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
    /// Applies events that follow the lease's checkpoint.
    fn prepare(
        &self,
        build: &Build,
        lease: &Lease,
        events: &[StoredEvent],
    ) -> impl Future<Output = Result<Self::Prepared, Failure>> + Send;
    /// Writes that, and what else `advance` says.
    fn commit(
        &self,
        build: &Build,
        advance: Advance,
        prepared: &Self::Prepared,
        shows: Shows,
    ) -> impl Future<Output = Result<(), AdvanceError>> + Send;
    /// Forgets a build that nobody reads, under the lease of another one.
    fn forget(&self, lease: &Lease, build: &Build) -> impl Future<Output = Result<(), AdvanceError>> + Send;
    /// The keys whose documents are not what the log gives.
    fn drift(&self, build: &Build) -> impl Future<Output = Result<Vec<String>, ProjectionError>> + Send;
}

/// What all builds of a projection share in this app.
pub(super) struct Shared<K> {
    pub kind: K,
    pub control: Control,
    pub filter: Filter,
    /// Those that this app takes further, the oldest first.
    builds: Mutex<Vec<BuildId>>,
}

impl<K: Kind> Shared<K> {
    pub fn new(kind: K, control: Control) -> Self {
        Self { kind, control, filter: K::filter(), builds: Mutex::default() }
    }

    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Vec<BuildId>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
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
}

/// One build.
pub(super) struct BuildFollower<K> {
    pub shared: Arc<Shared<K>>,
    pub build: Build,
}

/// What an advance has to say about the builds, beside the documents.
struct Turn {
    write: Option<DocumentWrite>,
    shows: Shows,
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
            let end = Checkpoint { position: page.scanned_to, event: page.scanned_id };
            let from = page.events.partition_point(|event| event.position <= lease.checkpoint.position);
            self.step(lease, &page.events[from..], end).await
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
            let known = self.known().await?;
            let to = if reached.position > lease.checkpoint.position { reached } else { lease.checkpoint };
            let turn = self.turn(&known, to.position).await?;
            if matches!(turn.shows, Shows::InsteadOf(_)) || to != lease.checkpoint {
                self.step(lease, &[], to).await?;
            }
            self.forget_retired(lease).await?;
            Ok(None)
        })
    }
}

impl<K: Kind> BuildFollower<K> {
    /// Applies some events and moves the checkpoint behind them. What stands before an event that fails is
    /// kept, so that the checkpoint shows where it was.
    async fn step(&self, lease: &mut Lease, events: &[StoredEvent], to: Checkpoint) -> Result<(), Halt> {
        let Err(Failure { done, halt }) = self.take(lease, events, to).await else { return Ok(()) };
        if let Some(to) = behind(&events[..done]) {
            self.take(lease, &events[..done], to).await.map_err(|failure| failure.halt)?;
        }
        Err(halt)
    }

    async fn take(&self, lease: &mut Lease, events: &[StoredEvent], to: Checkpoint) -> Result<(), Failure> {
        let prepared = self.shared.kind.prepare(&self.build, lease, events).await?;
        let patience = Instant::now() + PATIENCE;
        loop {
            let known = self.known().await?;
            if self.is_nearly_caught_up_with(&known.ledger, lease).await? && Instant::now() < patience {
                sleep(LOOK).await;
                continue;
            }
            let turn = self.turn(&known, to.position).await?;
            let mut advance = Advance::under(lease);
            // Where there is nothing to reach, what else is to be written must not count as written.
            advance.to = (to != lease.checkpoint).then_some(to);
            advance.writes.extend(turn.write);
            match self.shared.kind.commit(&self.build, advance, &prepared, turn.shows).await {
                Ok(()) => {
                    lease.checkpoint = to;
                    return Ok(());
                }
                // The other build has gone on, or somebody wants yet another one.
                Err(AdvanceError::Changed { collection, .. }) if &*collection == LEDGERS => {}
                Err(AdvanceError::Work(cause)) => return Err(stumbled(cause)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The ledger, where this build still has its place.
    async fn known(&self) -> Result<Known, Halt> {
        let known = self.shared.control.known().await?;
        self.shared.learn(&known.ledger);
        if known.ledger.keeps(self.build.id) { Ok(known) } else { Err(Halt::Done) }
    }

    /// A build that waits becomes the live one in the advance that takes it as far as that has come. While
    /// one waits, each advance of the live one touches the ledger: so a switch cannot go by a position of it
    /// that is out of date, and readers never go back.
    async fn turn(&self, known: &Known, to: Position) -> Result<Turn, Halt> {
        let (control, id) = (&self.shared.control, self.build.id);
        let ledger = &known.ledger;
        let shows = if id == ledger.live { Shows::IfNew } else { Shows::Nothing };
        if !ledger.is_switching() {
            return Ok(Turn { write: None, shows });
        }
        if id == ledger.live {
            return Ok(Turn { write: Some(known.replace(control.name, ledger)?), shows });
        }
        if id == ledger.target {
            let live = control.checkpoint(ledger.live).await?;
            if live.is_none_or(|live| live.position <= to) {
                let switch = known.replace(control.name, &ledger.clone().switched(id))?;
                return Ok(Turn { write: Some(switch), shows: Shows::InsteadOf(ledger.live) });
            }
        }
        Ok(Turn { write: None, shows })
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

    /// Forgets what nobody reads any more, except for what somebody is still about to leave.
    async fn forget_retired(&self, lease: &Lease) -> Result<(), Halt> {
        loop {
            let known = self.known().await?;
            if known.ledger.live != self.build.id {
                return Ok(());
            }
            let mut ledger = known.ledger.clone();
            for &retired in &known.ledger.retired {
                let forgotten = self.forget(lease, &self.shared.control.build(retired)).await?;
                if forgotten {
                    ledger = ledger.forgotten(retired);
                }
            }
            if ledger == known.ledger {
                return Ok(());
            }
            let mut advance = Advance::under(lease);
            advance.writes.push(known.replace(self.shared.control.name, &ledger)?);
            match self.shared.control.store.advance(advance).await {
                Err(AdvanceError::Changed { .. }) => {}
                done => return Ok(done?),
            }
        }
    }

    /// Whether nobody held it any more.
    async fn forget(&self, lease: &Lease, build: &Build) -> Result<bool, Halt> {
        match self.shared.kind.forget(lease, build).await {
            Ok(()) => Ok(true),
            Err(AdvanceError::Fenced { processor }) if processor == build.processor => Ok(false),
            // What nobody reads does not stop what is read.
            Err(AdvanceError::Work(cause)) => {
                tracing::warn!(
                    processor = &*build.processor,
                    error = &*cause,
                    "a build that nobody reads stays"
                );
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What went wrong while an effect was written: behind how many events, if a method says so.
fn stumbled(cause: BoxError) -> Failure {
    match cause.downcast::<Stumble>() {
        Ok(stumble) => Failure { done: stumble.done, halt: Halt::Stopped(stumble.reason) },
        Err(cause) => Failure { done: 0, halt: Halt::Stopped(chain(&*cause)) },
    }
}

/// The checkpoint behind the last of some events.
fn behind(events: &[StoredEvent]) -> Option<Checkpoint> {
    events.last().map(|last| Checkpoint { position: last.position, event: Some(last.id) })
}
