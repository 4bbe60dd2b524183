//! The members of a group of commands: each is decided on the working copy of its stream.

use super::copies::{Copies, Placed};
use super::decide::{Decided, Terms, calls_services, decide};
use super::execute::{Committed, Options};
use super::loaded::Loaded;
use super::{App, answer};
use crate::aggregate::{Aggregate, Applier};
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, DomainError, StoreError};
use crate::fold::Folded;
use crate::id::{CommandId, Position, StreamId};
use crate::metadata::Metadata;
use crate::retry::RetryPolicy;
use serde::Serialize;
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

/// A group on its way: what it is decided under, and its working copies.
#[doc(hidden)]
pub struct Group {
    pub(super) id: CommandId,
    /// Whether the caller gave the id, so that the group may be a repeated one.
    pub(super) stated: bool,
    pub(super) said: Metadata,
    pub(super) copies: Copies,
}

/// What one command of a group decided.
#[doc(hidden)]
pub struct Member<A: Applier, R> {
    events: Vec<A::Event>,
    reply: R,
    next: Arc<Folded<A>>,
    /// The part of its stream, and how many events that part has up to and with this command's.
    part: usize,
    stored: usize,
}

impl<A: Applier, R: Serialize + 'static> Member<A, R> {
    /// Puts what was decided on the working copy of `part`.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if it is not JSON.
    pub(super) fn of(
        decided: Decided<A, R>,
        terms: &Terms,
        copies: &mut Copies,
        part: usize,
    ) -> Result<Self, StoreError> {
        let stored = decided.encode(terms)?;
        let Decided { events, reply, next, .. } = decided;
        let next = Arc::new(next);
        let stored = copies.put(part, stored, next.clone());
        Ok(Self { events, reply, next, part, stored })
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

impl Group {
    fn terms<C: Command>(&self, n: usize, command: &C) -> Terms {
        let id = Some(self.id.part(n as u64));
        Terms::of(command, Options { id, expected: None, metadata: self.said.clone(), fence: None })
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
    let member = decide_on(&mut group.copies, &terms, command.clone()).await.map_err(erase)?;
    group.copies.met(member.part, member.stored - member.events.len()).await?;
    Ok(member)
}

/// Decides a command on the working copy of its stream.
pub(super) async fn decide_on<C>(
    copies: &mut Copies,
    terms: &Terms,
    command: C,
) -> Result<Member<C::Aggregate, ReplyOf<C>>, CommandError<ErrorOf<C>>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let (part, folded) = copies.working::<C::Aggregate, _>(&terms.stream).await?;
    let decided = decide(&copies.app, terms, command, &folded).await?;
    Ok(Member::of(decided, terms, copies, part)?)
}

/// What the `n`-th command answered when the group was carried out before.
pub(super) async fn answered_one<C>(group: &Group, n: usize, command: &C) -> Result<Option<Done<C>>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::from_log::<C>(&group.copies.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

/// The answer of a command of which nothing was found while others of its group were.
pub(super) async fn silent_one<C>(group: &Group, n: usize, command: &C) -> Result<Done<C>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::silent::<C>(&group.copies.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

/// The answer of one command, once it is known where the group's events stand.
pub(super) fn done_one<A: Applier, R>(member: Member<A, R>, placed: &Placed) -> Committed<A, R> {
    let Member { events, reply, next, part, stored } = member;
    let mut next = Arc::unwrap_or_clone(next);
    if let (Some(Some(start)), true) = (placed.starts.get(part), stored > 0) {
        next.position = Position(start + stored as u64);
    }
    let (version, position) = (next.version, next.position);
    let state = Loaded::of(Arc::new(next));
    Committed { reply, events, version, position, state, attempts: placed.attempts, duplicate: false }
}
