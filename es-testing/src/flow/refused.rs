//! Then, where the command was refused; and what it answered, where it was not.

use super::then::ThenFlow;
use crate::diff;
use crate::fault::Fault;
use crate::scenario::Verdict;
use es_core::CommandError;
use std::fmt::Debug;

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
#[allow(clippy::needless_pass_by_value, reason = "what is expected is written in place")]
impl<E, R> ThenFlow<E, R> {
    /// The handler, or a `#[validate]`, refused the command with this error.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank)
    ///     .given(&1, AccountOpened {})
    ///     .when(Withdraw { account: 1, amount: 80 })
    ///     .then_error(AccountError::Overdraft { available: 0 });
    /// ```
    ///
    /// # Panics
    /// If it did not, with every field of the error that differs.
    #[track_caller]
    pub fn then_error(self, error: E) -> Self
    where
        E: PartialEq + Debug,
    {
        let expected = format!("be refused with {error:?}");
        self.expect_failure(&expected, |actual| Verdict::rejected(actual, &error))
    }

    /// The handler, or a `#[validate]`, refused the command, and this is true of its error.
    ///
    /// # Panics
    /// If the command was not refused, or if it is not true.
    #[track_caller]
    pub fn then_error_matches(self, matches: impl FnOnce(&E) -> bool) -> Self {
        self.expect_failure("be refused with a matching error", |actual| match actual {
            CommandError::Rejected(actual) => Verdict::of(matches(actual)),
            _ => Verdict::Another,
        })
    }

    /// An invariant refused the new state with this error.
    ///
    /// # Panics
    /// If none did, with every field of the error that differs.
    #[track_caller]
    pub fn then_invariant(self, error: E) -> Self
    where
        E: PartialEq + Debug,
    {
        let expected = format!("be refused by an invariant with {error:?}");
        self.expect_failure(&expected, |actual| Verdict::invariant(actual, &error))
    }

    /// There is no such aggregate.
    ///
    /// # Panics
    /// If the command found one.
    #[track_caller]
    pub fn then_not_found(self) -> Self {
        self.expect_failure("find no aggregate", |actual| {
            Verdict::of(matches!(actual, CommandError::NotFound { .. }))
        })
    }

    /// The command creates, and the aggregate is there already.
    ///
    /// # Panics
    /// If it answered anything else.
    #[track_caller]
    pub fn then_already_exists(self) -> Self {
        self.expect_failure("find that the aggregate exists already", |actual| {
            Verdict::of(matches!(actual, CommandError::AlreadyExists { .. }))
        })
    }

    /// The aggregate has ended.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn then_ended(self) -> Self {
        self.expect_failure("find that the aggregate has ended", |actual| {
            Verdict::of(matches!(actual, CommandError::Ended { .. }))
        })
    }

    /// The command answered this.
    ///
    /// # Panics
    /// If it answered something else, or was refused.
    #[track_caller]
    pub fn then_reply(self, reply: R) -> Self
    where
        R: PartialEq + Debug,
    {
        let checked = match &self.said {
            None => Err(Fault::new("no command came that could answer")),
            Some(said) => match &said.result {
                Ok(actual) if *actual == reply => Ok(()),
                Ok(actual) => Err(Fault::new("another reply than expected (actual ≠ expected):")
                    .with(diff::debug(actual, &reply))),
                Err(_) => {
                    let line = format!("{}: {}", said.command, said.summary);
                    Err(Fault::new("the command was not carried out:").with([line]))
                }
            },
        };
        self.checked(checked)
    }

    #[track_caller]
    fn expect_failure(self, expected: &str, judge: impl FnOnce(&CommandError<E>) -> Verdict) -> Self {
        let checked = match &self.said {
            None => Err(Fault::new(format!("a command should {expected}, and none came"))),
            Some(said) => {
                let verdict = said.result.as_ref().err().map_or(Verdict::Another, judge);
                let fault = || Fault::new(format!("{} should {expected}; {}", said.command, said.summary));
                match verdict {
                    Verdict::Right => Ok(()),
                    Verdict::Because(lines) => Err(fault().with(lines)),
                    Verdict::Another => Err(fault()),
                }
            }
        };
        self.checked(checked)
    }
}
