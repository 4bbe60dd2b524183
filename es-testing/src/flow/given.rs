//! Given: what has happened before.

use super::stage::Stage;
use crate::fault::Fault;
use crate::scenario::guard::Guard;
use crate::world::{Cast, Gate, Setting, Tale, block_on_paused, broken};
use es_core::jiff::Timestamp;
use es_core::serde_json::{self, Value};
use es_core::{AppBuilder, Applier, BoxFuture, Command, Handle, IntoEvents, Metadata};

/// A flow begins: commands go to the app that this function mounts, with its reactors and projections.
///
/// It is the very function that mounts the app in production, over whichever store that has; a closure adds
/// fakes to it: `flow(|app| bank(app).service::<dyn Mailer>(fake.clone()))`. The app runs on a store in memory
/// under a clock that stands still. After each `when` everything is done that there is to do: reactors and
/// their commands, projections, and the timers that are due. A pause between two attempts takes no time.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// # use {es_core::AppBuilder, std::sync::Arc};
/// fn bank<S: EventStore>(app: AppBuilder<S>) -> AppBuilder<S> {
///     app.aggregate::<Account>()
///         .reactor::<Fees>()
///         .projection::<Turnover>()
///         .service::<dyn Atm>(Arc::new(FakeAtm))
/// }
///
/// flow(bank)
///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }, MoneyWithdrawn { amount: 5 }))
///     .when(Withdraw { account: 1, amount: 10 })
///     .then_recorded(&1, (MoneyWithdrawn { amount: 10 }, MoneyWithdrawn { amount: 1 }))
///     .then_document(&1, Turnover { paid_in: 50, paid_out: 16 })
///     .then_timer(IDLE, CloseAccount { account: 1 })
///     .when_time_passes(IDLE)
///     .then_recorded(&1, AccountClosed)
///     .then_no_document::<Turnover>(&1);
/// ```
///
/// Beside what it expects, every flow checks, behind each `when`, that
///
/// 1. an app that is started anew has nothing to do;
/// 2. every projection equals its rebuild.
#[track_caller]
pub fn flow(mount: impl Fn(AppBuilder<Gate>) -> AppBuilder<Gate> + Send + Sync + 'static) -> GivenFlow {
    GivenFlow {
        cast: Cast::whole(mount),
        start: None,
        steps: Vec::new(),
        guard: Guard::until("a `.when(..)`"),
    }
}

/// What has happened before: the first part of a flow, begun by [`flow`].
///
/// Its parts count in the order in which they are written: `.at(..)`, `.by(..)` and `.metadata(..)` hold for
/// what follows them, events and commands alike.
///
/// The app is built at the first command, or when time passes. What is given before that lies in the store as
/// if it had always been there: a reactor that begins now (`from = now`) takes it silently, one with
/// `from = start` answers it before the first `when`.
#[must_use = "a flow needs a `.when(..)` and a `.then_..(..)`"]
pub struct GivenFlow {
    cast: Cast,
    /// The first time that is said.
    start: Option<Timestamp>,
    steps: Vec<Step>,
    guard: Guard,
}

/// One thing that is given.
type Step = Box<dyn for<'s> FnOnce(&'s mut Stage) -> Doing<'s> + Send>;
type Doing<'s> = BoxFuture<'s, Result<(), Fault>>;

impl GivenFlow {
    /// Events on the stream of this id. Where they belong to several types of aggregates, say which is meant:
    /// `.given::<Order>(&id, events)`.
    pub fn given<A: Applier>(self, id: &A::Id, events: impl IntoEvents<A>) -> Self {
        let id = id.clone();
        let mut list = Vec::new();
        events.into_events(&mut list);
        self.step(Box::new(move |stage| record::<A>(stage, id, list)))
    }

    /// An event as it lies in the store: its stored name, the version of its shape, its payload.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use es_core::serde_json::json;
    /// flow(bank)
    ///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .given_stored::<Account>(&1, "account.withdrawn", 1, json!({"cents": 2000}))
    ///     .when(Withdraw { account: 1, amount: 30 })
    ///     .then_reply(0);
    /// ```
    pub fn given_stored<A: Applier>(
        self,
        id: &A::Id,
        name: impl Into<String>,
        version: u16,
        payload: Value,
    ) -> Self {
        let (stream, name) = (A::stream(id), name.into());
        self.step(Box::new(move |stage| {
            Box::pin(async move {
                let bytes = serde_json::to_vec(&payload).map_err(broken)?;
                let shown = format!("\"{name}\", version {version}, {payload}");
                stage.world.append(&stream, name, version, bytes, &shown).await
            })
        }))
    }

    /// A command that is carried out beforehand, with all that follows from it; one that is refused fails the
    /// flow.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank)
    ///     .given_command(OpenAccount { account: 1 })
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_state(&1, |account: &Account| assert_eq!(account.balance, 5));
    /// ```
    pub fn given_command<C>(self, command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.step(Box::new(move |stage| Box::pin(stage.given_command(command))))
    }

    /// What follows happens at this time. A flow starts at [`VirtualClock::START`](crate::VirtualClock::START),
    /// or at the first time given here if that is earlier.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.start.get_or_insert(time);
        self.step(Box::new(move |stage| Box::pin(stage.go_to(time))))
    }

    /// What follows is done by this actor.
    pub fn by(self, actor: impl Into<String>) -> Self {
        self.hold(Setting::By(actor.into()))
    }

    /// What follows has this metadata. An actor that was said before is kept where it names none.
    pub fn metadata(self, metadata: Metadata) -> Self {
        self.hold(Setting::Said(metadata))
    }

    fn hold(self, setting: Setting) -> Self {
        self.step(Box::new(move |stage| Box::pin(async move { stage.world.hold(setting) })))
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The stage at the moment of the first `when`.
    #[track_caller]
    pub(super) fn begin(mut self) -> Stage {
        self.guard.disarm();
        match block_on_paused(play(self.cast, self.start, self.steps)) {
            Ok(stage) => stage,
            Err(failure) => panic!("{failure}"),
        }
    }
}

async fn play(cast: Cast, start: Option<Timestamp>, steps: Vec<Step>) -> Result<Stage, String> {
    let mut stage = Stage::new(cast, start).await.map_err(|fault| fault.told(&Tale::default()))?;
    for step in steps {
        if let Err(fault) = step(&mut stage).await {
            return Err(fault.told(&stage.world.tale));
        }
    }
    Ok(stage)
}

fn record<A: Applier>(stage: &mut Stage, id: A::Id, events: Vec<A::Event>) -> Doing<'_> {
    Box::pin(async move { stage.world.record::<A>(&id, events).await })
}
