//! One build of a projection on its way along the log, and how it takes the place of another.

use super::control::{Control, Known, LEDGERS};
use super::error::ProjectionError;
use super::events::Failure;
use super::ledger::{Build, BuildId, Ledger};
use crate::app::App;
use crate::id::Position;
use crate::projection::Projection;
use crate::runtime::{Follower, Halt};
use crate::service::BoxFuture;
use crate::store::{Advance, AdvanceError, Checkpoint, DocumentWrite, Filter, Lease, LogPage, StoredEvent};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most events that are applied in one step.
pub(super) const CHUNK: usize = 500;

/// What a projection keeps, and how it is written.
pub(super) trait Kind: Send + Sync + 'static {
    type Projection: Projection;
    /// The effect of some events, to be written with the checkpoint behind them.
    type Prepared: Send + Sync;

    /// The events that it is for.
    fn filter() -> Filter;
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
        advance: Advance,
        prepared: &Self::Prepared,
    ) -> impl Future<Output = Result<(), AdvanceError>> + Send;
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
    is_switch: bool,
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
    fn follow<'a>(
        &'a self,
        _: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>> {
        Box::pin(async move {
            let end = Checkpoint { position: page.scanned_to, event: page.scanned_id };
            let from = page.events.partition_point(|event| event.position <= lease.checkpoint.position);
            let mut events = &page.events[from..];
            while events.len() > CHUNK {
                let (chunk, rest) = events.split_at(CHUNK);
                self.step(lease, chunk, behind(chunk).unwrap_or(end)).await?;
                events = rest;
            }
            self.step(lease, events, end).await
        })
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
            if turn.is_switch || to != lease.checkpoint {
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
        match self.shared.kind.prepare(&self.build, lease, events).await {
            Ok(prepared) => self.write(lease, &prepared, to).await,
            Err(Failure { done, halt }) => {
                if let Some(to) = behind(&events[..done])
                    && let Ok(prepared) = self.shared.kind.prepare(&self.build, lease, &events[..done]).await
                {
                    self.write(lease, &prepared, to).await?;
                }
                Err(halt)
            }
        }
    }

    async fn write(&self, lease: &mut Lease, prepared: &K::Prepared, to: Checkpoint) -> Result<(), Halt> {
        loop {
            let known = self.known().await?;
            let turn = self.turn(&known, to.position).await?;
            let mut advance = Advance::under(lease);
            advance.to = Some(to);
            advance.writes.extend(turn.write);
            match self.shared.kind.commit(advance, prepared).await {
                Ok(()) => {
                    lease.checkpoint = to;
                    return Ok(());
                }
                // The other build has gone on, or somebody wants yet another one.
                Err(AdvanceError::Changed { collection, .. }) if &*collection == LEDGERS => {}
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
        if !ledger.is_switching() {
            return Ok(Turn { write: None, is_switch: false });
        }
        if id == ledger.live {
            let touch = known.replace(control.name, ledger)?;
            return Ok(Turn { write: Some(touch), is_switch: false });
        }
        let live = if id == ledger.target { control.checkpoint(ledger.live).await? } else { None };
        let is_switch = id == ledger.target && live.is_none_or(|live| live.position <= to);
        let write = is_switch.then(|| known.replace(control.name, &ledger.clone().switched(id)));
        Ok(Turn { write: write.transpose()?, is_switch })
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
                let forgotten = self.forget(self.shared.control.build(retired)).await?;
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

    async fn forget(&self, build: Build) -> Result<bool, Halt> {
        match self.shared.control.store.forget(&build.processor).await {
            Ok(()) => Ok(true),
            Err(AdvanceError::Fenced { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The checkpoint behind the last of some events.
fn behind(events: &[StoredEvent]) -> Option<Checkpoint> {
    events.last().map(|last| Checkpoint { position: last.position, event: Some(last.id) })
}
