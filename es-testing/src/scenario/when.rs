//! When: a command comes, alone or in a race, to a scenario's beginning or to its continuation.

use super::act::Plan;
use super::given::Given;
use super::run::{Run, run};
use super::then::Then;
use crate::world::{World, block_on};
use es_core::{Applier, Command, ErrorOf, Handle, IntoEvents, ReplyOf};
use std::time::Duration;

type ThenOf<A, C> = Then<A, ErrorOf<C>, ReplyOf<C>>;

impl<A: Applier> Given<A> {
    /// A command comes. What was given lies on the stream of the command's id.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {}).when(Deposit { account: 1, amount: 5 }).then(MoneyDeposited { amount: 5 });
    /// ```
    ///
    /// # Panics
    /// If something that was given cannot be recorded, or if a law is broken.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when<C>(self, command: C) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.begin(&command), vec![Plan::Alone(command)])
    }

    /// Two commands on one aggregate race, in both orders: each time both have read the same state, one is
    /// faster, and the other meets the conflict and is decided again. What follows has to hold in both
    /// orders: events are those of both commands, an error or a reply is that of one of them, attempts are
    /// those of the one that had more.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when_race([Withdraw { account: 1, amount: 30 }, Withdraw { account: 1, amount: 40 }])
    ///     .then_matches(|events| events.len() == 1)
    ///     .then_error_matches(|error| matches!(error, AccountError::Overdraft { .. }))
    ///     .then_attempts(2);
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when), and if the commands are for different aggregates.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_race<C>(self, commands: [C; 2]) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.begin(&commands[0]), both_orders(commands))
    }

    /// A command comes, and between its read and its append a rival records these events.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when_raced_by(MoneyWithdrawn { amount: 40 }, Withdraw { account: 1, amount: 30 })
    ///     .then_error(AccountError::Overdraft { available: 10 })
    ///     .then_attempts(2);
    /// ```
    ///
    /// # Panics
    /// As [`when`](Self::when), and if the command decides on nothing to append, since then nobody can be
    /// faster.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_raced_by<C>(self, rival: impl IntoEvents<A>, command: C) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.begin(&command), vec![raced(rival, command)])
    }

    /// The world of this scenario at the moment of its first command.
    #[track_caller]
    fn begin<C: Command<Aggregate = A>>(self, command: &C) -> Vec<World> {
        match block_on(self.happen(command.id().clone())) {
            Ok(world) => vec![world],
            Err(failure) => panic!("{failure}"),
        }
    }
}

impl<A: Applier, E, R> Then<A, E, R> {
    /// The story goes on with another command, on what is recorded now. If nothing was said about the
    /// command before, it must have been carried out.
    ///
    /// # Panics
    /// If a law is broken, or if the command before was refused and nothing expected that.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when<C>(self, command: C) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.go_on(), vec![Plan::Alone(command)])
    }

    /// The story goes on with a race of two commands, as in [`Given::when_race`].
    ///
    /// # Panics
    /// As [`Given::when_race`] and [`when`](Self::when).
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_race<C>(self, commands: [C; 2]) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.go_on(), both_orders(commands))
    }

    /// The story goes on with a command that a rival is faster than, as in [`Given::when_raced_by`].
    ///
    /// # Panics
    /// As [`Given::when_raced_by`] and [`when`](Self::when).
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_raced_by<C>(self, rival: impl IntoEvents<A>, command: C) -> ThenOf<A, C>
    where
        C: Command<Aggregate = A>,
        C::Aggregate: Handle<C>,
    {
        act(self.go_on(), vec![raced(rival, command)])
    }

    /// What follows happens so much later.
    ///
    /// # Panics
    /// If that is beyond the year 9999.
    #[must_use = "a scenario needs a `.then_..(..)`"]
    #[track_caller]
    pub fn when_time_passes(mut self, time: Duration) -> Self {
        for run in self.runs_mut() {
            if let Err(fault) = run.world.pass(time) {
                panic!("{}", fault.told(&run.world.tale));
            }
        }
        self
    }
}

fn raced<A: Applier, C>(rival: impl IntoEvents<A>, command: C) -> Plan<A, C> {
    let mut events = Vec::new();
    rival.into_events(&mut events);
    Plan::Raced { rival: events, command }
}

#[track_caller]
fn both_orders<A: Applier, C: Command<Aggregate = A>>([a, b]: [C; 2]) -> Vec<Plan<A, C>> {
    assert!(
        a.id() == b.id(),
        "a race is between two commands on one aggregate, not on {:?} and {:?}",
        a.id(),
        b.id()
    );
    let reverse = Plan::Pair { first: b.clone(), second: a.clone() };
    vec![Plan::Pair { first: a, second: b }, reverse]
}

/// Plays every plan in every world.
#[track_caller]
fn act<A, C>(worlds: Vec<World>, plans: Vec<Plan<A, C>>) -> ThenOf<A, C>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    match block_on(play_all(worlds, plans)) {
        Ok(runs) => Then::of(runs),
        Err(failure) => panic!("{failure}"),
    }
}

async fn play_all<A, C>(
    worlds: Vec<World>,
    plans: Vec<Plan<A, C>>,
) -> Result<Vec<Run<A, ErrorOf<C>, ReplyOf<C>>>, String>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    let mut runs = Vec::new();
    for world in worlds {
        let mut courses = vec![world];
        for _ in 1..plans.len() {
            let fork = courses[0].fork().await;
            courses.push(fork.map_err(|fault| fault.told(&courses[0].tale))?);
        }
        for (mut world, plan) in courses.into_iter().zip(plans.iter().cloned()) {
            if let Plan::Pair { first, .. } = &plan {
                let before =
                    world.tale.course.take().map(|before| format!("{before}, and then ")).unwrap_or_default();
                world.tale.course = Some(format!("{before}{first:?} is faster"));
            }
            runs.push(run(world, plan).await?);
        }
    }
    Ok(runs)
}
