//! Then, where the command was refused: by its handler, an invariant, the aggregate's life or its history.

use super::answer::Answer;
use super::then::Then;
use super::verdict::Verdict;
use crate::fault::Fault;
use es_core::{Applier, CommandError, DecodeError};
use std::fmt::Debug;

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
#[allow(clippy::needless_pass_by_value, reason = "what is expected is written in place")]
impl<A: Applier, E, R> Then<A, E, R> {
    /// The handler, or a `#[validate]`, refused the command with this error.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
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
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when(Withdraw { account: 1, amount: 80 })
    ///     .then_error_matches(|error| matches!(error, AccountError::Overdraft { .. }));
    /// ```
    ///
    /// # Panics
    /// If the command was not refused, or if it is not true.
    #[track_caller]
    pub fn then_error_matches(self, mut matches: impl FnMut(&E) -> bool) -> Self {
        self.expect_failure("be refused with a matching error", |actual| match actual {
            CommandError::Rejected(actual) => Verdict::of(matches(actual)),
            _ => Verdict::Another,
        })
    }

    /// An invariant refused the new state with this error.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {})
    ///     .when(ForceWithdraw { account: 1, amount: 80 })
    ///     .then_invariant(AccountError::Overdrawn);
    /// ```
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
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given_nothing().when(Deposit { account: 1, amount: 5 }).then_not_found();
    /// ```
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
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given(AccountOpened {}).when(OpenAccount { account: 1 }).then_already_exists();
    /// ```
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
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, AccountClosed)).when(Deposit { account: 1, amount: 5 }).then_ended();
    /// ```
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn then_ended(self) -> Self {
        self.expect_failure("find that the aggregate has ended", |actual| {
            Verdict::of(matches!(actual, CommandError::Ended { .. }))
        })
    }

    /// Others were faster as often as the handler's retry policy allows.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// given((AccountOpened {}, MoneyDeposited { amount: 50 }))
    ///     .when_raced_by(MoneyDeposited { amount: 1 }, ForceWithdraw { account: 1, amount: 5 })
    ///     .then_conflict();
    /// ```
    ///
    /// # Panics
    /// If the command answered anything else.
    #[track_caller]
    pub fn then_conflict(self) -> Self {
        self.expect_failure("give up after conflicts", |actual| {
            Verdict::of(matches!(actual, CommandError::Conflict { .. }))
        })
    }

    /// What is recorded cannot be read: a name or a version that this code does not know, a payload that is
    /// not what its type expects, or a broken order of birth, life and end. The closure asserts what it
    /// likes about the error.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use es_core::serde_json::json;
    /// given(AccountOpened {})
    ///     .given_stored("account.frozen", 1, json!({}))
    ///     .when(Deposit { account: 1, amount: 5 })
    ///     .then_unreadable(|error| assert!(error.to_string().contains("account.frozen")));
    /// ```
    ///
    /// # Panics
    /// If it can be read, or whatever the closure panics with.
    #[track_caller]
    pub fn then_unreadable(self, mut look: impl FnMut(&DecodeError)) -> Self {
        let mut then = self.expect_failure("find an unreadable history", |actual| {
            Verdict::of(matches!(actual, CommandError::Decode(_)))
        });
        for answer in then.runs_mut().iter().flat_map(|run| &run.answers) {
            if let Err(CommandError::Decode(error)) = &answer.result {
                look(error);
            }
        }
        then
    }

    /// At least one command has failed in the right way.
    #[track_caller]
    fn expect_failure(self, expected: &str, mut judge: impl FnMut(&CommandError<E>) -> Verdict) -> Self {
        self.expect(|run| {
            let mut lines = Vec::new();
            for answer in &run.answers {
                match answer.result.as_ref().map_or_else(&mut judge, |_| Verdict::Another) {
                    Verdict::Right => return Ok(()),
                    Verdict::Because(reasons) => lines.extend(reasons),
                    Verdict::Another => {}
                }
            }
            let what = |answer: &Answer<A, E, R>| {
                format!("{} should {expected}; {}", answer.command, answer.summary)
            };
            let mut headlines = run.answers.iter().map(what);
            let headline = headlines.next().unwrap_or_default();
            Err(Fault::new(headline).with(headlines.chain(lines)))
        })
    }
}
