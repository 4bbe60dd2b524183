//! Then: what must have followed.

use super::stage::{Said, Stage, unread};
use crate::diff;
use crate::fault::Fault;
use crate::reactor::{TimerDue, difference, expected};
use crate::scenario::guard::{Guard, Owed};
use crate::world::{block_on_paused, broken, shown};
use es_core::store::{EventStore, Filter};
use es_core::{Applier, Clock, Command, Document, IntoEvents, serde_json};
use std::convert::Infallible;

/// What came of a `when`: the last part of a flow. Every `then_..` checks one thing and gives the flow back;
/// another `when` goes on from here. A flow without any `then_..` fails, and so does one in which something is
/// parked that no `then_parked` expects.
pub struct ThenFlow<E = Infallible, R = ()> {
    pub(super) stage: Stage,
    /// What became of the command, if one came.
    pub(super) said: Option<Said<E, R>>,
    pub(super) guard: Guard,
    owed: Owed,
}

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
#[allow(clippy::needless_pass_by_value, reason = "what is expected is written in place")]
impl<E, R> ThenFlow<E, R> {
    #[track_caller]
    pub(super) fn of(stage: Stage, said: Option<Said<E, R>>) -> Self {
        let what = "`.then_parked(..)` does not expect what was parked";
        let owed = Owed::of(stage.newly_aside(), what, stage.world.tale.to_string());
        Self { stage, said, guard: Guard::until("a `.then_..(..)`"), owed }
    }

    /// One thing was checked.
    #[track_caller]
    pub(super) fn checked(mut self, checked: Result<(), Fault>) -> Self {
        self.look(checked);
        self
    }

    /// One thing was seen.
    #[track_caller]
    fn look<T>(&mut self, seen: Result<T, Fault>) -> T {
        self.guard.disarm();
        match seen {
            Ok(seen) => seen,
            Err(fault) => panic!("{}", fault.told(&self.stage.world.tale)),
        }
    }

    /// The stage, for the next `when`.
    #[track_caller]
    pub(super) fn go_on(mut self) -> Stage {
        if self.guard.is_armed() {
            let carried_out = match &self.said {
                Some(said) if said.result.is_err() => Err(Fault::new(format!(
                    "{} failed, and no `.then_..(..)` expected that: {}",
                    said.command, said.summary
                ))),
                _ => Ok(()),
            };
            self.look(carried_out);
        }
        self.owed.claim();
        self.stage
    }

    fn carried_out(&self) -> Result<(), Fault> {
        match &self.said {
            Some(said) if said.result.is_err() => {
                let line = format!("{}: {}", said.command, said.summary);
                Err(Fault::new("the command was not carried out:").with([line]))
            }
            _ => Ok(()),
        }
    }

    /// Just these events were recorded on the stream of this id, in this order: by the command, and by
    /// whatever followed. Where they belong to several types of aggregates, or where there are none, say which
    /// is meant: `.then_recorded::<Order>(&id, ())`.
    ///
    /// # Panics
    /// If others were, with every field that differs, or if the command was refused.
    #[track_caller]
    pub fn then_recorded<A: Applier>(self, id: &A::Id, events: impl IntoEvents<A>) -> Self {
        let mut expected = Vec::new();
        events.into_events(&mut expected);
        let recorded = self.carried_out().and_then(|()| block_on_paused(self.stage.recorded::<A>(id)));
        let checked = recorded.and_then(|recorded| {
            let lines = diff::events(&recorded, &expected);
            if lines.is_empty() {
                return Ok(());
            }
            let stream = A::stream(id);
            Err(Fault::new(format!("other events on {stream} than expected (recorded ≠ expected):"))
                .with(lines))
        });
        self.checked(checked)
    }

    /// Nothing was recorded, on no stream.
    ///
    /// # Panics
    /// If something was, or if the command was refused.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        let (log, filter) = (&self.stage.world.log, Filter::default());
        let checked = self.carried_out().and_then(|()| {
            let page = block_on_paused(log.read_log(self.stage.mark, &filter, 1_000)).map_err(broken)?;
            let lines = page.events.iter().map(|event| {
                let what = shown(&event.name, event.payload.as_deref().unwrap_or_default());
                format!("{}@{}: {what}", event.stream, event.version)
            });
            let lines: Vec<_> = lines.collect();
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("nothing should have been recorded:").with(lines))
        });
        self.checked(checked)
    }

    /// Looks at the state that an aggregate has now. The closure says which type it is, and asserts what it
    /// likes: `|account: &Account| ..`.
    ///
    /// # Panics
    /// If there is no living state, or whatever the closure panics with.
    #[track_caller]
    pub fn then_state<A: Applier>(mut self, id: &A::Id, look: impl FnOnce(&A)) -> Self {
        let loaded = block_on_paused(self.stage.world.app.load::<A>(id)).map_err(|error| unread(&error));
        let none =
            || Fault::new(format!("there is no state: {} does not exist, or has ended", A::stream(id)));
        let state = self.look(loaded.and_then(|loaded| loaded.ok_or_else(none)));
        look(&state);
        self
    }

    /// There is no such aggregate: it was never there, or it has ended.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// flow(bank).given(&1, AccountOpened {}).when(CloseAccount { account: 1 }).then_none::<Account>(&1);
    /// ```
    ///
    /// # Panics
    /// If there is one.
    #[track_caller]
    pub fn then_none<A: Applier>(self, id: &A::Id) -> Self {
        let loaded = block_on_paused(self.stage.world.app.load::<A>(id)).map_err(|error| unread(&error));
        let checked = loaded.and_then(|loaded| match loaded {
            None => Ok(()),
            Some(state) => {
                let shown = format!("{:?}", &*state);
                Err(Fault::new(format!("there should be no {}, its state is:", A::stream(id))).with([shown]))
            }
        });
        self.checked(checked)
    }

    /// The document of this key is this one.
    ///
    /// # Panics
    /// If it is not, with every field that differs.
    #[track_caller]
    pub fn then_document<P: Document>(self, key: &P::Key, document: P) -> Self {
        let read = block_on_paused(self.stage.world.app.document::<P>(key)).map_err(|error| unread(&error));
        let checked = read.and_then(|read| {
            let value = |document: &P| serde_json::to_value(document).map_err(broken);
            let Some(actual) = read else {
                return Err(Fault::new(format!("there is no document of {key:?} in {}", P::NAME)));
            };
            let lines = diff::fields(&value(&actual)?, &value(&document)?);
            if lines.is_empty() {
                return Ok(());
            }
            let name = P::NAME;
            Err(Fault::new(format!(
                "another document of {key:?} in {name} than expected (actual ≠ expected):"
            ))
            .with(lines))
        });
        self.checked(checked)
    }

    /// There is no document of this key.
    ///
    /// # Panics
    /// If there is one.
    #[track_caller]
    pub fn then_no_document<P: Document>(self, key: &P::Key) -> Self {
        let read = block_on_paused(self.stage.world.app.document::<P>(key)).map_err(|error| unread(&error));
        let checked = read.and_then(|read| match read {
            None => Ok(()),
            Some(document) => {
                let shown = serde_json::to_string(&document).map_err(broken)?;
                Err(Fault::new(format!("there should be no document of {key:?} in {}:", P::NAME))
                    .with([shown]))
            }
        });
        self.checked(checked)
    }

    /// A timer is set that issues this command at this time, or so long after now.
    ///
    /// # Panics
    /// If there is none, with those that are set.
    #[track_caller]
    pub fn then_timer(self, due: impl TimerDue, command: impl Command) -> Self {
        let due = due.due(self.stage.world.clock.now());
        let timers = block_on_paused(self.stage.timers());
        let checked = expected(command).and_then(|wanted| {
            let timers = timers?;
            for wanted in wanted {
                let there = timers.iter().filter(|timer| Some(timer.due) == due);
                if there.map(|timer| difference(&timer.command, &wanted)).any(|other| other.is_none()) {
                    continue;
                }
                let time = due.map_or_else(|| "beyond the year 9999".to_owned(), |due| format!("at {due}"));
                let headline = format!("no timer is set for {} {} {time}", wanted.name, wanted.fields);
                let set = timers.iter().map(|timer| format!("set is {}", timer.show()));
                return Err(Fault::new(headline).with(set));
            }
            Ok(())
        });
        self.checked(checked)
    }

    /// The reactor of this name has set something aside, and waits for somebody to decide.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// # use std::sync::Arc;
    /// flow(|app| bank(app).reactor::<Welcome>().service::<dyn Mailer>(Arc::new(BrokenMailer)))
    ///     .when(OpenAccount { account: 1 })
    ///     .then_recorded(&1, AccountOpened {})
    ///     .then_parked("welcome");
    /// ```
    ///
    /// # Panics
    /// If it has not, or if there is no such reactor.
    #[track_caller]
    pub fn then_parked(mut self, reactor: &str) -> Self {
        let parked = block_on_paused(self.stage.world.app.parked(reactor)).map_err(|error| unread(&error));
        let checked = parked.and_then(|parked| {
            if parked.iter().any(|entry| !entry.retrying) {
                return Ok(());
            }
            Err(Fault::new(format!("nothing of {reactor} is parked")))
        });
        self.look(checked);
        self.owed.settle(reactor);
        self
    }
}
