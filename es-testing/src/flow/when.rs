//! When: a command comes to an app, or time passes, or the app is disturbed.

use super::given::GivenFlow;
use super::stage::Stage;
use super::then::ThenFlow;
use crate::fault::Fault;
use crate::world::block_on_paused;
use es_core::{Command, CommandGroup, DomainError, ErrorOf, Handle, ReplyOf};
use std::fmt::Debug;
use std::time::Duration;

type ThenOf<C> = ThenFlow<ErrorOf<C>, ReplyOf<C>>;
type ThenOfAll<G> = ThenFlow<DomainError, <G as CommandGroup>::Done>;

impl GivenFlow {
    /// A command comes, and all is done that follows from it.
    ///
    /// # Panics
    /// If something that was given cannot be recorded, if the app cannot be built, if a reactor or a
    /// projection stops, or if a law is broken.
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when<C>(self, command: C) -> ThenOf<C>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        when(self.begin(), command)
    }

    /// Several commands come, which are carried out in one commit: a tuple, or a `Vec` of one type.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank)
    ///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .given(&2, AccountOpened {})
    ///     .when_all((Withdraw { account: 1, amount: 20 }, Deposit { account: 2, amount: 20 }))
    ///     .then_recorded(&1, MoneyWithdrawn { amount: 20 })
    ///     .then_recorded(&2, MoneyDeposited { amount: 20 });
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_all<G: CommandGroup + Debug>(self, commands: G) -> ThenOfAll<G> {
        when_all(self.begin(), commands)
    }

    /// Time passes. The clock goes from one timer that is due to the next, and what each of them leads to is
    /// done before it goes on.
    ///
    /// # Panics
    /// As [`when`](Self::when), and if that is beyond the year 9999.
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_time_passes(self, time: Duration) -> ThenFlow {
        time_passes(self.begin(), time)
    }
}

impl<E, R> ThenFlow<E, R> {
    /// The story goes on with another command. If nothing was said about the command before, it must have
    /// been carried out.
    ///
    /// # Panics
    /// As [`GivenFlow::when`], and if the command before was refused and nothing expected that.
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when<C>(self, command: C) -> ThenOf<C>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        when(self.go_on(), command)
    }

    /// The story goes on with several commands in one commit, as in [`GivenFlow::when_all`].
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_all<G: CommandGroup + Debug>(self, commands: G) -> ThenOfAll<G> {
        when_all(self.go_on(), commands)
    }

    /// Time passes, as in [`GivenFlow::when_time_passes`].
    ///
    /// # Panics
    /// As [`when`](Self::when), and if that is beyond the year 9999.
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_time_passes(self, time: Duration) -> ThenFlow {
        time_passes(self.go_on(), time)
    }

    /// Each reactor is given its last event once more, as if its process had died before it could write how
    /// far it was. Effects are repeated, under the same ids; nothing else may follow from it, which is a law.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank)
    ///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }, MoneyWithdrawn { amount: 5 }))
    ///     .when(Withdraw { account: 1, amount: 10 })
    ///     .then_recorded(&1, (MoneyWithdrawn { amount: 10 }, MoneyWithdrawn { amount: 1 }))
    ///     .when_redelivered()
    ///     .then_nothing();
    /// ```
    ///
    /// # Panics
    /// If anything follows from it, and if no reactor has got an event.
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_redelivered(self) -> ThenFlow {
        let mut stage = self.go_on();
        let done = block_on_paused(stage.when_redelivered());
        then(stage, done)
    }

    /// The app ends, and another one is started over the same store.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank)
    ///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when(Withdraw { account: 1, amount: 10 })
    ///     .then_recorded(&1, MoneyWithdrawn { amount: 10 })
    ///     .when_restarted()
    ///     .then_timer(IDLE, CloseAccount { account: 1 });
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "a flow needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_restarted(self) -> ThenFlow {
        let mut stage = self.go_on();
        let done = block_on_paused(stage.when_restarted());
        then(stage, done)
    }
}

#[track_caller]
fn when<C>(mut stage: Stage, command: C) -> ThenOf<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    match block_on_paused(stage.when(command)) {
        Ok(said) => ThenFlow::of(stage, Some(said)),
        Err(fault) => panic!("{}", fault.told(&stage.world.tale)),
    }
}

#[track_caller]
fn when_all<G: CommandGroup + Debug>(mut stage: Stage, commands: G) -> ThenOfAll<G> {
    match block_on_paused(stage.when_all(commands)) {
        Ok(said) => ThenFlow::of(stage, Some(said)),
        Err(fault) => panic!("{}", fault.told(&stage.world.tale)),
    }
}

#[track_caller]
fn time_passes(mut stage: Stage, time: Duration) -> ThenFlow {
    let done = block_on_paused(stage.when_time_passes(time));
    then(stage, done)
}

#[track_caller]
fn then(stage: Stage, done: Result<(), Fault>) -> ThenFlow {
    match done {
        Ok(()) => ThenFlow::of(stage, None),
        Err(fault) => panic!("{}", fault.told(&stage.world.tale)),
    }
}
