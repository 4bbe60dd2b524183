//! Timers, and what else comes without a new event: a repetition, a refusal.

use super::commands;
use super::lane::{Asked, Pending, Standing, Work};
use super::stage::{Mode, Stage};
use crate::fault::Fault;
use es_core::__testing::{Message, OnFailure, Takes};
use es_core::jiff::Timestamp;
use es_core::{Clock, Command, CommandError, ErrorOf, Handle, React, Refused};
use std::sync::Arc;
use std::time::Duration;

impl<R: React> Stage<R> {
    /// Moves the clock on, and fires what is due by then.
    pub(super) fn pass(&mut self, time: Duration) -> Result<(), Fault> {
        self.world.pass(time)?;
        let now = self.world.clock.now();
        let mut due: Vec<(usize, Pending)> = Vec::new();
        for at in 0..self.lanes.len() {
            due.extend(self.take_due(at, |due| due <= now).into_iter().map(|timer| (at, timer)));
        }
        due.sort_by_key(|(_, timer)| timer.due);
        for (at, timer) in due {
            self.fire(at, timer, Mode::Aloud);
        }
        Ok(())
    }

    /// Fires what is due before the next event of a key.
    pub(super) fn fire_before(&mut self, at: usize, time: Timestamp, mode: Mode) {
        for timer in self.take_due(at, |due| due < time) {
            self.fire(at, timer, mode);
        }
    }

    /// The timers of a key that are due, the earliest first. Those behind parked work wait with it.
    fn take_due(&mut self, at: usize, is_due: impl Fn(Timestamp) -> bool) -> Vec<Pending> {
        let lane = &mut self.lanes[at];
        if !lane.is_free() {
            return Vec::new();
        }
        let mut due: Vec<_> = lane.timers.extract_if(.., |timer| is_due(timer.due)).collect();
        due.sort_by(|a, b| (a.due, &a.name).cmp(&(b.due, &b.name)));
        due
    }

    fn fire(&mut self, at: usize, timer: Pending, mode: Mode) {
        if mode == Mode::Aloud {
            self.world.tale.tell("fired", &timer.show());
            self.came.commands.push(timer.command.clone());
        }
        let key = self.lanes[at].key.clone();
        self.asked.push(Asked {
            key,
            id: timer.id,
            command: timer.command,
            event: timer.event,
            at: timer.due,
        });
    }

    /// What failed is tried again; if nothing did, the last event comes once more.
    pub(super) async fn redeliver(&mut self) -> Result<(), Fault> {
        let failed: Vec<usize> = (0..self.lanes.len())
            .filter(|at| matches!(self.lanes[*at].standing, Standing::Failed { .. }))
            .collect();
        for at in &failed {
            self.has_attempts(*at)?;
            self.retry(*at).await?;
        }
        if !failed.is_empty() {
            return Ok(());
        }
        let Some(last) = self.last.clone() else {
            return Err(Fault::new("no event came that could come again"));
        };
        let (stream, version) = (&last.envelope.stream, last.envelope.version);
        self.world.tale.tell("again", &format!("{stream}@{version}"));
        self.deliver(&last, Mode::Aloud).await
    }

    /// What failed for a key is tried again.
    pub(super) fn has_attempts(&self, at: usize) -> Result<(), Fault> {
        match &self.lanes[at].standing {
            Standing::Failed { attempts, why, .. } if *attempts > R::SPEC.retry.max => {
                Err(Fault::new(format!(
                    "the reactor does not try it again after attempt {attempts} (`retry(max = {})`): {why}",
                    R::SPEC.retry.max
                )))
            }
            _ => Ok(()),
        }
    }

    /// Spends all attempts of what failed in the last `when`, and sets it aside.
    pub(super) async fn park(&mut self) -> Result<(), Fault> {
        let failed = std::mem::take(&mut self.came.failed);
        if failed.is_empty() && !self.came.parked {
            return Err(Fault::new("something should be parked, and nothing failed"));
        }
        for at in failed {
            while self.has_attempts(at).is_ok() {
                self.retry(at).await?;
                if self.lanes[at].is_free() {
                    return Err(Fault::new("it should be parked, and was done in a further attempt"));
                }
            }
            self.give_up(at)?;
        }
        self.came.failed.clear();
        Ok(())
    }

    /// Does with a key what is said for what failed for good.
    fn give_up(&mut self, at: usize) -> Result<(), Fault> {
        let otherwise = match R::SPEC.on_failure {
            OnFailure::Park => {
                self.world.tale.tell("parked", &format!("{:?}", self.lanes[at].key));
                self.lanes[at].standing = Standing::Parked;
                self.came.parked = true;
                return Ok(());
            }
            OnFailure::Skip => "`on_failure = skip` passes it over",
            OnFailure::Stop => "`on_failure = stop` stops the reactor",
        };
        Err(Fault::new(format!("it is not parked: {otherwise}")))
    }

    /// A command that was issued is refused.
    pub(super) async fn refuse<C>(&mut self, command: C, error: CommandError<ErrorOf<C>>) -> Result<(), Fault>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let said = commands::expected(command.clone())?.remove(0);
        let shown = commands::show(&said);
        self.world.tale.tell("refused", &format!("{shown}: {error}"));
        if !error.is_refusal() {
            return Err(Fault::new(format!("that is no refusal, the reactor is not told of it: {error}")));
        }
        let Some(asked) = self.asked.iter().rfind(|asked| asked.command == said) else {
            let issued =
                self.asked.iter().map(|asked| format!("issued was {}", commands::show(&asked.command)));
            return Err(Fault::new(format!("the reactor has not issued {shown}")).with(issued));
        };
        let (key, event, ids, due) = (asked.key.clone(), asked.event.clone(), asked.id, asked.at);
        let message: Message = Box::new(Refused { command, error });
        let message = Arc::new(message);
        let methods = R::METHODS.iter().enumerate();
        let calls: Vec<_> = methods
            .filter(|(_, method)| matches!(method.takes, Takes::Refused { command } if command == C::NAME))
            .map(|(place, _)| (place, message.clone()))
            .collect();
        let at = self.lane(key);
        if calls.is_empty() {
            return self.give_up(at);
        }
        self.attempt(at, Work { event, calls, ids, at: due }, 1, Mode::Aloud).await
    }
}
