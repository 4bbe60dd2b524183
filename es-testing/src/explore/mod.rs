//! Every order in which things can happen, with what can go wrong on the way.

mod caught;
mod moment;
mod report;
mod schedule;
mod search;
mod store;
mod story;
mod tale;
mod tally;
mod world;

pub use moment::{Moment, Verdict};
pub use report::{Failure, Report};
pub use store::ExploredStore;
pub use story::{Client, Story};

use crate::clock::VirtualClock;
use es_core::AppBuilder;
use search::{Invariant, Search};
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use world::Stage;

/// How many faults a schedule may have unless it is said.
const FAULTS: u8 = 2;

/// How many schedules are tried unless it is said.
const LIMIT: usize = 50_000;

/// Runs a story in every order in which it can happen, and with what can go wrong on the way.
///
/// `app` mounts the app, as it does in production; `story` is what comes from outside. The answer is told what
/// has to hold, and looks for the schedule in which that does not.
///
/// ```
/// use es_core::prelude::*;
/// use es_core::AppBuilder;
/// use es_testing::prelude::*;
///
/// #[event] pub struct Ordered {}
/// #[event] pub struct Thanked {}
/// #[command(Order)] pub struct Place { #[id] pub order: u32 }
/// #[command(Order)] pub struct Thank { #[id] pub order: u32 }
/// #[aggregate(id = u32)] pub struct Order { thanks: u32 }
/// #[applier] impl Order {
///     fn ordered(_: &Ordered) -> Self { Order { thanks: 0 } }
///     fn thanked(&mut self, _: &Thanked) { self.thanks += 1 }
/// }
/// #[command_handler] impl Order {
///     fn place(_: Place) -> Ordered { Ordered {} }
///     fn thank(&self, _: Thank) -> Thanked { Thanked {} }
/// }
///
/// #[reactor(from = start)] pub struct Thanks;
/// #[reactor] impl Thanks {
///     fn ordered(&self, _: &Ordered, order: &u32) -> Thank { Thank { order: *order } }
/// }
///
/// fn shop<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
///     app.aggregate::<Order>().reactor::<Thanks>()
/// }
///
/// explore(shop, Story::new().command(Place { order: 1 }))
///     .invariant("nobody is thanked twice", async |app| {
///         app.load::<Order>(&1).await.map(|order| order.is_none_or(|order| order.thanks <= 1))
///     })
///     .finally("everybody is thanked", async |app| {
///         app.load::<Order>(&1).await.map(|order| order.is_some_and(|order| order.thanks == 1))
///     })
///     .check();
/// ```
///
/// # What is explored
/// A schedule is a list of steps, each of them by one of these:
///
/// * a client, which sends its next command and is answered;
/// * a reactor or a projection, which takes *one* event; where it then is at the head of the log, it also does
///   what is due: timers, attempts that are to be repeated;
/// * the clock, which goes on to when the next timer is due, or a client has waited long enough. Clients may be
///   as slow as they like, so any timer may come before their next command. Reactors and projections are quick:
///   time passes when they have nothing to do.
///
/// Up to [two](Exploration::faults) of these go wrong in a schedule:
///
/// * **a crash**: the process ends in the midst of a step, before a call to the store, or when the store has done
///   it and the answer has not arrived. Another process takes over; what was in memory, services included, is
///   gone. The client that had sent the command sends it again, under the same id, at any time from then on.
/// * **a redelivery** is a crash before it was stored that an event was handled: the event is handled "once
///   more". Nothing else delivers twice.
/// * **a lost wake-up**: time passes though a reactor or a projection has something to do. Each that is late
///   counts.
///
/// Without them a reactor or a projection may be as late as it likes already, as long as no time passes.
///
/// All schedules are tried, but for those that cannot tell anything new: two schedules that have led to the
/// same are continued once. The same are the log, documents, checkpoints, the clock, what clients have still to
/// do, and the outside. Of an event's metadata that is the actor, the command's name and what else was said; the
/// ids of events, of commands, and of what caused them do not tell states apart. The first schedule that fails is
/// the one with the fewest faults, and of those the shortest.
///
/// # What is not explored
/// * Steps are whole. Two commands on one stream come in either order; what happens between the reads and the
///   writes of *one* command, or of one effect, does not meet the steps of others. For commands the version
///   check makes up for that; an effect that reads and then writes is on its own.
/// * One process at a time. A process that has lost its lease and does not know it is not there.
/// * A service never fails by itself: let the [outside](explore_with()) decide when it does. A store that does
///   not answer for a while, and one that forgets, are not there either.
/// * Timers that are due at the same time go off in one step, and so do the keys of one event. What is tried
///   again at once for several keys runs in the order of the keys, and in no other.
/// * What a service keeps in memory does not tell states apart. What lives on belongs to the outside.
/// * Projections that keep rows: the store is one in memory.
///
/// What draws numbers, looks at the system's clock, or spawns tasks takes another course each time, and is not
/// explored as a whole. Where that is noticed the exploration fails and says so. Commands that a reactor executes
/// by itself, under ids that nobody has stated, are fine; where documents hold such ids, fewer schedules are seen
/// to have led to the same.
pub fn explore(
    app: impl Fn(AppBuilder<ExploredStore>) -> AppBuilder<ExploredStore> + Send + Sync + 'static,
    story: Story,
) -> Exploration {
    explore_with(|| (), move |builder, _: &Arc<()>| app(builder), story)
}

/// The same with an outside: a mail server, a bank. It is made anew for each schedule, and is still there when a
/// process ends.
///
/// `app` gives the app its way to it, as services. Invariants see it, as [`Moment::outside`]; its `Debug` text
/// has to show what can make a difference later on, since by that two states are told apart.
///
/// ```
/// use es_core::prelude::*;
/// use es_testing::prelude::*;
/// use std::sync::{Arc, Mutex};
///
/// # #[event] pub struct Shipped {}
/// # #[command(Order)] pub struct Ship { #[id] pub order: u32 }
/// # #[aggregate(id = u32)] pub struct Order {}
/// # #[applier] impl Order { fn shipped(_: &Shipped) -> Self { Order {} } }
/// # #[command_handler] impl Order { fn ship(_: Ship) -> Shipped { Shipped {} } }
/// /// A mail server that sends each mail once.
/// #[derive(Debug, Default)]
/// pub struct Mails(Mutex<Vec<Uuid>>);
/// impl Mails {
///     fn send(&self, id: Uuid) {
///         let mut sent = self.0.lock().unwrap();
///         if !sent.contains(&id) {
///             sent.push(id);
///         }
///     }
/// }
///
/// #[reactor(from = start)] pub struct ShippedMail;
/// #[reactor] impl ShippedMail {
///     fn shipped(&self, _: &Shipped, cx: &Context<Self>, mails: &Mails) { mails.send(cx.new_id()) }
/// }
///
/// explore_with(
///     Mails::default,
///     |app, mails: &Arc<Mails>| {
///         app.aggregate::<Order>().reactor::<ShippedMail>().service::<Mails>(mails.clone())
///     },
///     Story::new().command(Ship { order: 1 }),
/// )
/// .finally("one mail is sent", async |app| app.outside().0.lock().unwrap().len() == 1)
/// .check();
/// ```
pub fn explore_with<O, P>(
    outside: impl Fn() -> O + Send + Sync + 'static,
    app: P,
    story: Story,
) -> Exploration<O>
where
    O: Debug + Send + Sync + 'static,
    P: Fn(AppBuilder<ExploredStore>, &Arc<O>) -> AppBuilder<ExploredStore> + Send + Sync + 'static,
{
    let stage = Stage { outside: Box::new(outside), mount: Box::new(app), story, until: None };
    Exploration { stage, invariants: Vec::new(), faults: FAULTS, limit: LIMIT }
}

/// A story that is explored: what has to hold in it, and how far to go. Made by [`explore`].
#[must_use = "nothing is explored before `check` or `report`"]
pub struct Exploration<O = ()> {
    stage: Stage<O>,
    invariants: Vec<Invariant<O>>,
    faults: u8,
    limit: usize,
}

impl<O: Debug + Send + Sync + 'static> Exploration<O> {
    /// Has to hold after every step, also where a process has just ended in the midst of one.
    ///
    /// It is asked with the app and its outside, and gives a [`Verdict`]: `bool`, a `Result`, or nothing where
    /// it asserts. What it does to the app is no part of the schedule: it should only look.
    pub fn invariant<V: Verdict + 'static>(
        self,
        name: impl Into<String>,
        holds: impl AsyncFn(Moment<O>) -> V + Send + Sync + 'static,
    ) -> Self {
        self.asks(name.into(), holds, false)
    }

    /// Has to hold once nothing is left to do: all commands are answered, all events followed, and no timer is
    /// set.
    pub fn finally<V: Verdict + 'static>(
        self,
        name: impl Into<String>,
        holds: impl AsyncFn(Moment<O>) -> V + Send + Sync + 'static,
    ) -> Self {
        self.asks(name.into(), holds, true)
    }

    fn asks<V: Verdict + 'static>(
        mut self,
        name: String,
        holds: impl AsyncFn(Moment<O>) -> V + Send + Sync + 'static,
        at_the_end: bool,
    ) -> Self {
        let holds = Arc::new(holds);
        let holds = Box::new(move |moment| -> search::Asked {
            let holds = holds.clone();
            Box::pin(async move { holds(moment).await.told() })
        });
        self.invariants.push(Invariant { name, holds, at_the_end });
        self
    }

    /// At most so many faults in a schedule. Without it there are two, which is what most mistakes need.
    pub fn faults(mut self, most: u8) -> Self {
        self.faults = most;
        self
    }

    /// At most so many schedules. Without it there are 50,000.
    pub fn limit(mut self, schedules: usize) -> Self {
        self.limit = schedules;
        self
    }

    /// Timers that are due later than this, counted from the beginning of the story, do not go off. For those
    /// that set themselves again and again.
    pub fn within(mut self, time: Duration) -> Self {
        self.stage.until = VirtualClock::START.checked_add(time).ok();
        self
    }

    /// Explores the story.
    ///
    /// # Panics
    /// With the schedule, if something does not hold in it; if there are more schedules than were allowed; and
    /// if nothing has to hold.
    #[track_caller]
    pub fn check(self) {
        let limit = self.limit;
        let report = self.report();
        assert!(report.failure.is_none(), "{report}");
        assert!(
            !report.is_cut,
            "nothing was found, and there is more to look at: {report}. Tell a shorter story, with what comes \
             before it as `given`; allow fewer `faults`; give timers an end by `within`; or allow more than \
             {limit} schedules by `limit`"
        );
    }

    /// Explores the story, and says what was found.
    ///
    /// # Panics
    /// If nothing has to hold, or if there can be no runtime.
    #[track_caller]
    pub fn report(self) -> Report {
        assert!(
            !self.invariants.is_empty(),
            "nothing is asked of this story: say what has to hold by `invariant` or `finally`"
        );
        if Handle::try_current().is_err() {
            return self.search();
        }
        // A runtime must not be blocked twice.
        let searched = thread::scope(|scope| scope.spawn(|| self.search()).join());
        searched.unwrap_or_else(|panicked| resume_unwind(panicked))
    }

    fn search(self) -> Report {
        let Self { stage, invariants, faults, limit } = self;
        let search = Search { stage: Arc::new(stage), invariants, faults, limit };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            Ok(runtime) => runtime.block_on(search.run()),
            Err(error) => panic!("no runtime for the exploration: {error}"),
        }
    }
}

impl<O> std::fmt::Debug for Exploration<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exploration").field("story", &self.stage.story).finish_non_exhaustive()
    }
}
