//! One run: an app over a store of its own, its clients, its clock, and its outside.

use super::caught::{caught, unless};
use super::moment::Moment;
use super::schedule::{Step, Who};
use super::store::{Call, ExploredStore};
use super::story::{Deed, Item, Story};
use super::tale::Tale;
use crate::clock::VirtualClock;
use es_core::__testing::{self as inside, Stepper};
use es_core::jiff::Timestamp;
use es_core::{App, AppBuilder, Clock, CommandId};
use std::fmt::{Debug, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Mounts an app, and gives it its way to the outside.
type Mount<O> = dyn Fn(AppBuilder<ExploredStore>, &Arc<O>) -> AppBuilder<ExploredStore> + Send + Sync;

/// What every run begins with.
pub(super) struct Stage<O> {
    pub outside: Box<dyn Fn() -> O + Send + Sync>,
    pub mount: Box<Mount<O>>,
    pub story: Story,
    /// Later than this it never becomes.
    pub until: Option<Timestamp>,
}

/// What did not hold, and why.
#[derive(Debug)]
pub(super) struct Breach {
    pub what: String,
    pub why: String,
}

impl Breach {
    /// Something that nobody needs to ask for.
    fn of(what: impl Into<String>, why: impl Display) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

/// A run that has come to some step.
pub(super) struct World<O> {
    pub stage: Arc<Stage<O>>,
    pub store: ExploredStore,
    pub app: App,
    pub tale: Tale,
    clock: VirtualClock,
    outside: Arc<O>,
    places: Vec<Place>,
}

/// Where a client is.
#[derive(Clone, Copy)]
struct Place {
    next: usize,
    /// Since when it is there.
    since: Timestamp,
}

/// Who can do something.
pub(super) struct Ready {
    pub clients: Vec<usize>,
    pub followers: Vec<Arc<str>>,
    /// When there is something to do that there is not now.
    pub later: Option<Timestamp>,
}

impl<O: Debug + Send + Sync + 'static> World<O> {
    /// The beginning of a story. A tale is told if somebody wants to hear it.
    pub async fn new(stage: Arc<Stage<O>>, tale: Tale) -> Result<Self, Breach> {
        let outside = Arc::new((stage.outside)());
        let store = ExploredStore::new(seen(&outside));
        let clock = VirtualClock::at(VirtualClock::START);
        let app = build(&stage, &store, &clock, &outside).await?;
        let place = Place { next: 0, since: VirtualClock::START };
        let places = stage.story.clients().map(|_| place).collect();
        let mut world = Self { stage, store, app, tale, clock, outside, places };
        world.given().await?;
        world.settle();
        Ok(world)
    }

    /// Carries out what the story begins with, and what follows from that.
    async fn given(&mut self) -> Result<(), Breach> {
        let stage = self.stage.clone();
        for (number, deed) in stage.story.given.iter().enumerate() {
            let id = CommandId::named(&format!("story:given:{number}"));
            let broken = |why: String| Breach::of(format!("the story begins with {}", deed.shown), why);
            caught(deed.send(self.app.clone(), id)).await.flatten().map_err(broken)?;
            self.tale.given(&deed.shown);
            while let Some(follower) = self.ready().await?.followers.first() {
                let Some(follower) = self.follower(follower) else { break };
                advance(&follower).await?;
            }
        }
        Ok(())
    }

    /// What an invariant sees.
    pub fn moment(&self) -> Moment<O> {
        Moment { app: self.app.clone(), outside: self.outside.clone() }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who can do something now.
    pub async fn ready(&self) -> Result<Ready, Breach> {
        let now = self.now();
        let mut ready = Ready { clients: Vec::new(), followers: Vec::new(), later: None };
        let mut times = Vec::new();
        for (number, (after, client)) in self.stage.story.clients().enumerate() {
            match client.items.get(self.places[number].next) {
                _ if self.places[0].next < after => {}
                Some(Item::Command(_)) => ready.clients.push(number),
                Some(Item::Wait(time)) => times.extend(self.places[number].since.checked_add(*time)),
                None => {}
            }
        }
        for follower in inside::followers(&self.app) {
            let stopped = |error| Breach::of(format!("{} goes on", follower.name()), error);
            let due = follower.due().await.map_err(stopped)?;
            if due.is_some_and(|due| due <= now) || follower.next().await.map_err(stopped)?.is_some() {
                ready.followers.push(follower.processor().clone());
            }
            times.extend(due);
        }
        let until = self.stage.until.unwrap_or(Timestamp::MAX);
        ready.later = times.into_iter().filter(|time| *time > now && *time <= until).min();
        Ok(ready)
    }

    /// The names of those that do not look at the log in a step.
    async fn asleep(&self, step: &Step) -> Result<Vec<&'static str>, Breach> {
        if step.asleep == 0 {
            return Ok(Vec::new());
        }
        let ready = self.ready().await?.followers;
        Ok(ready.iter().filter_map(|follower| Some(self.follower(follower)?.name())).collect())
    }

    fn follower(&self, processor: &str) -> Option<Stepper> {
        inside::followers(&self.app).into_iter().find(|follower| **follower.processor() == *processor)
    }

    /// Goes one step to its end. The answer is what was asked of the store, and what was there at each call.
    pub async fn watch(&mut self, step: &Step) -> Result<Vec<Call>, Breach> {
        self.go(step, true).await
    }

    /// Goes one step.
    pub async fn play(&mut self, step: &Step) -> Result<(), Breach> {
        self.go(step, false).await.map(drop)
    }

    async fn go(&mut self, step: &Step, compares: bool) -> Result<Vec<Call>, Breach> {
        // Pauses between attempts are drawn from it.
        fastrand::seed(0);
        self.tale.begins(&self.store).await;
        match &step.who {
            Who::Clock(time) => {
                self.tale.time(self.now(), *time, self.asleep(step).await?);
                self.clock.set(*time);
                self.settle();
                Ok(Vec::new())
            }
            Who::Client(number) => self.send(step, compares, *number).await,
            Who::Follower(processor) => self.follow(step, compares, processor).await,
        }
    }

    /// A client sends its next command, and goes on when it is answered.
    async fn send(&mut self, step: &Step, compares: bool, number: usize) -> Result<Vec<Call>, Breach> {
        let Some(deed) = self.deed(number) else { return Err(unsteady()) };
        let id = CommandId::named(&format!("story:{number}:{}", self.places[number].next));
        let (done, calls) = self.unless_cut((step, compares), deed.send(self.app.clone(), id)).await;
        let panicked = |panic: &String| Err(format!("panicked: {panic}"));
        let answer = done.as_ref().map(|done| done.clone().unwrap_or_else(|panic| panicked(&panic)));
        let client = (self.places.len() > 1).then_some(number + 1);
        self.tale.command(client, &deed.shown, answer.as_ref(), &self.store).await;
        if let Some(Err(panic)) = &done {
            return Err(Breach::of("no command panics", panic));
        }
        if self.ended(step, done.is_some(), &calls).await? {
            self.answered(number);
        }
        Ok(calls)
    }

    /// A follower takes the next event, or does what is due.
    async fn follow(&mut self, step: &Step, compares: bool, processor: &str) -> Result<Vec<Call>, Breach> {
        let Some(follower) = self.follower(processor) else { return Err(unsteady()) };
        self.tale.follows(&follower).await;
        let (done, calls) = self.unless_cut((step, compares), advance(&follower)).await;
        self.tale.followed(&follower, &self.store).await;
        let is_done = done.is_some();
        done.transpose().map_err(|panic| Breach::of("no follower panics", panic))?.transpose()?;
        self.ended(step, is_done, &calls).await?;
        self.tale.parked(follower.name(), &self.app).await;
        Ok(calls)
    }

    /// Does something unless the process ends before it is done. It may panic.
    async fn unless_cut<T>(
        &self,
        (step, compares): (&Step, bool),
        work: impl Future<Output = T>,
    ) -> (Option<Result<T, String>>, Vec<Call>) {
        self.store.listen(compares, step.cut_at);
        let done = unless(caught(work), self.store.cut()).await;
        (done, self.store.heard())
    }

    /// Where the process has ended, another one begins. Whether what it did was done.
    async fn ended(&mut self, step: &Step, is_done: bool, calls: &[Call]) -> Result<bool, Breach> {
        if step.cut_at.is_some() == is_done {
            return Err(unsteady());
        }
        if !is_done {
            self.tale.crash(calls);
            // What it had begun goes with it.
            tokio::task::yield_now().await;
            self.store = self.store.next(seen(&self.outside)).await;
            self.app = build(&self.stage, &self.store, &self.clock, &self.outside).await?;
        }
        Ok(is_done)
    }

    /// The command that a client sends next.
    fn deed(&self, number: usize) -> Option<Deed> {
        let (_, client) = self.stage.story.clients().nth(number)?;
        match client.items.get(self.places[number].next)? {
            Item::Command(deed) => Some(deed.clone()),
            Item::Wait(_) => None,
        }
    }

    /// A client goes on, and so does whoever has waited for it.
    fn answered(&mut self, number: usize) {
        let now = self.now();
        self.places[number] = Place { next: self.places[number].next + 1, since: now };
        if number == 0 {
            let begun = self.places[0].next;
            for (place, (after, _)) in self.places.iter_mut().zip(self.stage.story.clients()).skip(1) {
                if after == begun {
                    place.since = now;
                }
            }
        }
        self.settle();
    }

    /// Clients that have waited long enough go on.
    fn settle(&mut self) {
        let stage = self.stage.clone();
        for (number, (after, client)) in stage.story.clients().enumerate() {
            let place = self.places[number];
            if self.places[0].next >= after
                && let Some(Item::Wait(time)) = client.items.get(place.next)
                && place.since.checked_add(*time).is_ok_and(|end| end <= self.now())
            {
                return self.answered(number);
            }
        }
    }

    /// A number for where clients and the clock are.
    pub fn standing(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.now().hash(&mut hasher);
        for (place, (_, client)) in self.places.iter().zip(self.stage.story.clients()) {
            let waits = matches!(client.items.get(place.next), Some(Item::Wait(_)));
            (place.next, waits.then_some(place.since)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// What the outside looks like, by its `Debug` text.
fn seen<O: Debug + Send + Sync + 'static>(outside: &Arc<O>) -> impl Fn() -> u64 + Send + Sync + 'static {
    let outside = outside.clone();
    move || {
        let mut hasher = DefaultHasher::new();
        format!("{outside:?}").hash(&mut hasher);
        hasher.finish()
    }
}

async fn advance(follower: &Stepper) -> Result<(), Breach> {
    follower.step().await.map_err(|halted| Breach::of(format!("{} goes on", follower.name()), halted))
}

/// A process begins.
async fn build<O>(
    stage: &Stage<O>,
    store: &ExploredStore,
    clock: &VirtualClock,
    outside: &Arc<O>,
) -> Result<App, Breach> {
    let builder = (stage.mount)(App::builder(store.clone()), outside);
    // What a process has cached is no part of a state, and would change what it asks the store.
    let built = builder.clock(clock.clone()).cache(0).build().await;
    built.map_err(|error| Breach::of("the app is built", error))
}

fn unsteady() -> Breach {
    let why = "the same steps have led somewhere else: does a handler or a service draw a number, or look at \
               the system's clock?";
    Breach::of("a schedule can be repeated", why)
}
