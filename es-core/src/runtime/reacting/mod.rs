//! Reactors: followers whose methods issue commands, set timers, and have effects.

mod desk;
mod document;
mod due;
mod inline;
mod lane;
mod memory;
mod methods;
mod mount;
mod open;
mod origin;
mod park;
mod parked;
mod past;
mod turn;

pub use inline::InnerCommand;
pub(crate) use inline::{InlineReactor, Kept};
pub(crate) use mount::Mount;
pub use parked::{ParkedEntry, ParkedError, ParkedWork};

use crate::app::App;
use crate::id::Position;
use crate::reactor::OnFailure;
use crate::retry::RetryPolicy;
use crate::runtime::{Aside, Follower, Halt, raw};
use crate::service::BoxFuture;
use crate::store::{Advance, Checkpoint, Filter, Lease, LogPage, StoredEvent};
use desk::Desk;
use jiff::{SignedDuration, Timestamp};
use lane::Work;
use memory::Memory;
use methods::Methods;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

/// What is stored for a reactor, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub processor: Arc<str>,
    /// The documents of its keys.
    pub keys: Arc<str>,
    /// Which of them have something to do without an event.
    pub open: Arc<str>,
    /// What is set aside.
    pub parked: Arc<str>,
    /// What somebody has decided about that.
    pub marks: Arc<str>,
    /// What was passed over, in every version.
    pub skipped: Arc<str>,
    /// Where it began.
    pub origin: Arc<str>,
}

impl Names {
    fn of(reactor: &str, version: u32) -> Self {
        let processor = format!("{reactor}.r{version}");
        Self {
            keys: format!("{processor}/keys").into(),
            open: format!("{processor}/open").into(),
            parked: format!("{processor}/parked").into(),
            marks: format!("{processor}/marks").into(),
            skipped: format!("{reactor}/skipped").into(),
            origin: format!("{processor}/origin").into(),
            processor: processor.into(),
        }
    }
}

/// A reactor without its type.
pub(super) struct Inner {
    name: &'static str,
    names: Names,
    filter: Filter,
    retry: RetryPolicy,
    on_failure: OnFailure,
    keeps_state: bool,
    /// Whether a key can have a document: a state, timers, or commands that are not struck yet.
    keeps_documents: bool,
    /// Whether its turns are part of the commits that they answer.
    inline: bool,
    methods: Box<dyn Methods>,
}

/// A reactor as what follows the log.
pub(super) struct Reacting {
    inner: Arc<Inner>,
    /// What the holder of the lease knows; read anew with each lease.
    memory: AsyncMutex<Option<Memory>>,
    aside: Mutex<Aside>,
}

/// The most events of one page. Effects may take their time, and whoever stops waits for one page.
const PAGE: u32 = 100;

/// The most documents that are deleted at once: keys, each with its mark. Every store takes as many.
const DELETED: usize = 500;

impl Follower for Reacting {
    fn name(&self) -> &'static str {
        self.inner.name
    }

    fn processor(&self) -> &Arc<str> {
        &self.inner.names.processor
    }

    fn filter(&self) -> &Filter {
        &self.inner.filter
    }

    fn page(&self) -> u32 {
        PAGE
    }

    fn aside(&self) -> Aside {
        *self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        page: LogPage,
    ) -> BoxFuture<'a, Result<(), Halt>> {
        Box::pin(async move {
            let mut memory = self.memory.lock().await;
            let done = self.follow_page(&mut memory, app, lease, page).await;
            self.keep(&mut memory, done)
        })
    }

    fn idle<'a>(
        &'a self,
        app: &'a App,
        lease: &'a mut Lease,
        reached: Checkpoint,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>> {
        Box::pin(async move {
            let mut memory = self.memory.lock().await;
            let done = self.rest(&mut memory, app, lease, reached).await;
            self.keep(&mut memory, done)
        })
    }

    fn due<'a>(&'a self, app: &'a App) -> BoxFuture<'a, Result<Option<Timestamp>, Halt>> {
        Box::pin(due::due(&self.inner, app))
    }
}

impl Reacting {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, memory: AsyncMutex::default(), aside: Mutex::default() }
    }

    /// Counts what is set aside. After a halt nothing in memory is trusted.
    fn keep<T>(&self, memory: &mut Option<Memory>, done: Result<T, Halt>) -> Result<T, Halt> {
        if let Some(memory) = memory {
            *self.aside.lock().unwrap_or_else(PoisonError::into_inner) = memory.aside();
        }
        if done.is_err() {
            *memory = None;
        }
        done
    }

    /// What is known under this lease.
    async fn ready<'m>(
        &self,
        memory: &'m mut Option<Memory>,
        app: &App,
        lease: &Lease,
    ) -> Result<(&'m mut Memory, Desk), Halt> {
        let mut desk = Desk {
            inner: self.inner.clone(),
            app: app.clone(),
            epoch: lease.epoch,
            silent_until: Position(0),
            skipped: Arc::default(),
        };
        let known = memory.take().filter(|known| known.epoch == lease.epoch);
        let known = if let Some(known) = known {
            known
        } else {
            let origin = origin::known(app, &self.inner.names).await?;
            desk.silent_until = origin.silent_until;
            let folds = lease.checkpoint.position < origin.silent_until;
            desk.skipped = if folds { park::skipped(&desk).await? } else { Arc::default() };
            Memory::load(&desk, &origin).await?
        };
        desk.silent_until = known.silent_until;
        desk.skipped = known.skipped.clone();
        Ok((memory.insert(known), desk))
    }

    async fn follow_page(
        &self,
        memory: &mut Option<Memory>,
        app: &App,
        lease: &mut Lease,
        page: LogPage,
    ) -> Result<(), Halt> {
        let (memory, desk) = self.ready(memory, app, lease).await?;
        parked::heed(memory, &desk).await?;
        catch_up(memory, &desk).await?;
        let whole = Checkpoint { position: page.scanned_to, event: page.scanned_id };
        let (works, halt) = self.plan(&page.events);
        let to = match &halt {
            None => Some(whole),
            // As far as it can be read; the event before that is where it stands then.
            Some((before, _)) => *before,
        };
        let lanes = works.into_iter().map(|(key, works)| memory.lane(key, works)).collect();
        memory.run(&desk, lanes).await?;
        if let Some(to) = to {
            let mut writes = memory.deletions(&desk, to.position);
            // Of what is nobody's any more some may go later.
            let later = writes.split_off(writes.len().min(DELETED));
            app.store().advance(Advance { to: Some(to), writes, ..Advance::under(lease) }).await?;
            lease.checkpoint = to;
            for some in later.chunks(DELETED) {
                desk.write(some.to_vec()).await?;
            }
            memory.deleted(to.position);
        }
        if let Some((_, halt)) = halt {
            return Err(halt);
        }
        fire(memory, &desk, lease.checkpoint.position).await.map(|_| ())
    }

    /// What each key has to do, up to an event that nothing can be done with.
    #[allow(clippy::type_complexity, reason = "named by what the function says")]
    fn plan(&self, events: &[StoredEvent]) -> (Vec<(String, Vec<Work>)>, Option<(Option<Checkpoint>, Halt)>) {
        let mut lanes: Vec<(String, Vec<Work>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut before = None;
        if !self.inner.keeps_documents {
            return (lanes, None);
        }
        for stored in events {
            let event = raw(stored).map_err(Halt::from).map(Arc::new);
            let deliveries = match event.and_then(|event| self.inner.methods.deliveries(&event)) {
                Ok(deliveries) => deliveries,
                Err(halt) => return (lanes, Some((before, halt))),
            };
            for (key, delivered) in deliveries {
                let place = *places.entry(key.clone()).or_insert_with(|| {
                    lanes.push((key, Vec::new()));
                    lanes.len() - 1
                });
                lanes[place].1.push(Work::Event(delivered));
            }
            before = Some(Checkpoint { position: stored.position, event: Some(stored.id) });
        }
        (lanes, None)
    }

    async fn rest(
        &self,
        memory: &mut Option<Memory>,
        app: &App,
        lease: &Lease,
        reached: Checkpoint,
    ) -> Result<Option<Timestamp>, Halt> {
        let (memory, desk) = self.ready(memory, app, lease).await?;
        parked::heed(memory, &desk).await?;
        catch_up(memory, &desk).await?;
        let at_once = fire(memory, &desk, reached.position).await?;
        let writes = memory.deletions(&desk, reached.position);
        desk.write(writes).await?;
        memory.deleted(reached.position);
        let now = app.now();
        let retry = memory.next_retry().map(|due| {
            let pause = due.saturating_duration_since(Instant::now());
            let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
            now.checked_add(pause).unwrap_or(now)
        });
        let next = memory.next_timer().into_iter().chain(retry).min();
        Ok(if at_once { Some(now) } else { next })
    }
}

/// Does what a holder before has left, and tries what is due to be tried again.
async fn catch_up(memory: &mut Memory, desk: &Desk) -> Result<(), Halt> {
    let unfinished = std::mem::take(&mut memory.unfinished);
    let due = memory.sequences.iter().filter(|(_, sequence)| sequence.is_due());
    let due: Vec<_> = due.map(|(key, _)| (key.clone(), Work::Replay)).collect();
    let works = unfinished.into_iter().map(|key| (key, Work::Resume)).chain(due);
    let mut lanes = Vec::new();
    for (key, work) in works.collect::<Vec<_>>() {
        // What is set aside includes what was left.
        if matches!(work, Work::Replay) || !memory.sequences.contains_key(&key) {
            lanes.push(memory.lane(key, vec![work]));
        }
    }
    memory.run(desk, lanes).await
}

/// Fires the timers that are due, if the reactor has reached a head that was read after they were. Whether
/// there are some that wait for that.
async fn fire(memory: &mut Memory, desk: &Desk, reached: Position) -> Result<bool, Halt> {
    let now = desk.app.now();
    let mut by = memory.bound.take_if(|(_, head)| *head <= reached).map(|(by, _)| by);
    if memory.bound.is_none() && !memory.timers_due(now).is_empty() {
        let head = desk.app.store().head().await?;
        if head <= reached {
            by = Some(now);
        } else {
            memory.bound = Some((now, head));
        }
    }
    if let Some(by) = by {
        let keys = memory.timers_due(by);
        let lanes = keys.into_iter().map(|key| memory.lane(key, vec![Work::Timers(by)])).collect();
        memory.run(desk, lanes).await?;
    }
    Ok(memory.bound.is_some())
}
