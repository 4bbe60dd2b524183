//! Given: what a reactor has seen before.

use super::stage::{Mode, Stage};
use crate::fault::Fault;
use crate::happening::{self, Step};
use crate::scenario::guard::Guard;
use crate::world::{Cast, Setting, Tale, World, block_on};
use es_core::__testing::EventList;
use es_core::jiff::Timestamp;
use es_core::{AggregateId, Applier, Metadata, React};
use std::marker::PhantomData;
use std::sync::Arc;

/// A scenario of a reactor begins.
///
/// The reactor runs by itself: no aggregate carries its commands out, they are compared as data.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// reactor::<Fees>()
///     .given(&1, (AccountOpened {}, MoneyWithdrawn { amount: 5 }))
///     .when(&1, MoneyWithdrawn { amount: 5 })
///     .then_commands(ChargeFee { account: 1 })
///     .then_state(&1, |fees| assert_eq!(fees.withdrawals, 2));
/// ```
#[track_caller]
pub fn reactor<R: React>() -> GivenReactor<R> {
    GivenReactor {
        cast: Cast::default(),
        steps: Vec::new(),
        guard: Guard::until("a `.when(..)`"),
        reactor: PhantomData,
    }
}

/// What a reactor has seen before: the first part of its scenario, begun by [`reactor`].
///
/// Its parts count in the order in which they are written: `.at(..)`, `.by(..)` and `.metadata(..)` hold for
/// the events that follow them.
#[must_use = "a scenario needs a `.when(..)` and a `.then_..(..)`"]
pub struct GivenReactor<R: React> {
    cast: Cast,
    steps: Vec<Step>,
    guard: Guard,
    reactor: PhantomData<fn(R)>,
}

impl<R: React> GivenReactor<R> {
    /// Events that happened on the stream of this id: an event, a tuple, an array, a `Vec`, or `events![..]`.
    ///
    /// They are the past when the reactor is first built. One that begins now (`from = now`) only folds its
    /// state from them; one with `from = start` has set its timers, too, and what it issued in answer to them
    /// can be refused, but does not count. Methods with services are not run, nor is a reactor without state.
    pub fn given(self, id: &impl AggregateId, events: impl EventList) -> Self {
        self.step(Step::Events(happening::on_stream(id, R::NAME, events)))
    }

    /// What follows happens at this time. A scenario starts at
    /// [`VirtualClock::START`](crate::VirtualClock::START), or at the first time given here if that is earlier.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// let halloween: Timestamp = "2017-10-31T10:00:00Z".parse().unwrap();
    /// reactor::<Fees>()
    ///     .at(halloween)
    ///     .when(&1, MoneyWithdrawn { amount: 5 })
    ///     .then_timer(halloween + IDLE, CloseAccount { account: 1 });
    /// ```
    pub fn at(self, time: Timestamp) -> Self {
        self.step(Step::Setting(Setting::At(time)))
    }

    /// What follows is done by this actor.
    pub fn by(self, actor: impl Into<String>) -> Self {
        self.step(Step::Setting(Setting::By(actor.into())))
    }

    /// What follows has this metadata. An actor that was said before is kept where it names none.
    pub fn metadata(self, metadata: Metadata) -> Self {
        self.step(Step::Setting(Setting::Said(metadata)))
    }

    /// Provides a service, as in `.service::<dyn Mailer>(Arc::new(FakeMailer))`. Only those have to be there
    /// that are taken by the methods that run.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use std::sync::Arc;
    /// reactor::<Welcome>()
    ///     .service::<dyn Mailer>(Arc::new(FakeMailer))
    ///     .when(&1, AccountOpened {})
    ///     .then_no_commands();
    /// ```
    pub fn service<T: ?Sized + Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        self.cast.provide(service);
        self
    }

    /// Mounts an aggregate, so that the reactor can load it from the [`App`](es_core::App) that it takes: its
    /// events are those of this scenario.
    pub fn aggregate<A: Applier>(mut self) -> Self {
        self.cast.mount::<A>();
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The stage at the moment of the first `when`.
    #[track_caller]
    pub(super) fn begin(mut self) -> Stage<R> {
        self.guard.disarm();
        match block_on(play(self.cast, self.steps)) {
            Ok(stage) => stage,
            Err(failure) => panic!("{failure}"),
        }
    }
}

async fn play<R: React>(cast: Cast, steps: Vec<Step>) -> Result<Stage<R>, String> {
    let start = Step::start(&steps);
    let world = World::new(cast, start).await.map_err(|fault| fault.told(&Tale::default()))?;
    let mut stage = Stage::new(world);
    for step in steps {
        if let Err(fault) = take(&mut stage, step).await {
            return Err(fault.told(&stage.world.tale));
        }
    }
    Ok(stage)
}

async fn take<R: React>(stage: &mut Stage<R>, step: Step) -> Result<(), Fault> {
    match step {
        Step::Setting(setting) => stage.world.hold(setting),
        Step::Events(happenings) => {
            for happening in happenings? {
                let event = stage.world.happen("given", happening).await?;
                stage.deliver(&event, Mode::Silent).await?;
            }
            Ok(())
        }
    }
}
