//! Then: what must have followed.

use super::guard::Guard;
use super::run::Run;
use crate::diff;
use crate::fault::Fault;
use crate::world::World;
use es_core::{Applier, IntoEvents, Life};
use std::fmt::Debug;

/// What came of a command: the last part of a scenario. Every `then_..` checks one thing and gives the
/// scenario back; another `when` goes on from here. A scenario without any `then_..` fails.
pub struct Then<A: Applier, E, R> {
    runs: Vec<Run<A, E, R>>,
    guard: Guard,
}

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
#[allow(clippy::needless_pass_by_value, reason = "what is expected is written in place")]
impl<A: Applier, E, R> Then<A, E, R> {
    #[track_caller]
    pub(super) fn of(runs: Vec<Run<A, E, R>>) -> Self {
        Self { runs, guard: Guard::until("a `.then_..(..)`") }
    }

    /// Checks one thing in every course of the scenario.
    #[track_caller]
    pub(super) fn expect(mut self, mut check: impl FnMut(&Run<A, E, R>) -> Result<(), Fault>) -> Self {
        self.guard.disarm();
        for run in &self.runs {
            if let Err(fault) = check(run) {
                panic!("{}", fault.told(&run.world.tale));
            }
        }
        self
    }

    pub(super) fn runs_mut(&mut self) -> &mut [Run<A, E, R>] {
        &mut self.runs
    }

    /// The worlds, for the next command.
    #[track_caller]
    pub(super) fn go_on(mut self) -> Vec<World> {
        if self.guard.is_armed() {
            self = self.expect(|run| match run.answers.iter().find(|answer| answer.result.is_err()) {
                Some(answer) => Err(Fault::new(format!(
                    "{} failed, and no `.then_..(..)` expected that: {}",
                    answer.command, answer.summary
                ))),
                None => Ok(()),
            });
        }
        self.runs.into_iter().map(|run| run.world).collect()
    }

    /// The command was carried out and recorded just these events, in this order.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when(Withdraw { account: 1, amount: 30 })
    ///     .then(MoneyWithdrawn { amount: 30 })
    ///     .when(CloseAccount { account: 1 })
    ///     .then([AccountClosed]);
    /// ```
    ///
    /// # Panics
    /// If it did not, with every field that differs.
    #[track_caller]
    pub fn then(self, events: impl IntoEvents<A>) -> Self {
        let mut expected = Vec::new();
        events.into_events(&mut expected);
        self.expect(|run| {
            carried_out(run)?;
            let lines = diff::events(&run.recorded(), &expected);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("other events than expected (recorded ≠ expected):").with(lines))
        })
    }

    /// The command was carried out and recorded nothing.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {}).when(Deposit { account: 1, amount: 0 }).then_nothing();
    /// ```
    ///
    /// # Panics
    /// If it was refused, or recorded something.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.expect(|run| {
            carried_out(run)?;
            let recorded = run.recorded();
            if recorded.is_empty() {
                return Ok(());
            }
            Err(Fault::new("nothing should have been recorded:").with(diff::events(&recorded, &[])))
        })
    }

    /// This event, or each of these, is among those that the command recorded.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_contains(MoneyDeposited { amount: 5 });
    /// ```
    ///
    /// # Panics
    /// If it is not, with how the recorded ones of its type differ.
    #[track_caller]
    pub fn then_contains(self, event: impl IntoEvents<A>) -> Self {
        let mut expected = Vec::new();
        event.into_events(&mut expected);
        self.expect(|run| {
            carried_out(run)?;
            let recorded = run.recorded();
            match expected.iter().find(|event| !recorded.contains(event)) {
                None => Ok(()),
                Some(missing) => {
                    let near = recorded.iter().filter_map(|event| diff::event(event, missing));
                    let headline = format!("{} was not recorded (recorded ≠ expected):", diff::show(missing));
                    Err(Fault::new(headline).with(near))
                }
            }
        })
    }

    /// The command was carried out, and this is true of the events that it recorded.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_matches(|events| matches!(events, [AccountEvent::MoneyDeposited(e)] if e.amount > 0));
    /// ```
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn then_matches(self, mut matches: impl FnMut(&[A::Event]) -> bool) -> Self {
        self.expect(|run| {
            carried_out(run)?;
            let recorded = run.recorded();
            if matches(&recorded) {
                return Ok(());
            }
            Err(Fault::new("the recorded events do not match:").with(recorded.iter().map(diff::show)))
        })
    }

    /// The command answered this.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when(Withdraw { account: 1, amount: 30 })
    ///     .then_reply(20);
    /// ```
    ///
    /// # Panics
    /// If it answered something else, or was refused.
    #[track_caller]
    pub fn then_reply(self, reply: R) -> Self
    where
        R: PartialEq + Debug,
    {
        self.expect(|run| {
            carried_out(run)?;
            let replies =
                || run.answers.iter().filter_map(|answer| Some(&answer.result.as_ref().ok()?.reply));
            if replies().any(|actual| *actual == reply) {
                return Ok(());
            }
            let mut lines: Vec<String> = replies().flat_map(|actual| diff::debug(actual, &reply)).collect();
            if lines.is_empty() {
                lines.push(format!("{reply:?} is not equal to itself"));
            }
            Err(Fault::new("another reply than expected (actual ≠ expected):").with(lines))
        })
    }

    /// Looks at the state of the aggregate now, whether the command changed it or was refused. The closure
    /// asserts what it likes.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_state(|account| assert_eq!(account.balance, 5));
    /// ```
    ///
    /// # Panics
    /// If there is no living state, or whatever the closure panics with.
    #[track_caller]
    pub fn then_state(self, mut look: impl FnMut(&A)) -> Self {
        let then = self.expect(|run| match &run.life {
            Ok(Life::Living(_)) => Ok(()),
            Ok(Life::Unborn) => Err(Fault::new(format!("there is no state: {} does not exist", run.stream))),
            Ok(Life::Ended(_)) => Err(Fault::new(format!("there is no state: {} has ended", run.stream))),
            Err(error) => Err(Fault::new(format!("there is no state: {error}"))),
        });
        for state in then.runs.iter().filter_map(|run| run.life.as_ref().ok()?.living()) {
            look(state);
        }
        then
    }

    /// The stream has this many events now.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {}).when(Deposit { account: 1, amount: 5 }).then_version(2);
    /// ```
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn then_version(self, version: u64) -> Self {
        self.expect(|run| {
            if run.version == version {
                return Ok(());
            }
            let stream = &run.stream;
            Err(Fault::new(format!(
                "{stream} is at another version than expected: {} ≠ {version}",
                run.version
            )))
        })
    }

    /// The command was decided this often: once, and again for each conflict. It holds for a command that
    /// was refused in the end, too.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when_raced_by(MoneyDeposited { amount: 1 }, Deposit { account: 1, amount: 5 })
    ///     .then(MoneyDeposited { amount: 5 })
    ///     .then_attempts(2);
    /// ```
    ///
    /// # Panics
    /// If it was decided more or less often.
    #[track_caller]
    pub fn then_attempts(self, attempts: u32) -> Self {
        self.expect(|run| {
            let most = run.answers.iter().map(|answer| answer.attempts).max().unwrap_or_default();
            if most == attempts {
                return Ok(());
            }
            Err(Fault::new(format!("another number of attempts than expected: {most} ≠ {attempts}")))
        })
    }
}

/// At least one command was carried out.
fn carried_out<A: Applier, E, R>(run: &Run<A, E, R>) -> Result<(), Fault> {
    if run.answers.iter().any(|answer| answer.result.is_ok()) {
        return Ok(());
    }
    let refused = run.answers.iter().map(|answer| format!("{}: {}", answer.command, answer.summary));
    Err(Fault::new("the command was not carried out:").with(refused))
}
