//! Given: what has happened before.

use super::act::carry_out;
use super::guard::Guard;
use crate::fault::Fault;
use crate::world::{Cast, Setting, World, broken};
use es_core::jiff::Timestamp;
use es_core::serde_json::{self, Value};
use es_core::{Aggregate, Applier, Command, Handle, IntoEvents, Metadata};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A scenario begins with events of one aggregate; which one, and which id it has, the command says.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
///     .when(Withdraw { account: 1, amount: 80 })
///     .then_error(AccountError::Overdraft { available: 50 });
/// ```
#[track_caller]
pub fn given<A: Applier, E: IntoEvents<A>>(events: E) -> Given<A> {
    given_nothing().given(events)
}

/// A scenario begins with nothing.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// given_nothing().when(OpenAccount { account: 1 }).then(AccountOpened {});
/// ```
#[track_caller]
pub fn given_nothing<A: Applier>() -> Given<A> {
    let mut cast = Cast::default();
    cast.mount::<A>();
    Given { cast, steps: Vec::new(), guard: Guard::until("a `.when(..)`") }
}

/// What has happened before a command comes: the first part of a scenario, begun by [`given`].
///
/// Its parts count in the order in which they are written: `.at(..)`, `.by(..)` and `.metadata(..)` hold for
/// what follows them, events and commands alike.
#[must_use = "a scenario needs a `.when(..)` and a `.then_..(..)`"]
pub struct Given<A: Applier> {
    cast: Cast,
    steps: Vec<Step<A>>,
    guard: Guard,
}

/// One thing that is given.
enum Step<A: Applier> {
    Events(Vec<A::Event>),
    Stored { name: String, version: u16, payload: Value },
    Elsewhere(Elsewhere),
    Setting(Setting),
}

/// Something that needs no knowledge of `A`.
type Elsewhere = Box<dyn for<'w> FnOnce(&'w mut World) -> Happening<'w> + Send>;
type Happening<'w> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'w>>;

impl<A: Applier> Given<A> {
    /// More events of the same aggregate.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .given([MoneyDeposited { amount: 20 }, MoneyDeposited { amount: 30 }])
    ///     .when(Withdraw { account: 1, amount: 50 })
    ///     .then_reply(0);
    /// ```
    pub fn given(self, events: impl IntoEvents<A>) -> Self {
        let mut list = Vec::new();
        events.into_events(&mut list);
        self.step(Step::Events(list))
    }

    /// An event as it lies in the store: its stored name, the version of its shape, its payload. So that is
    /// tested what older code wrote, or newer code, or nobody.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use es_core::serde_json::json;
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .given_stored("account.withdrawn", 1, json!({"cents": 2000}))
    ///     .when(Withdraw { account: 1, amount: 30 })
    ///     .then_reply(0);
    /// ```
    pub fn given_stored(self, name: impl Into<String>, version: u16, payload: Value) -> Self {
        self.step(Step::Stored { name: name.into(), version, payload })
    }

    /// Events of another aggregate: one of the same type with another id, or one of another type. Where its
    /// events belong to several types, say which is meant: `.given_in::<Order>(&id, events)`.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .given_in(&2, (AccountOpened {}, AccountClosed))
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then(MoneyDeposited { amount: 5 });
    /// ```
    pub fn given_in<B: Applier>(mut self, id: &B::Id, events: impl IntoEvents<B>) -> Self {
        self.cast.mount::<B>();
        let id = id.clone();
        let mut list = Vec::new();
        events.into_events(&mut list);
        let record: Elsewhere = Box::new(move |world| record_in::<B>(world, id, list));
        self.step(Step::Elsewhere(record))
    }

    /// A command that is carried out beforehand; one that is refused fails the scenario.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given_nothing()
    ///     .given_command(OpenAccount { account: 1 })
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_version(2);
    /// ```
    pub fn given_command<C>(mut self, command: C) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.cast.mount::<C::Aggregate>();
        self.cast.admit(C::NAME);
        let give: Elsewhere = Box::new(move |world| Box::pin(carry_out(world, command)));
        self.step(Step::Elsewhere(give))
    }

    /// What follows happens at this time. A scenario starts at [`VirtualClock::START`](crate::VirtualClock::START), or at the first time
    /// given here if that is earlier.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// let halloween: Timestamp = "2017-10-31T10:00:00Z".parse().unwrap();
    /// given_nothing()
    ///     .at(halloween)
    ///     .when(OpenAccount { account: 1 })
    ///     .then_state(|account| assert_eq!(account.opened_at, halloween));
    /// ```
    pub fn at(self, time: Timestamp) -> Self {
        self.step(Step::Setting(Setting::At(time)))
    }

    /// What follows is done by this actor.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given_nothing()
    ///     .by("ann")
    ///     .when(OpenAccount { account: 1 })
    ///     .then_state(|account| assert_eq!(account.opened_by.as_deref(), Some("ann")));
    /// ```
    pub fn by(self, actor: impl Into<String>) -> Self {
        self.step(Step::Setting(Setting::By(actor.into())))
    }

    /// What follows has this metadata. An actor that was said before is kept where it names none.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given_nothing()
    ///     .metadata(Metadata::new().with("channel", "web"))
    ///     .when(OpenAccount { account: 1 })
    ///     .then_state(|account| assert_eq!(account.channel.as_deref(), Some("web")));
    /// ```
    pub fn metadata(self, metadata: Metadata) -> Self {
        self.step(Step::Setting(Setting::Said(metadata)))
    }

    /// What follows happens so much later.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use std::time::Duration;
    /// given_nothing()
    ///     .when_time_passes(Duration::from_secs(60))
    ///     .when(OpenAccount { account: 1 })
    ///     .then_state(|account| assert_eq!(account.opened_at, VirtualClock::START + Duration::from_secs(60)));
    /// ```
    pub fn when_time_passes(self, time: Duration) -> Self {
        self.step(Step::Setting(Setting::Pass(time)))
    }

    /// Provides a service, as in `.service::<dyn Mailer>(Arc::new(FakeMailer))`. Only the services of the
    /// commands that are given have to be there.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use std::sync::Arc;
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .service::<dyn Atm>(Arc::new(FakeAtm))
    ///     .when(CashOut { account: 1, amount: 20 })
    ///     .then(MoneyWithdrawn { amount: 20 });
    /// ```
    pub fn service<T: ?Sized + Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        self.cast.provide(service);
        self
    }

    fn step(mut self, step: Step<A>) -> Self {
        self.steps.push(step);
        self
    }

    /// Makes it all happen, with the aggregate of this id in the middle.
    pub(super) async fn happen(mut self, id: A::Id) -> Result<World, String> {
        self.guard.disarm();
        let settings = self.steps.iter().filter_map(|step| match step {
            Step::Setting(setting) => Some(setting),
            _ => None,
        });
        let start = Setting::start(settings);
        let mut world =
            World::new(self.cast, start).await.map_err(|fault| fault.told(&crate::world::Tale::default()))?;
        for step in self.steps {
            if let Err(fault) = step.happen(&mut world, &id).await {
                return Err(fault.told(&world.tale));
            }
        }
        Ok(world)
    }
}

fn record_in<B: Applier>(world: &mut World, id: B::Id, events: Vec<B::Event>) -> Happening<'_> {
    Box::pin(async move { world.record::<B>(&id, events).await })
}

impl<A: Applier> Step<A> {
    async fn happen(self, world: &mut World, id: &<A as Aggregate>::Id) -> Result<(), Fault> {
        match self {
            Self::Events(events) => world.record::<A>(id, events).await?,
            Self::Stored { name, version, payload } => {
                let bytes = serde_json::to_vec(&payload).map_err(broken)?;
                let shown = format!("\"{name}\", version {version}, {payload}");
                world.append(&A::stream(id), name, version, bytes, &shown).await?;
            }
            Self::Elsewhere(happening) => happening(world).await?,
            Self::Setting(setting) => world.hold(setting)?,
        }
        Ok(())
    }
}
