//! The working copies of a group of commands: one for each stream, whichever aggregate it is of.

use super::decide::{Terms, calls_services, decide};
use super::execute::{Committed, Options};
use super::loaded::Loaded;
use super::{App, answer, append};
use crate::aggregate::{Aggregate, Applier};
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, DomainError};
use crate::fold::Folded;
use crate::id::{CommandId, Position, StreamId};
use crate::metadata::Metadata;
use crate::retry::RetryPolicy;
use crate::store::{Append, Commit, Expected, NewEvent, StoreFuture, StreamHead};
use std::any::Any;
use std::sync::Arc;

type Done<C> = Committed<<C as Command>::Aggregate, ReplyOf<C>>;
/// The error of a group: whichever command's it is.
pub(super) type AllError = CommandError<DomainError>;

/// What can be known of a group before anything is read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Survey {
    pub(super) streams: Vec<StreamId>,
    pub(super) policy: Option<RetryPolicy>,
    pub(super) calls_services: bool,
    pub(super) refused: Option<AllError>,
    pub(super) app: App,
}

/// The working copies of a group, one for each stream.
#[doc(hidden)]
pub struct Group {
    pub(super) app: App,
    pub(super) id: CommandId,
    /// Whether the caller gave the id, so that the group may be a repeated one.
    pub(super) stated: bool,
    pub(super) said: Metadata,
    /// Whether every state is compared with its stream first.
    pub(super) checked: bool,
    pub(super) parts: Vec<Part>,
}

/// What was decided on one stream so far.
pub(super) struct Part {
    pub(super) stream: StreamId,
    pub(super) from: u64,
    /// The edits that the state which was read knew of.
    edits: u64,
    pub(super) stored: Vec<NewEvent>,
    next: Box<dyn Working>,
}

/// A working copy whose aggregate is not named.
trait Working: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn keep<'a>(
        self: Box<Self>,
        app: &'a App,
        stream: &'a StreamId,
        from: u64,
        position: Position,
        head: Option<StreamHead>,
    ) -> StoreFuture<'a, ()>;
}

impl<A: Applier> Working for Folded<A> {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn keep<'a>(
        mut self: Box<Self>,
        app: &'a App,
        stream: &'a StreamId,
        from: u64,
        position: Position,
        head: Option<StreamHead>,
    ) -> StoreFuture<'a, ()> {
        self.position = position;
        Box::pin(async move {
            let (_, snapshot) = append::keep(app, stream, from, *self, head);
            if let Some(snapshot) = snapshot {
                app.save_snapshot(snapshot).await;
            }
        })
    }
}

/// What one command of a group decided.
#[doc(hidden)]
pub struct Member<A: Applier, R> {
    events: Vec<A::Event>,
    reply: R,
    next: Folded<A>,
    /// The part of its stream, and how many events that part has up to and with this command's.
    part: usize,
    stored: u64,
}

/// Where the parts of a group stand in the log: the position before each, if anything was appended.
#[doc(hidden)]
#[derive(Debug)]
pub struct Placed {
    starts: Vec<Option<u64>>,
    attempts: u32,
}

impl Group {
    /// What goes to the store: the parts that have events.
    pub(super) fn commit(&self) -> Commit {
        let written = self.parts.iter().filter(|part| !part.stored.is_empty());
        let parts = written.map(|part| Append {
            stream: part.stream.clone(),
            expected: Expected::Exact(part.from),
            edits: Some(part.edits),
            events: part.stored.clone(),
        });
        Commit::all(parts.collect())
    }

    /// Where the parts stand in the log, once the commit's last event stands at `last`: one behind the other,
    /// in their order.
    pub(super) fn placed(&self, last: Option<Position>, attempts: u32) -> Placed {
        let mut before =
            last.map(|last| last.0 - self.parts.iter().map(|part| part.stored.len() as u64).sum::<u64>());
        let starts = self.parts.iter().map(|part| {
            let start = before;
            before = before.map(|before| before + part.stored.len() as u64);
            start
        });
        Placed { starts: starts.collect(), attempts }
    }

    pub(super) async fn keep(&mut self, placed: &Placed, heads: &[StreamHead]) {
        let app = self.app.clone();
        let parts: Vec<_> = self.parts.drain(..).collect();
        let placed = parts.into_iter().zip(&placed.starts).filter(|(part, _)| !part.stored.is_empty());
        for ((part, start), head) in placed.zip(heads) {
            let last = Position(start.unwrap_or(0) + part.stored.len() as u64);
            part.next.keep(&app, &part.stream, part.from, last, Some(*head)).await;
        }
    }

    fn terms<C: Command>(&self, n: usize, command: &C) -> Terms {
        let id = Some(self.id.part(n as u64));
        Terms::of(command, Options { id, expected: None, metadata: self.said.clone(), fence: None })
    }

    /// The working copy of a stream; read if this is the first command on it.
    async fn working<A: Applier>(&mut self, stream: &StreamId) -> Result<(usize, Folded<A>), AllError> {
        if let Some(at) = self.parts.iter().position(|part| part.stream == *stream) {
            let working = self.parts[at].next.as_any().downcast_ref::<Folded<A>>();
            let working = working.ok_or(CommandError::NotMounted { aggregate: A::NAME })?;
            return Ok((at, working.clone()));
        }
        let folded = match self.app.cache().get::<A>(stream) {
            Some(known) if !self.checked => known,
            _ => self.app.current(stream).await?,
        };
        let folded = Folded::clone(&folded);
        self.parts.push(Part {
            stream: stream.clone(),
            from: folded.version,
            edits: folded.edits,
            stored: Vec::new(),
            next: Box::new(folded.clone()),
        });
        Ok((self.parts.len() - 1, folded))
    }
}

/// Takes note of the `n`-th command's needs.
pub(super) fn survey_one<C>(survey: &mut Survey, command: &C)
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let policy = <C::Aggregate as Handle<C>>::RETRY;
    if survey.policy.is_none_or(|strictest| policy.max < strictest.max) {
        survey.policy = Some(policy);
    }
    survey.calls_services |= calls_services::<C>();
    let refused = match survey.app.mounted::<C::Aggregate>() {
        Err(unmounted) => Some(unmounted.into()),
        Ok(()) => C::Aggregate::validate(command)
            .map_err(|error| CommandError::Rejected(DomainError::new(error)))
            .err(),
    };
    survey.refused = survey.refused.take().or(refused);
    survey.streams.push(C::Aggregate::stream(command.id()));
}

/// Decides the `n`-th command on the working copy of its stream.
pub(super) async fn decide_one<C>(
    group: &mut Group,
    n: usize,
    command: &C,
) -> Result<Member<C::Aggregate, ReplyOf<C>>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let erase = |error: CommandError<ErrorOf<C>>| error.map(DomainError::new);
    let terms = group.terms(n, command);
    let (at, folded) = group.working::<C::Aggregate>(&terms.stream).await?;
    let decided = decide(&group.app, &terms, command.clone(), &folded).await.map_err(erase)?;
    let stored = decided.encode(&terms)?;
    let part = &mut group.parts[at];
    part.stored.extend(stored);
    part.next = Box::new(decided.next.clone());
    let stored = part.stored.len() as u64;
    Ok(Member { events: decided.events, reply: decided.reply, next: decided.next, part: at, stored })
}

/// What the `n`-th command answered when the group was carried out before.
pub(super) async fn answered_one<C>(group: &Group, n: usize, command: &C) -> Result<Option<Done<C>>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::from_log::<C>(&group.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

/// The answer of a command of which nothing was found while others of its group were.
pub(super) async fn silent_one<C>(group: &Group, n: usize, command: &C) -> Result<Done<C>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::silent::<C>(&group.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

/// The answer of one command, once it is known where the group's events stand.
pub(super) fn done_one<A: Applier, R>(member: Member<A, R>, placed: &Placed) -> Committed<A, R> {
    let Member { events, reply, mut next, part, stored } = member;
    if let (Some(Some(start)), true) = (placed.starts.get(part), stored > 0) {
        next.position = Position(start + stored);
    }
    let (version, position) = (next.version, next.position);
    let state = Loaded::of(Arc::new(next));
    Committed { reply, events, version, position, state, attempts: placed.attempts, duplicate: false }
}
