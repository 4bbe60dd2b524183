//! Races: somebody else is faster, between the moment a command reads and the moment it appends.

use super::act::{AnswerTo, Played, ask};
use crate::diff;
use crate::fault::Fault;
use crate::laws;
use crate::world::{Gate, World, broken};
use es_core::store::{AppendError, Appended, Commit, EventStore, Expected};
use es_core::{Command, ErrorOf, EventEnum, Handle, ReplyOf, StreamId};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a rival leaves what became of it.
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    fn new() -> (Self, Self) {
        let slot = Arc::default();
        (Self(Arc::clone(&slot)), Self(slot))
    }

    fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Asks a command, and lets a rival record its events before the command's first append.
pub(super) async fn raced<A, C>(
    world: &mut World,
    rival: Vec<A::Event>,
    command: C,
) -> Result<Played<A, ErrorOf<C>, ReplyOf<C>>, Fault>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    let stream = A::stream(command.id());
    let commit = commit_of::<A>(world, &stream, &rival).await?;
    let (outside, inside) = Slot::<Result<Appended, AppendError>>::new();
    let log = world.log.clone();
    let write = async move { inside.put(log.append(commit).await) };
    world.gate.expect_rival(stream.clone(), Box::pin(write));
    let id = world.next_id();
    let answer = ask(&world.app, &world.gate, world.said.clone(), id, command).await;
    if world.gate.take_rival().is_some() {
        answer.tell("when", &mut world.tale);
        return Err(Fault::new(format!(
            "there was no race: {}, so it never tried to append and the rival could not be faster",
            answer.summary
        )));
    }
    let written = outside.take().transpose().map_err(broken)?;
    let version = written.and_then(|written| written.heads.first().copied()).map_or(0, |head| head.version);
    for (version, event) in (version + 1 - rival.len() as u64..).zip(&rival) {
        world.tale.tell("rival", &format!("{stream}@{version}: {}", diff::show(event)));
    }
    answer.tell("when", &mut world.tale);
    Ok(Played { answers: vec![answer], foreign: rival.len() })
}

/// A rival's events as one commit.
async fn commit_of<A: es_core::Applier>(
    world: &mut World,
    stream: &StreamId,
    events: &[A::Event],
) -> Result<Commit, Fault> {
    let mut new = Vec::with_capacity(events.len());
    for event in events {
        laws::round_trip(event)?;
        let payload = event.encode().map_err(broken)?;
        new.push(world.draft(stream, event.name().into(), event.version(), payload).await?);
    }
    Ok(Commit::one(stream.clone(), Expected::Any, new))
}

/// Asks `second`, and lets `first` be carried out, by another app on the same store, before the first append
/// of `second`. Where `second` never appends, `first` follows it.
pub(super) async fn race<A, C>(
    world: &mut World,
    first: C,
    second: C,
) -> Result<Played<A, ErrorOf<C>, ReplyOf<C>>, Fault>
where
    A: Handle<C>,
    C: Command<Aggregate = A>,
{
    let stream = A::stream(second.id());
    let gate = Gate::to(world.log.clone());
    let app = world.cast.app(gate.clone(), &world.clock).await?;
    let (first_id, second_id, said) = (world.next_id(), world.next_id(), world.said.clone());
    let (outside, inside) = Slot::<AnswerTo<C>>::new();
    let rival = async move { inside.put(ask(&app, &gate, said, first_id, first).await) };
    world.gate.expect_rival(stream, Box::pin(rival));
    let answer = ask(&world.app, &world.gate, world.said.clone(), second_id, second).await;
    let late = world.gate.take_rival();
    let was_late = late.is_some();
    if let Some(late) = late {
        late.await;
    }
    let mut answers: Vec<_> = outside.take().into_iter().chain([answer]).collect();
    if was_late {
        answers.reverse();
    }
    for answer in &answers {
        answer.tell("when", &mut world.tale);
    }
    Ok(Played { answers, foreign: 0 })
}
