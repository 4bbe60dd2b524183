//! Then: what a reactor must have done.

use super::commands::{self, difference, differences};
use super::lane::{Lane, Standing};
use super::stage::Stage;
use crate::fault::Fault;
use crate::scenario::guard::Guard;
use crate::world::block_on;
use es_core::jiff::Timestamp;
use es_core::{Clock, Command, IntoCommands, React};
use std::time::Duration;

/// What came of an event: the last part of a reactor's scenario. Every `then_..` checks one thing and gives
/// the scenario back; another `when` goes on from here. A scenario without any `then_..` fails.
pub struct ThenReactor<R: React> {
    stage: Stage<R>,
    guard: Guard,
}

/// When a timer is due: at a time, or so long after now.
pub trait TimerDue {
    /// The time, where it is `now`; `None` if there is no such time.
    #[doc(hidden)]
    fn due(self, now: Timestamp) -> Option<Timestamp>;
}

impl TimerDue for Timestamp {
    fn due(self, _: Timestamp) -> Option<Timestamp> {
        Some(self)
    }
}

impl TimerDue for Duration {
    fn due(self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(self).ok()
    }
}

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
impl<R: React> ThenReactor<R> {
    #[track_caller]
    pub(super) fn of(stage: Stage<R>) -> Self {
        Self { stage, guard: Guard::until("a `.then_..(..)`") }
    }

    #[track_caller]
    fn expect(mut self, check: impl FnOnce(&Stage<R>) -> Result<(), Fault>) -> Self {
        self.guard.disarm();
        if let Err(fault) = check(&self.stage) {
            panic!("{}", fault.told(&self.stage.world.tale));
        }
        self
    }

    /// The stage, for the next `when`.
    #[track_caller]
    pub(super) fn go_on(mut self) -> Stage<R> {
        if self.guard.is_armed() {
            self = self.expect(succeeded);
        }
        self.stage
    }

    /// Just these commands were issued, in this order: a command, a tuple or a `Vec`. Timers that were set are
    /// not among them; those that fired are.
    ///
    /// # Panics
    /// If others were, with every field that differs, or if the reactor failed.
    #[track_caller]
    pub fn then_commands(self, commands: impl IntoCommands) -> Self {
        let expected = commands::expected(commands);
        self.expect(|stage| {
            succeeded(stage)?;
            let issued: Vec<_> = stage.came.commands.iter().collect();
            let lines = differences(&issued, &expected?);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("other commands than expected (issued ≠ expected):").with(lines))
        })
    }

    /// No command was issued. A timer may have been set.
    ///
    /// # Panics
    /// If one was, or if the reactor failed.
    #[track_caller]
    pub fn then_no_commands(self) -> Self {
        self.expect(|stage| {
            succeeded(stage)?;
            let issued: Vec<_> = stage.came.commands.iter().collect();
            if issued.is_empty() {
                return Ok(());
            }
            Err(Fault::new("no command should have been issued:").with(differences(&issued, &[])))
        })
    }

    /// Looks at the state that a key has now. The closure asserts what it likes.
    ///
    /// # Panics
    /// If it has none, or whatever the closure panics with.
    #[track_caller]
    pub fn then_state(mut self, key: &R::Key, look: impl FnOnce(&R)) -> Self {
        let mut found = None;
        self = self.expect(|stage| {
            found = Some(state(stage, key)?);
            Ok(())
        });
        if let Some(state) = &found {
            look(state);
        }
        self
    }

    /// The process of a key has ended: it has neither state nor timers.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// reactor::<Fees>()
    ///     .given(&1, MoneyWithdrawn { amount: 5 })
    ///     .when(&1, AccountClosed)
    ///     .then_ended(&1);
    /// ```
    ///
    /// # Panics
    /// If it has, or if the reactor has never seen the key.
    #[track_caller]
    pub fn then_ended(self, key: &R::Key) -> Self {
        self.expect(|stage| {
            let Some(lane) = lane(stage, key).filter(|lane| lane.seen) else {
                return Err(Fault::new(format!("{key:?} has not ended: the reactor has never seen it")));
            };
            let Some(state) = &lane.state else { return Ok(()) };
            let state = String::from_utf8_lossy(state).into_owned();
            Err(Fault::new(format!("{key:?} has not ended, its state is:")).with([state]))
        })
    }

    /// A timer is set that issues this command at this time, or so long after now.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// reactor::<Fees>()
    ///     .when(&1, MoneyWithdrawn { amount: 5 })
    ///     .then_timer(IDLE, CloseAccount { account: 1 });
    /// ```
    ///
    /// # Panics
    /// If there is none, with those that are set.
    #[track_caller]
    pub fn then_timer(self, due: impl TimerDue, command: impl Command) -> Self {
        let expected = commands::expected(command);
        self.expect(|stage| {
            let due = due.due(stage.world.clock.now());
            let set: Vec<_> = stage.lanes.iter().flat_map(|lane| &lane.timers).collect();
            for expected in expected? {
                let is_set = |command| {
                    due.is_some_and(|due| {
                        set.iter().any(|timer| timer.due == due && timer.command == command)
                    })
                };
                if is_set(expected.clone()) {
                    continue;
                }
                let time = due.map_or_else(|| "beyond the year 9999".to_owned(), |due| format!("at {due}"));
                let near = set.iter().map(|timer| {
                    let same = timer.command.name == expected.name;
                    let fields = difference(&timer.command, &expected).filter(|_| same);
                    format!(
                        "{}{}",
                        timer.show(),
                        fields.map_or_else(String::new, |fields| format!(" ({fields})"))
                    )
                });
                let set: Vec<_> = near.map(|timer| format!("set is {timer}")).collect();
                let headline = format!("no timer is set for {} {time}", commands::show(&expected));
                return Err(Fault::new(headline).with(set));
            }
            Ok(())
        })
    }

    /// The reactor failed: a method answered an error or panicked. It would be tried again, as
    /// `.when_redelivered()` does.
    ///
    /// # Panics
    /// If nothing failed, or if no attempt is left.
    #[track_caller]
    pub fn then_retry(self) -> Self {
        self.expect(|stage| {
            if stage.came.failed.is_empty() {
                return Err(Fault::new("something should be tried again, and nothing failed"));
            }
            stage.came.failed.iter().try_for_each(|at| stage.has_attempts(*at))
        })
    }

    /// The reactor failed for good: it is tried as often as its `retry(..)` says, fails each time, and is set
    /// aside. Later events of the key wait behind it.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use std::sync::Arc;
    /// reactor::<Welcome>()
    ///     .service::<dyn Mailer>(Arc::new(BrokenMailer))
    ///     .when(&1, AccountOpened {})
    ///     .then_retry()
    ///     .then_parked();
    /// ```
    ///
    /// # Panics
    /// If nothing failed, if a further attempt does not fail, or if `on_failure` is not `park`.
    #[track_caller]
    pub fn then_parked(mut self) -> Self {
        self.guard.disarm();
        if let Err(fault) = block_on(self.stage.park()) {
            panic!("{}", fault.told(&self.stage.world.tale));
        }
        self
    }
}

/// Nothing failed in the last `when`.
fn succeeded<R: React>(stage: &Stage<R>) -> Result<(), Fault> {
    let why = stage.came.failed.iter().filter_map(|at| match &stage.lanes[*at].standing {
        Standing::Failed { why, .. } => Some(format!("{:?}: {why}", stage.lanes[*at].key)),
        _ => None,
    });
    let why: Vec<_> = why.collect();
    if why.is_empty() {
        return Ok(());
    }
    Err(Fault::new("the reactor failed (`.then_retry()` and `.then_parked()` expect that):").with(why))
}

fn lane<'s, R: React>(stage: &'s Stage<R>, key: &R::Key) -> Option<&'s Lane<R>> {
    stage.lanes.iter().find(|lane| lane.key == *key)
}

fn state<R: React>(stage: &Stage<R>, key: &R::Key) -> Result<R, Fault> {
    let Some(codec) = R::SPEC.state else {
        return Err(Fault::new(format!("there is no state: {} keeps none", R::NAME)));
    };
    let lane = lane(stage, key);
    match lane.and_then(|lane| lane.state.as_deref()) {
        Some(stored) => (codec.decode)(stored)
            .map_err(|error| Fault::new(format!("the state of {key:?} cannot be read back: {error}"))),
        None if lane.is_some_and(|lane| lane.seen) => {
            Err(Fault::new(format!("there is no state: {key:?} has ended")))
        }
        None => Err(Fault::new(format!("there is no state: the reactor has never seen {key:?}"))),
    }
}
