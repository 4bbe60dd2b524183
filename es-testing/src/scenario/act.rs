//! When: commands on their way through a real app.

use super::answer::Answer;
use super::race::{race, raced};
use crate::fault::Fault;
use crate::world::{Gate, World};
use es_core::{App, Applier, Command, CommandId, ErrorOf, Handle, Metadata, ReplyOf};

/// What is asked in one `when`.
#[derive(Clone)]
pub(crate) enum Plan<A: Applier, C> {
    /// One command.
    Alone(C),
    /// One command, while a rival records these events.
    Raced { rival: Vec<A::Event>, command: C },
    /// Two commands, of which the first is faster.
    Pair { first: C, second: C },
}

impl<A: Applier, C: Command<Aggregate = A>> Plan<A, C> {
    /// The aggregate that it is about.
    pub(crate) fn id(&self) -> &A::Id {
        match self {
            Self::Alone(command) | Self::Raced { command, .. } | Self::Pair { second: command, .. } => {
                command.id()
            }
        }
    }
}

/// The answer to a command of type `C`.
pub(crate) type AnswerTo<C> = Answer<<C as Command>::Aggregate, ErrorOf<C>, ReplyOf<C>>;

/// The answers in the order of their commits, and how many events somebody else recorded meanwhile.
pub(crate) struct Played<A: Applier, E, R> {
    pub(crate) answers: Vec<Answer<A, E, R>>,
    pub(crate) foreign: usize,
}

/// Asks what is planned.
pub(crate) async fn play<A, C>(
    world: &mut World,
    plan: Plan<A, C>,
) -> Result<Played<A, ErrorOf<C>, ReplyOf<C>>, Fault>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    match plan {
        Plan::Alone(command) => {
            let id = world.next_id();
            let answer = ask(&world.app, &world.gate, world.said.clone(), id, command).await;
            answer.tell("when", &mut world.tale);
            Ok(Played { answers: vec![answer], foreign: 0 })
        }
        Plan::Raced { rival, command } => raced(world, rival, command).await,
        Plan::Pair { first, second } => race(world, first, second).await,
    }
}

/// Asks one command.
pub(super) async fn ask<A, C>(
    app: &App,
    gate: &Gate,
    said: Metadata,
    id: CommandId,
    command: C,
) -> AnswerTo<C>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    let shown = format!("{command:?}");
    let stream = A::stream(command.id());
    let before = gate.conflicts();
    let result = app.execute(command).id(id).metadata(said).await;
    Answer::of(shown, id, stream, result, gate.conflicts() - before)
}

/// Carries out a command that is given.
pub(super) async fn carry_out<C>(world: &mut World, command: C) -> Result<(), Fault>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let id = world.next_id();
    let answer = ask(&world.app, &world.gate, world.said.clone(), id, command).await;
    answer.tell("given", &mut world.tale);
    match answer.result {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::new(format!("the given command {} failed: {}", answer.command, answer.summary))),
    }
}
