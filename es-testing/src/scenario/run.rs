//! One `when` in one course of a scenario, and everything that is known behind it.

use super::act::{Plan, Played, play};
use super::answer::Answer;
use crate::fault::Fault;
use crate::laws;
use crate::world::World;
use es_core::{__testing as inside, Applier, Command, DecodeError, ErrorOf, Handle, Life, ReplyOf, StreamId};

/// What came of one `when`.
pub(crate) struct Run<A: Applier, E, R> {
    pub(crate) world: World,
    pub(crate) stream: StreamId,
    /// In the order of the commits; one, or two in a race.
    pub(crate) answers: Vec<Answer<A, E, R>>,
    /// Where the aggregate stands now.
    pub(crate) life: Result<Life<A>, DecodeError>,
    /// How many events its stream has now.
    pub(crate) version: u64,
}

impl<A: Applier, E, R> Run<A, E, R> {
    /// What the commands recorded, in order.
    pub(crate) fn recorded(&self) -> Vec<A::Event> {
        self.answers.iter().flat_map(Answer::events).cloned().collect()
    }
}

type RunOf<A, C> = Run<A, ErrorOf<C>, ReplyOf<C>>;

/// Plays a plan and checks the laws; the error is the text of a failure.
pub(crate) async fn run<A, C>(mut world: World, plan: Plan<A, C>) -> Result<RunOf<A, C>, String>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    match step(&mut world, plan).await {
        Ok(step) => Ok(Run {
            stream: step.stream,
            answers: step.played.answers,
            life: step.life,
            version: step.version,
            world,
        }),
        Err(fault) => Err(fault.told(&world.tale)),
    }
}

/// What a run is made of, without its world.
struct Step<A: Applier, E, R> {
    stream: StreamId,
    played: Played<A, E, R>,
    life: Result<Life<A>, DecodeError>,
    version: u64,
}

async fn step<A, C>(world: &mut World, plan: Plan<A, C>) -> Result<Step<A, ErrorOf<C>, ReplyOf<C>>, Fault>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    world.admit(C::NAME).await?;
    let id = plan.id().clone();
    let stream = A::stream(&id);
    let alone = A::SERVICES.is_empty();
    let again = if alone { Some(play(&mut world.fork().await?, plan.clone()).await) } else { None };
    let before = world.tail(&stream, 0).await?.len();
    let played = play(world, plan).await?;
    if let Some(again) = again {
        laws::twice(&played.answers, &again?.answers)?;
    }
    for event in played.answers.iter().flat_map(Answer::events) {
        laws::round_trip(event)?;
    }
    let events = world.tail(&stream, 0).await?;
    let loaded = world.app.load::<A>(&id).await.ok().flatten();
    laws::nothing(&played.answers, played.foreign, &events[before..], alone)?;
    let version = events.last().map_or(0, |last| last.version);
    let life = inside::fold::<A>(None, &events);
    laws::fold(&life, version, &played.answers, loaded.as_ref())?;
    if let Ok(life) = &life {
        laws::snapshots(life, &events)?;
    }
    Ok(Step { stream, played, life, version })
}
