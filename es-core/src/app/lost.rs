//! What a command does when somebody else was faster.

use super::App;
use super::append::{is_conflict, refused};
use super::copies::Copies;
use super::decide::Terms;
use super::inline::Failure;
use super::queue::Turn;
use crate::command::{Command, Handle};
use crate::error::{CommandError, StoreError};
use crate::id::StreamId;
use crate::retry::RetryPolicy;
use crate::service::BoxFuture;
use crate::store::{AppendError, Appended};
use std::slice;

/// What is to be awaited before the next attempt.
type Again<'a> = BoxFuture<'a, Result<(), Failure>>;

/// The turns on streams that a command has not been given for. Boxed, as few commands have any.
pub(super) struct Turns {
    held: Vec<Option<Turn>>,
}

/// An attempt whose commit was not stored.
pub(super) struct Lost<'a> {
    pub app: &'a App,
    /// The streams that it has queued for.
    pub own: &'a [StreamId],
    /// The turns on those.
    pub turns: &'a mut [Option<Turn>],
    /// What it would have stored beside those.
    pub joined: Option<&'a Copies>,
    /// The turns on the streams of that, from the first conflict on.
    pub beside: &'a mut Option<Box<Turns>>,
    pub policy: &'a RetryPolicy,
    pub attempts: u32,
    pub is_last: bool,
}

impl<'a> Lost<'a> {
    /// A command that would have stored nothing beside its own stream.
    pub(super) fn alone<C>(
        app: &'a App,
        terms: &'a Terms,
        attempts: u32,
        turns: &'a mut [Option<Turn>],
        beside: &'a mut Option<Box<Turns>>,
    ) -> Self
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let policy = &<C::Aggregate as Handle<C>>::RETRY;
        let is_last = terms.expected.is_some() || attempts > policy.max;
        Self {
            app,
            own: slice::from_ref(&terms.stream),
            turns,
            joined: None,
            beside,
            policy,
            attempts,
            is_last,
        }
    }

    /// What was appended; `None` if there is a next attempt, and what it takes to wait for that is done.
    ///
    /// # Errors
    /// What the caller of the command hears.
    pub(super) async fn unless(
        self,
        outcome: Result<Appended, StoreError>,
    ) -> Result<Option<Appended>, Failure> {
        match outcome {
            Ok(appended) => Ok(Some(appended)),
            Err(error) => self.again(error).await.map(|()| None),
        }
    }

    /// Makes ready for the next attempt, on states that are to be compared with their streams first. Boxed, so
    /// that a command whose commit is stored does not carry what it takes to wait.
    ///
    /// # Errors
    /// What the caller of the command hears, if there is no next one.
    pub(super) fn again(self, error: StoreError) -> Again<'a> {
        Box::pin(async move {
            if !is_conflict(&error) {
                return Err(refused(error));
            }
            if let StoreError::Append(AppendError::Changed { collection, .. }) = &error {
                self.app.inlines().look(self.app, collection).await?;
            }
            self.retry().await
        })
    }

    /// As [`again`](Self::again), where a conflict is all that happened.
    ///
    /// # Errors
    /// [`CommandError::Conflict`] if there is no next attempt.
    pub(super) fn retry(mut self) -> Again<'a> {
        Box::pin(async move {
            if self.is_last {
                self.drop_states();
                return Err(CommandError::Conflict { attempts: self.attempts });
            }
            self.queue().await;
            let pause = self.policy.pause(self.attempts);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(())
        })
    }

    /// Nothing is to be decided again on what has just proved to be outdated.
    fn drop_states(&self) {
        self.own.iter().for_each(|stream| self.app.cache().drop_state(stream));
        if let Some(joined) = self.joined {
            joined.drop_states();
        }
    }

    /// Queues for the streams that only the answers of inline reactors have led to, and where a turn was taken over.
    /// Two commands may wait for each other by that, until one takes the other's turn.
    async fn queue(&mut self) {
        let beside = self.beside.iter_mut().flat_map(|turns| &mut turns.held);
        for turn in self.turns.iter_mut().chain(beside) {
            Turn::renew(turn).await;
        }
        let (None, Some(joined)) = (&self.beside, self.joined) else { return };
        let beside = joined.beside(self.own);
        let mut held = Vec::with_capacity(beside.len());
        for stream in beside {
            held.push(self.app.queues().turn(&stream).await);
        }
        if !held.is_empty() {
            *self.beside = Some(Box::new(Turns { held }));
        }
    }
}
