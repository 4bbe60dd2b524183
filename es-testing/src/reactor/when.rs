//! When: an event comes to a reactor; or time passes, or a command is refused.

use super::given::GivenReactor;
use super::stage::{Came, Mode, Stage};
use super::then::ThenReactor;
use crate::fault::Fault;
use crate::happening::{self, Happening};
use crate::world::block_on;
use es_core::{AggregateId, BoxFuture, Command, CommandError, ErrorOf, Event, Handle, React};
use std::time::Duration;

impl<R: React> GivenReactor<R> {
    /// An event happens on the stream of this id, and the reactor is given it once.
    ///
    /// # Panics
    /// If something that was given cannot be taken, if a service is missing, or if a law is broken.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when(self, id: &impl AggregateId, event: impl Event) -> ThenReactor<R> {
        self.begin().when(happening::on_stream(id, R::NAME, event))
    }

    /// The last event comes once more, under its own id. A reactor with state takes it only once; one without
    /// is given it again, with the same attempt and the same ids, and a command that it issues again is not
    /// carried out again.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// reactor::<Fees>()
    ///     .given(&1, MoneyWithdrawn { amount: 5 })
    ///     .when(&1, MoneyWithdrawn { amount: 5 })
    ///     .then_commands(ChargeFee { account: 1 })
    ///     .when_redelivered()
    ///     .then_no_commands();
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when), and if there was no event.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_redelivered(self) -> ThenReactor<R> {
        self.begin().when_redelivered()
    }

    /// A command that the reactor has issued is refused with this error. Its method for `&Refused<C>` is told
    /// of it; where there is none, the refusal is parked, or whatever `on_failure` says.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// let ended = CommandError::Rejected(AccountError::Overdrawn);
    /// reactor::<Fees>()
    ///     .given(&1, MoneyWithdrawn { amount: 5 })
    ///     .when(&1, MoneyWithdrawn { amount: 5 })
    ///     .then_commands(ChargeFee { account: 1 })
    ///     .when_refused(ChargeFee { account: 1 }, ended)
    ///     .then_commands(CloseAccount { account: 1 });
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when), if the reactor has issued no such command, and if the error is no refusal.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_refused<C>(self, command: C, error: CommandError<ErrorOf<C>>) -> ThenReactor<R>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.begin().when_refused(command, error)
    }

    /// Time passes. The timers that are due by then issue their commands, the earliest first.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// reactor::<Fees>()
    ///     .when(&1, MoneyWithdrawn { amount: 5 })
    ///     .then_no_commands()
    ///     .when_time_passes(IDLE)
    ///     .then_commands(CloseAccount { account: 1 });
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when), and if that is beyond the year 9999.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_time_passes(self, time: Duration) -> ThenReactor<R> {
        self.begin().when_time_passes(time)
    }
}

impl<R: React> ThenReactor<R> {
    /// The story goes on with another event.
    ///
    /// # Panics
    /// As [`GivenReactor::when`], and if the event before failed and nothing expected that.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when(self, id: &impl AggregateId, event: impl Event) -> Self {
        self.go_on().when(happening::on_stream(id, R::NAME, event))
    }

    /// The last event comes once more, as in [`GivenReactor::when_redelivered`]. If it failed, this is the
    /// next attempt.
    ///
    /// # Panics
    /// As [`when`](Self::when), and if no attempt is left.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_redelivered(self) -> Self {
        self.go_on().when_redelivered()
    }

    /// A command that the reactor has issued is refused, as in [`GivenReactor::when_refused`].
    ///
    /// # Panics
    /// As [`GivenReactor::when_refused`] and [`when`](Self::when).
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_refused<C>(self, command: C, error: CommandError<ErrorOf<C>>) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.go_on().when_refused(command, error)
    }

    /// Time passes, as in [`GivenReactor::when_time_passes`].
    ///
    /// # Panics
    /// As [`GivenReactor::when_time_passes`] and [`when`](Self::when).
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_time_passes(self, time: Duration) -> Self {
        self.go_on().when_time_passes(time)
    }
}

impl<R: React> Stage<R> {
    #[track_caller]
    fn when(self, happenings: Result<Vec<Happening>, Fault>) -> ThenReactor<R> {
        self.play(|stage| {
            Box::pin(async move {
                for happening in happenings? {
                    let event = stage.world.happen("when", happening).await?;
                    stage.deliver(&event, Mode::Aloud).await?;
                }
                Ok(())
            })
        })
    }

    #[track_caller]
    fn when_redelivered(self) -> ThenReactor<R> {
        self.play(|stage| Box::pin(stage.redeliver()))
    }

    #[track_caller]
    fn when_refused<C>(self, command: C, error: CommandError<ErrorOf<C>>) -> ThenReactor<R>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        self.play(|stage| Box::pin(stage.refuse(command, error)))
    }

    #[track_caller]
    fn when_time_passes(self, time: Duration) -> ThenReactor<R> {
        self.play(move |stage| Box::pin(async move { stage.pass(time) }))
    }

    /// Does one `when`, of which nothing has come yet.
    #[track_caller]
    fn play(
        mut self,
        act: impl for<'s> FnOnce(&'s mut Self) -> BoxFuture<'s, Result<(), Fault>> + Send,
    ) -> ThenReactor<R> {
        self.came = Came::default();
        match block_on(act(&mut self)) {
            Ok(()) => ThenReactor::of(self),
            Err(fault) => panic!("{}", fault.told(&self.world.tale)),
        }
    }
}
