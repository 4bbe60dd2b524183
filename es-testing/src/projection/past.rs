//! What has happened before something is checked of a projection.

use crate::fault::Fault;
use crate::happening::{self, Step};
use crate::scenario::guard::Guard;
use crate::world::{Cast, Setting, Tale, World, block_on};
use es_core::__testing::EventList;
use es_core::{AggregateId, RawEvent};

/// Events that are given, as far as they have happened.
pub(super) struct Past {
    steps: Vec<Step>,
    played: Option<Played>,
    guard: Guard,
}

/// What has happened so far.
pub(super) struct Played {
    pub(super) world: World,
    pub(super) events: Vec<RawEvent>,
}

impl Past {
    #[track_caller]
    pub(super) fn new() -> Self {
        Self { steps: Vec::new(), played: None, guard: Guard::until("a `.then_..(..)`") }
    }

    /// Events happen on the stream of this id; `otherwise` is the projection's name.
    #[track_caller]
    pub(super) fn given(&mut self, id: &impl AggregateId, otherwise: &str, events: impl EventList) {
        if !self.guard.is_armed() {
            self.guard = Guard::until("a `.then_..(..)`");
        }
        self.steps.push(Step::Events(happening::on_stream(id, otherwise, events)));
    }

    /// What holds for the events that follow.
    pub(super) fn hold(&mut self, setting: Setting) {
        self.steps.push(Step::Setting(setting));
    }

    /// Checks one thing of what has happened by now.
    #[track_caller]
    pub(super) fn check(&mut self, check: impl FnOnce(&Played) -> Result<(), Fault>) {
        self.guard.disarm();
        let steps = std::mem::take(&mut self.steps);
        let played = match block_on(play(self.played.take(), steps)) {
            Ok(played) => played,
            Err(failure) => panic!("{failure}"),
        };
        if let Err(fault) = check(&played) {
            panic!("{}", fault.told(&played.world.tale));
        }
        self.played = Some(played);
    }
}

async fn play(played: Option<Played>, steps: Vec<Step>) -> Result<Played, String> {
    let start = Step::start(&steps);
    let mut played = match played {
        Some(played) => played,
        None => Played {
            world: World::new(Cast::default(), start).await.map_err(|fault| fault.told(&Tale::default()))?,
            events: Vec::new(),
        },
    };
    for step in steps {
        if let Err(fault) = played.take(step).await {
            return Err(fault.told(&played.world.tale));
        }
    }
    Ok(played)
}

impl Played {
    async fn take(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Setting(setting) => self.world.hold(setting),
            Step::Events(happenings) => {
                for happening in happenings? {
                    self.events.push(self.world.happen("given", happening).await?);
                }
                Ok(())
            }
        }
    }
}
