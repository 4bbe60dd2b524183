//! Where a reactor plays: its keys, and what comes of each event.

use super::commands;
use super::lane::{Asked, Lane, Pending, Standing, Work, due};
use super::turn::{Answer, Done, Turn};
use crate::fault::Fault;
use crate::laws;
use crate::world::World;
use es_core::__private::{From, Services};
use es_core::__testing::{self as inside, IssuedCommand, Wish};
use es_core::{Clock, CommandId, RawEvent, React};
use std::sync::{Arc, OnceLock};

const REPEATED: &str = "a repeated event issues the same commands under the same ids";

/// A reactor in its world.
pub(super) struct Stage<R: React> {
    pub(super) world: World,
    pub(super) lanes: Vec<Lane<R>>,
    /// Every command that was issued so far.
    pub(super) asked: Vec<Asked<R::Key>>,
    /// The last event.
    pub(super) last: Option<RawEvent>,
    pub(super) came: Came,
}

/// What came of the last `when`.
#[derive(Default)]
pub(super) struct Came {
    pub(super) commands: Vec<IssuedCommand>,
    /// The keys whose work failed and is tried again.
    pub(super) failed: Vec<usize>,
    /// Whether something was set aside, or waits behind what was.
    pub(super) parked: bool,
}

/// Whether what is issued counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It does not: the event is one of the past.
    Silent,
    /// It does.
    Aloud,
}

impl<R: React> Stage<R> {
    pub(super) fn new(world: World) -> Self {
        Self { world, lanes: Vec::new(), asked: Vec::new(), last: None, came: Came::default() }
    }

    pub(super) fn services(&self) -> Arc<OnceLock<Services>> {
        inside::services(&self.world.app)
    }

    /// Gives an event to the methods that take it, for each of its keys.
    pub(super) async fn deliver(&mut self, event: &RawEvent, mode: Mode) -> Result<(), Fault> {
        self.last = Some(event.clone());
        // The past has no effects, and leaves nothing else where there is no state.
        if mode == Mode::Silent && R::SPEC.state.is_none() {
            return Ok(());
        }
        for (key, work) in self.works(event, mode)? {
            let at = self.lane(key);
            match &self.lanes[at].standing {
                Standing::Free => {}
                Standing::Failed { work, .. } => {
                    let (key, failed) = (&self.lanes[at].key, &work.event.name);
                    return Err(Fault::new(format!(
                        "{} waits behind {failed}, which failed for {key:?}: `.when_redelivered()` tries that again, \
                         `.then_parked()` sets it aside",
                        event.name
                    )));
                }
                Standing::Parked => {
                    let line = format!("{:?} behind what is parked", self.lanes[at].key);
                    self.world.tale.tell("waits", &line);
                    self.came.parked = true;
                    continue;
                }
            }
            if self.lanes[at].guarded && self.lanes[at].position >= event.position {
                self.world.tale.tell("skipped", &format!("{:?} has worked it off", self.lanes[at].key));
                continue;
            }
            self.fire_before(at, event.envelope.recorded_at, mode);
            self.attempt(at, work, 1, mode).await?;
        }
        Ok(())
    }

    /// What is to be done for each key of an event.
    fn works(&self, event: &RawEvent, mode: Mode) -> Result<Vec<(R::Key, Work)>, Fault> {
        let services = self.services();
        let none = Services::default();
        let services = services.get().unwrap_or(&none);
        let mut works: Vec<(R::Key, Work)> = Vec::new();
        for (place, method) in R::METHODS.iter().enumerate() {
            let effect = mode == Mode::Silent && inside::needs(method, services).0;
            if effect || !inside::takes(&method.takes, event) {
                continue;
            }
            let message = (method.read)(event).map_err(|error| {
                Fault::new(format!("{} cannot read {}: {error:?}", method.name, event.name))
            })?;
            let keys = (method.keys)(&*message, event)
                .map_err(|error| Fault::new(format!("{} finds no key: {error}", method.name)))?;
            let message = Arc::new(message);
            for key in keys {
                let at = works.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                    let (ids, at) =
                        (inside::reaction::<R>(event.envelope.id, &key), event.envelope.recorded_at);
                    works.push((key, Work { event: event.clone(), calls: Vec::new(), ids, at }));
                    works.len() - 1
                });
                let calls = &mut works[at].1.calls;
                // A key that a method names twice is one key.
                if calls.last().is_none_or(|(last, _)| *last != place) {
                    calls.push((place, message.clone()));
                }
            }
        }
        Ok(works)
    }

    /// The lane of a key.
    pub(super) fn lane(&mut self, key: R::Key) -> usize {
        self.lanes.iter().position(|lane| lane.key == key).unwrap_or_else(|| {
            self.lanes.push(Lane::new(key));
            self.lanes.len() - 1
        })
    }

    /// Tries a piece of work.
    pub(super) async fn attempt(
        &mut self,
        at: usize,
        work: Work,
        attempt: u32,
        mode: Mode,
    ) -> Result<(), Fault> {
        let services = self.services();
        let none = Services::default();
        let lane = &self.lanes[at];
        let turn = Turn::<R> {
            app: &self.world.app,
            services: services.get().unwrap_or(&none),
            work: &work,
            key: &lane.key,
            state: lane.state.as_deref(),
            now: self.world.clock.now(),
            attempt,
        };
        match turn.run().await? {
            Ok(done) => self.settle(at, &work, done, mode),
            Err(why) if mode == Mode::Silent => {
                Err(Fault::new(format!("the reactor cannot take the given {}: {why}", work.event.name)))
            }
            Err(why) => {
                self.world.tale.tell("failed", &format!("attempt {attempt} for {:?}: {why}", lane.key));
                self.lanes[at].standing = Standing::Failed { work: Box::new(work), attempts: attempt, why };
                self.came.failed.push(at);
                Ok(())
            }
        }
    }

    /// Tries once more what failed.
    pub(super) async fn retry(&mut self, at: usize) -> Result<(), Fault> {
        let standing = std::mem::replace(&mut self.lanes[at].standing, Standing::Free);
        match standing {
            Standing::Failed { work, attempts, .. } => {
                self.attempt(at, *work, attempts + 1, Mode::Aloud).await
            }
            other => {
                self.lanes[at].standing = other;
                Ok(())
            }
        }
    }

    /// Writes down what came of a turn.
    fn settle(&mut self, at: usize, work: &Work, done: Done, mode: Mode) -> Result<(), Fault> {
        let lane = &mut self.lanes[at];
        lane.state = done.state;
        lane.position = lane.position.max(work.event.position);
        lane.seen = true;
        // One that begins now folds the past, and neither issues anything for it nor sets a timer.
        if mode == Mode::Silent && R::SPEC.from == From::Now {
            return Ok(());
        }
        for Answer { wishes, ended } in done.answers {
            for (id, wish) in wishes {
                self.fulfil(at, work, (id, wish), done.pure, mode)?;
            }
            if ended {
                self.lanes[at].timers.clear();
            }
        }
        Ok(())
    }

    fn fulfil(
        &mut self,
        at: usize,
        work: &Work,
        (id, wish): (CommandId, Wish),
        pure: bool,
        mode: Mode,
    ) -> Result<(), Fault> {
        let event = work.event.clone();
        match wish {
            Wish::Command(command) => {
                let key = self.lanes[at].key.clone();
                self.issue(Asked { key, id, command, event, at: work.at }, pure, mode)?;
            }
            Wish::SetTimer { name, due: when, command } => {
                let timer = Pending { name, due: due(when, work.at), command, event, id };
                self.world.tale.tell("timer", &timer.show());
                self.lanes[at].set(timer);
            }
            Wish::CancelTimer { name } => {
                if self.lanes[at].cancel(&name) {
                    self.world.tale.tell("cancelled", &format!("\"{name}\""));
                }
            }
        }
        Ok(())
    }

    /// Notes a command; one that has this id already is not carried out again.
    fn issue(&mut self, asked: Asked<R::Key>, pure: bool, mode: Mode) -> Result<(), Fault> {
        if let Some(before) = self.asked.iter().find(|before| before.id == asked.id) {
            return match commands::difference(&asked.command, &before.command) {
                Some(difference) if pure => Err(laws::broken_law(REPEATED, [difference])),
                _ => Ok(()),
            };
        }
        if mode == Mode::Aloud {
            self.world.tale.tell("issued", &commands::show(&asked.command));
            self.came.commands.push(asked.command.clone());
        }
        self.asked.push(asked);
        Ok(())
    }
}
