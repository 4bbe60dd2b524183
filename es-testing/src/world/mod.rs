//! Where a scenario plays: an app over a store in memory, and a clock that stands still.

mod block;
mod cast;
mod gate;
mod setting;
mod tale;
mod witness;

pub(crate) use block::{block_on, block_on_paused};
pub(crate) use cast::Cast;
pub use gate::Gate;
pub(crate) use setting::Setting;
pub(crate) use tale::Tale;
pub(crate) use witness::{Witness, shown};

use crate::clock::VirtualClock;
use crate::diff;
use crate::fault::Fault;
use crate::happening::Happening;
use crate::laws;
use es_core::jiff::Timestamp;
use es_core::store::{
    Commit, EventSearch, EventStore, Expected, Filter, MemoryStore, NewEvent, StoredEvent, StreamRead,
};
use es_core::{
    __testing as inside, App, Applier, Clock, CommandId, EventEnum, Metadata, Position, RawEvent, StreamId,
    serde_json,
};
use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

/// One course of a scenario.
pub(crate) struct World {
    pub(crate) cast: Cast,
    pub(crate) log: MemoryStore,
    /// The way of the app to the log.
    pub(crate) gate: Gate,
    pub(crate) clock: VirtualClock,
    pub(crate) app: App,
    /// What is said with commands and given events.
    pub(crate) said: Metadata,
    pub(crate) tale: Tale,
    /// How many ids it has given away.
    issued: u64,
}

impl World {
    /// An empty world.
    pub(crate) async fn new(cast: Cast, start: Timestamp) -> Result<Self, Fault> {
        let log = MemoryStore::new();
        Self::over(log.clone(), Gate::to(log), cast, VirtualClock::at(start)).await
    }

    /// An empty world with nothing in it yet, where this one sees all that happens.
    pub(crate) async fn seen_by(witness: Witness, start: Timestamp) -> Result<Self, Fault> {
        let log = MemoryStore::new();
        let gate = Gate::seen_by(log.clone(), witness);
        Self::over(log, gate, Cast::default(), VirtualClock::at(start)).await
    }

    async fn over(log: MemoryStore, gate: Gate, cast: Cast, clock: VirtualClock) -> Result<Self, Fault> {
        let app = cast.app(gate.clone(), &clock).await?;
        Ok(Self { cast, log, gate, clock, app, said: Metadata::new(), tale: Tale::default(), issued: 0 })
    }

    /// Another world that has come just as far, and from here on goes its own way. Its app has seen nothing.
    pub(crate) async fn fork(&self) -> Result<Self, Fault> {
        let log = MemoryStore::new();
        let mut after = Position(0);
        loop {
            let page = self.log.read_log(after, &Filter::default(), 1_000).await.map_err(broken)?;
            for stored in page.events {
                let (stream, event) = copied(stored);
                log.append(Commit::one(stream, Expected::Any, vec![event])).await.map_err(broken)?;
            }
            if page.scanned_to <= after {
                break;
            }
            after = page.scanned_to;
        }
        let (gate, clock) = (Gate::to(log.clone()), VirtualClock::at(self.clock.now()));
        let mut fork = Self::over(log, gate, self.cast.clone(), clock).await?;
        fork.said = self.said.clone();
        fork.tale = self.tale.clone();
        fork.issued = self.issued;
        Ok(fork)
    }

    /// Makes sure that the services of one more command's handler are there.
    pub(crate) async fn admit(&mut self, command: &'static str) -> Result<(), Fault> {
        if self.cast.admit(command) {
            self.app = self.cast.app(self.gate.clone(), &self.clock).await?;
        }
        Ok(())
    }

    /// The next id; the same in every run of the same scenario.
    pub(crate) fn next_id(&mut self) -> CommandId {
        self.issued += 1;
        CommandId::named(&format!("es_testing:{}", self.issued))
    }

    /// Moves the clock on.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<(), Fault> {
        let later = self.later(time)?;
        self.clock.set(later);
        Ok(())
    }

    /// When it is so much later, which is told.
    pub(crate) fn later(&mut self, time: Duration) -> Result<Timestamp, Fault> {
        let Ok(later) = self.clock.now().checked_add(time) else {
            return Err(Fault::new("the clock cannot go beyond the year 9999"));
        };
        self.tale.tell("", &format!("{time:?} pass"));
        Ok(later)
    }

    /// Records events as if they had always been there.
    pub(crate) async fn record<A: Applier>(
        &mut self,
        id: &A::Id,
        events: Vec<A::Event>,
    ) -> Result<(), Fault> {
        for event in events {
            laws::round_trip(&event)?;
            let (name, schema) = (event.name(), event.version());
            let payload = event.encode().map_err(broken)?;
            self.append(&A::stream(id), name, schema, payload, &diff::show(&event)).await?;
        }
        Ok(())
    }

    /// Records a payload as it may lie in a store.
    pub(crate) async fn append(
        &mut self,
        stream: &StreamId,
        name: impl Into<Cow<'static, str>>,
        schema: u16,
        payload: Vec<u8>,
        shown: &str,
    ) -> Result<(), Fault> {
        let event = self.draft(stream, name.into(), schema, payload).await?;
        self.store("given", stream, event, shown).await
    }

    /// Records an event of a story, and gives it back as whatever follows the log sees it.
    pub(crate) async fn happen(
        &mut self,
        kind: &'static str,
        happening: Happening,
    ) -> Result<RawEvent, Fault> {
        let Happening { stream, name, schema, payload, shown } = happening;
        let event = self.draft(&stream, name.into(), schema, payload).await?;
        let id = event.id;
        self.store(kind, &stream, event, &shown).await?;
        let stored = self.log.find_event(EventSearch::on(stream, id)).await.map_err(broken)?;
        let stored = stored.ok_or_else(|| broken(format!("{shown} is not where it was recorded")))?;
        inside::raw(&stored).map_err(broken)
    }

    async fn store(
        &mut self,
        kind: &'static str,
        stream: &StreamId,
        event: NewEvent,
        shown: &str,
    ) -> Result<(), Fault> {
        let appended = self.log.append(Commit::one(stream.clone(), Expected::Any, vec![event])).await;
        let version = appended.map_err(broken)?.heads.first().map_or(0, |head| head.version);
        self.tale.tell(kind, &format!("{stream}@{version}: {shown}"));
        Ok(())
    }

    /// An event that could be recorded on a stream now.
    pub(crate) async fn draft(
        &mut self,
        stream: &StreamId,
        name: Cow<'static, str>,
        schema: u16,
        payload: Vec<u8>,
    ) -> Result<NewEvent, Fault> {
        Ok(NewEvent {
            id: self.next_id().as_uuid(),
            name,
            schema,
            recorded_at: self.recording_time(stream).await?,
            payload: payload.into(),
            metadata: serde_json::to_vec(&self.said).map_err(broken)?.into(),
        })
    }

    /// The time by the clock, never before the stream's last event.
    async fn recording_time(&self, stream: &StreamId) -> Result<Timestamp, Fault> {
        let now = self.clock.now();
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let last =
            self.log.read_stream(stream, StreamRead::before(u64::MAX).limit(1)).await.map_err(broken)?;
        Ok(last.events.first().map_or(now, |last| last.recorded_at.max(now)))
    }

    /// Everything on a stream behind a version.
    pub(crate) async fn tail(&self, stream: &StreamId, mut after: u64) -> Result<Vec<StoredEvent>, Fault> {
        let mut events = Vec::new();
        loop {
            let page = self.log.read_stream(stream, StreamRead::after(after)).await.map_err(broken)?;
            events.extend(page.events);
            after = events.last().map_or(after, |last| last.version);
            if !page.more {
                return Ok(events);
            }
        }
    }
}

/// A stored event on its way into another store.
fn copied(stored: StoredEvent) -> (StreamId, NewEvent) {
    let event = NewEvent {
        id: stored.id,
        name: stored.name,
        schema: stored.schema,
        recorded_at: stored.recorded_at,
        payload: stored.payload.unwrap_or_default(),
        metadata: stored.metadata,
    };
    (stored.stream, event)
}

/// What the kit itself stumbled over.
pub(crate) fn broken(error: impl Display) -> Fault {
    Fault::new(format!("the scenario cannot be played: {error}"))
}
