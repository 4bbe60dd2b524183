//! Where a flow plays: an app, and what it has done since the last `when`.

use super::laws;
use super::remains::{self, Armed};
use crate::clock::VirtualClock;
use crate::fault::Fault;
use crate::scenario::summary;
use crate::world::{Cast, Setting, Witness, World, broken};
use es_core::__testing::{self as inside, Follows};
use es_core::jiff::Timestamp;
use es_core::store::EventStore;
use es_core::{
    Applier, Clock, Command, CommandError, CommandGroup, DomainError, DrainError, ErrorOf, Handle, Position,
    ReplyOf,
};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

/// An app in its world.
pub(super) struct Stage {
    pub(super) world: World,
    witness: Witness,
    /// Of which the app is built; `None` once it is.
    cast: Option<Cast>,
    /// What stands behind this is new since the last `when`.
    pub(super) mark: Position,
    /// What was set aside when the last `when` began, and is now.
    aside_before: BTreeSet<(String, String)>,
    aside: BTreeSet<(String, String)>,
}

/// What became of a command.
pub(super) struct Said<E, R> {
    /// As it prints itself.
    pub(super) command: String,
    pub(super) result: Result<R, CommandError<E>>,
    pub(super) summary: String,
}

pub(super) type SaidTo<C> = Said<ErrorOf<C>, ReplyOf<C>>;
pub(super) type SaidToAll<G> = Said<DomainError, <G as CommandGroup>::Done>;

impl Stage {
    pub(super) async fn new(cast: Cast, start: Option<Timestamp>) -> Result<Self, Fault> {
        let witness = Witness::default();
        let start = start.map_or(VirtualClock::START, |start| start.min(VirtualClock::START));
        let world = World::seen_by(witness.clone(), start).await?;
        Ok(Self {
            world,
            witness,
            cast: Some(cast),
            mark: Position(0),
            aside_before: BTreeSet::new(),
            aside: BTreeSet::new(),
        })
    }

    /// Builds the app, unless that was done, and lets it do what there is to do.
    async fn open(&mut self) -> Result<(), Fault> {
        if let Some(cast) = self.cast.take() {
            self.world.cast = cast;
            self.build().await?;
            self.rest().await?;
        }
        Ok(())
    }

    /// Builds an app that has seen nothing, in the place of the one before.
    pub(super) async fn build(&mut self) -> Result<(), Fault> {
        self.world.app = self.world.cast.app(self.world.gate.clone(), &self.world.clock).await?;
        Ok(())
    }

    /// Lets the app do what there is to do, and tells what that is.
    pub(super) async fn rest(&mut self) -> Result<(), Fault> {
        let drained = self.world.app.drain().await;
        let overflows = self.witness.overflows();
        self.tell();
        if overflows {
            return Err(Fault::new("there is no end to what follows: reactors keep each other busy"));
        }
        drained.map_err(|error| stopped(&error))?;
        self.aside = remains::aside(self).await?;
        Ok(())
    }

    /// Tells what was seen since the last time.
    fn tell(&mut self) {
        for (kind, line) in self.witness.take() {
            self.world.tale.tell(kind, &line);
        }
    }

    pub(super) async fn head(&self) -> Result<Position, Fault> {
        self.world.log.head().await.map_err(broken)
    }

    pub(super) fn reactors(&self) -> Vec<Follows> {
        inside::reactors(&self.world.app)
    }

    /// All that comes from here on is new.
    async fn begin(&mut self) -> Result<(), Fault> {
        self.open().await?;
        self.mark = self.head().await?;
        self.aside_before.clone_from(&self.aside);
        Ok(())
    }

    /// The reactors that have set something aside since the last `when`.
    pub(super) fn newly_aside(&self) -> BTreeSet<String> {
        self.aside.difference(&self.aside_before).map(|(reactor, _)| reactor.clone()).collect()
    }

    /// Carries out a command, and tells what it is and what came of it.
    async fn carry_out<C>(&mut self, kind: &'static str, command: C) -> SaidTo<C>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let shown = self.ask(kind, &command);
        let (id, said) = (self.world.next_id(), self.world.said.clone());
        let result = self.world.app.execute(command).id(id).metadata(said).await;
        let recorded = result.as_ref().map(|done| done.events.len());
        self.answer(shown, summary(recorded), result.map(|done| done.reply))
    }

    /// Carries out several commands in one commit.
    async fn carry_out_all<G: CommandGroup + Debug>(&mut self, commands: G) -> SaidToAll<G> {
        let shown = self.ask("when", &commands);
        let (id, said) = (self.world.next_id(), self.world.said.clone());
        let before = self.mark;
        let result = self.world.app.execute_all(commands).id(id).metadata(said).await;
        // One commit, and nobody else was here.
        let recorded = self.head().await.map_or(0, |head| head.0 - before.0);
        let recorded = result.as_ref().map(|_| usize::try_from(recorded).unwrap_or(usize::MAX));
        self.answer(shown, summary(recorded), result)
    }

    fn ask(&mut self, kind: &'static str, asked: &impl Debug) -> String {
        let shown = format!("{asked:?}");
        self.world.tale.tell(kind, &shown);
        shown
    }

    fn answer<E, R>(
        &mut self,
        command: String,
        summary: String,
        result: Result<R, CommandError<E>>,
    ) -> Said<E, R> {
        let seen = self.witness.take();
        match &result {
            Err(_) => self.world.tale.tell("answer", &summary),
            Ok(_) if seen.is_empty() => self.world.tale.tell("recorded", "nothing"),
            Ok(_) => {}
        }
        for (kind, line) in seen {
            self.world.tale.tell(kind, &line);
        }
        Said { command, result, summary }
    }

    pub(super) async fn given_command<C>(&mut self, command: C) -> Result<(), Fault>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.open().await?;
        let said = self.carry_out("given", command).await;
        if said.result.is_err() {
            return Err(Fault::new(format!("the given command {} failed: {}", said.command, said.summary)));
        }
        self.rest().await
    }

    pub(super) async fn when<C>(&mut self, command: C) -> Result<SaidTo<C>, Fault>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.begin().await?;
        let said = self.carry_out("when", command).await;
        self.rest().await?;
        laws::all(self).await?;
        Ok(said)
    }

    pub(super) async fn when_all<G>(&mut self, commands: G) -> Result<SaidToAll<G>, Fault>
    where
        G: CommandGroup + Debug,
    {
        self.begin().await?;
        let said = self.carry_out_all(commands).await;
        self.rest().await?;
        laws::all(self).await?;
        Ok(said)
    }

    pub(super) async fn when_time_passes(&mut self, time: Duration) -> Result<(), Fault> {
        self.begin().await?;
        let end = self.world.later(time)?;
        self.pass(end).await?;
        laws::all(self).await
    }

    pub(super) async fn when_redelivered(&mut self) -> Result<(), Fault> {
        self.begin().await?;
        laws::redelivered(self).await?;
        laws::all(self).await
    }

    pub(super) async fn when_restarted(&mut self) -> Result<(), Fault> {
        self.begin().await?;
        self.world.tale.tell("", "the app is started anew");
        self.build().await?;
        self.rest().await?;
        laws::all(self).await
    }

    /// Puts the clock to a time; once there is an app, it goes there.
    pub(super) async fn go_to(&mut self, time: Timestamp) -> Result<(), Fault> {
        let before = self.world.clock.now();
        self.world.hold(Setting::At(time))?;
        if self.cast.is_some() {
            return Ok(());
        }
        self.world.clock.set(before);
        self.pass(time).await
    }

    /// Goes from one timer to the next until it is so late.
    async fn pass(&mut self, end: Timestamp) -> Result<(), Fault> {
        while let Some(due) = self.next_due(end).await? {
            self.world.clock.set(due);
            self.rest().await?;
        }
        self.world.clock.set(end);
        self.rest().await
    }

    /// When the next timer is due until then. One that is due already waits behind something else.
    async fn next_due(&self, end: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let now = self.world.clock.now();
        let timers = self.timers().await?.into_iter().map(|timer| timer.due);
        Ok(timers.filter(|due| now < *due && *due <= end).min())
    }

    /// Every timer that is set.
    pub(super) async fn timers(&self) -> Result<Vec<Armed>, Fault> {
        remains::timers(self).await
    }

    /// What was recorded on a stream since the last `when`.
    pub(super) async fn recorded<A: Applier>(&self, id: &A::Id) -> Result<Vec<A::Event>, Fault> {
        let history = self.world.app.history::<A>(id).await;
        let history = history.map_err(|error| unread(&error))?;
        Ok(history.into_iter().filter(|event| event.position > self.mark).map(|event| event.data).collect())
    }
}

/// Why the app does not go on.
fn stopped(error: &DrainError) -> Fault {
    Fault::new(format!("the flow does not go on: {}", chain(error)))
}

pub(super) fn unread(error: &dyn Error) -> Fault {
    Fault::new(format!("it cannot be looked at: {}", chain(error)))
}

/// An error with what it came from.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
