//! `execute_all`: several commands, one commit.

use super::decide::{Terms, calls_services, decide};
use super::execute::{Committed, Execute, Options, pause};
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
type AllError = CommandError<DomainError>;

/// Commands that are carried out together: a tuple of commands, or a `Vec` of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group of commands",
    label = "not a tuple or `Vec` of commands",
    note = "write `execute_all((first, second))`, or give a `Vec` of one command type"
)]
pub trait Commands: Send + Sync + 'static {
    /// What each of them answers.
    type Done: Send;
    /// What each of them decided, before the commit.
    #[doc(hidden)]
    type Decided: Send;

    #[doc(hidden)]
    fn survey(&self, survey: &mut Survey);
    #[doc(hidden)]
    fn answered(&self, group: &Group) -> impl Future<Output = Result<Option<Self::Done>, AllError>> + Send;
    #[doc(hidden)]
    fn decide(&self, group: &mut Group) -> impl Future<Output = Result<Self::Decided, AllError>> + Send;
    #[doc(hidden)]
    fn done(decided: Self::Decided, position: Position, attempts: u32) -> Self::Done;
}

impl App {
    /// Carries out several commands in one commit: all of them or none, over all their streams, retried as
    /// a whole. A later command sees what an earlier one decided on the same stream.
    ///
    /// # Errors
    /// The error of the first command that was refused; nothing was recorded.
    pub fn execute_all<G: Commands>(&self, commands: G) -> Execute<G, G::Done, AllError> {
        Execute::new(self.clone(), commands, |app, commands, options| Box::pin(run(app, commands, options)))
    }
}

/// What can be known of a group before anything is read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Survey {
    streams: Vec<StreamId>,
    policy: Option<RetryPolicy>,
    calls_services: bool,
    refused: Option<AllError>,
    app: App,
}

/// The working copies of a group, one for each stream.
#[doc(hidden)]
pub struct Group {
    app: App,
    id: CommandId,
    said: Metadata,
    /// Whether every state is compared with its stream first.
    checked: bool,
    parts: Vec<Part>,
}

/// What was decided on one stream so far.
struct Part {
    stream: StreamId,
    from: u64,
    stored: Vec<NewEvent>,
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
            append::keep(app, stream, from, *self, head).await;
        })
    }
}

/// What one command of a group decided.
#[doc(hidden)]
pub struct Member<A: Applier, R> {
    events: Vec<A::Event>,
    reply: R,
    next: Folded<A>,
}

async fn run<G: Commands>(app: App, commands: G, options: Options) -> Result<G::Done, AllError> {
    let mut survey =
        Survey { streams: Vec::new(), policy: None, calls_services: false, refused: None, app: app.clone() };
    commands.survey(&mut survey);
    let stated = options.id.is_some();
    if !stated && let Some(refused) = survey.refused {
        return Err(refused);
    }
    let policy = survey.policy.unwrap_or(RetryPolicy::DEFAULT);
    // Everybody queues in the same order, so that no two groups wait for each other.
    survey.streams.sort_unstable();
    survey.streams.dedup();
    let mut turns = Vec::with_capacity(survey.streams.len());
    for stream in &survey.streams {
        turns.push(app.queues().turn(stream).await);
    }
    let mut group = Group {
        app: app.clone(),
        id: options.id.unwrap_or_else(CommandId::new),
        said: options.metadata,
        checked: survey.calls_services,
        parts: Vec::new(),
    };
    if stated && let Some(done) = commands.answered(&group).await? {
        return Ok(done);
    }
    if let Some(refused) = survey.refused {
        return Err(refused);
    }
    let answered = attempts(&commands, &mut group, &policy).await;
    // What was appended took the working copies with it.
    if !stated || (answered.is_ok() && group.parts.is_empty()) {
        return answered;
    }
    commands.answered(&group).await?.map_or(answered, Ok)
}

async fn attempts<G: Commands>(
    commands: &G,
    group: &mut Group,
    policy: &RetryPolicy,
) -> Result<G::Done, AllError> {
    let app = group.app.clone();
    let mut attempts = 1;
    loop {
        group.parts.clear();
        let decided = commands.decide(group).await;
        let silent = group.parts.iter().any(|part| part.stored.is_empty());
        if (decided.is_err() || silent) && !group.checked {
            // Only an append may leave on states that nobody checked, and only on the streams it goes to.
            group.checked = true;
            continue;
        }
        let decided = decided?;
        if group.parts.iter().all(|part| part.stored.is_empty()) {
            return Ok(G::done(decided, Position(0), attempts));
        }
        match append::settled(&app, || Ok(group.commit())).await {
            Ok(appended) if appended.duplicate => {
                group.parts.iter().for_each(|part| app.cache().drop_state(&part.stream));
                return commands.answered(group).await?.ok_or(CommandError::Conflict { attempts });
            }
            Ok(appended) => {
                group.keep(appended.position, &appended.heads).await;
                return Ok(G::done(decided, appended.position, attempts));
            }
            Err(error) if !append::is_conflict(&error) => return Err(append::refused(error)),
            Err(_) if attempts > policy.max => return Err(CommandError::Conflict { attempts }),
            Err(_) => {
                pause(policy, attempts).await;
                group.checked = true;
                attempts += 1;
            }
        }
    }
}

impl Group {
    /// What goes to the store: the parts that have events.
    fn commit(&self) -> Commit {
        let written = self.parts.iter().filter(|part| !part.stored.is_empty());
        let parts = written.map(|part| Append {
            stream: part.stream.clone(),
            expected: Expected::Exact(part.from),
            events: part.stored.clone(),
        });
        Commit { parts: parts.collect() }
    }

    async fn keep(&mut self, position: Position, heads: &[StreamHead]) {
        let app = self.app.clone();
        let written: Vec<_> = self.parts.drain(..).filter(|part| !part.stored.is_empty()).collect();
        let mut last = position;
        for (part, head) in written.into_iter().zip(heads).rev() {
            part.next.keep(&app, &part.stream, part.from, last, Some(*head)).await;
            last.0 -= part.stored.len() as u64;
        }
    }

    fn terms<C: Command>(&self, n: usize, command: &C) -> Terms {
        let stream = C::Aggregate::stream(command.id());
        Terms::of::<C>(stream, self.id.part(n as u64), self.said.clone())
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
            stored: Vec::new(),
            next: Box::new(folded.clone()),
        });
        Ok((self.parts.len() - 1, folded))
    }
}

/// Takes note of the `n`-th command's needs.
fn survey_one<C>(survey: &mut Survey, command: &C)
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
async fn decide_one<C>(
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
    Ok(Member { events: decided.events, reply: decided.reply, next: decided.next })
}

/// What the `n`-th command answered when the group was carried out before.
async fn answered_one<C>(group: &Group, n: usize, command: &C) -> Result<Option<Done<C>>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::from_log::<C>(&group.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

/// The answer of a command of which nothing was found while others of its group were.
async fn silent_one<C>(group: &Group, n: usize, command: &C) -> Result<Done<C>, AllError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = group.terms(n, command);
    answer::silent::<C>(&group.app, &terms).await.map_err(|error| error.map(DomainError::new))
}

fn done_one<A: Applier, R>(member: Member<A, R>, position: Position, attempts: u32) -> Committed<A, R> {
    let Member { events, reply, mut next } = member;
    next.position = next.position.max(position);
    let (version, position) = (next.version, next.position);
    let state = Loaded::of(Arc::new(next));
    Committed { reply, events, version, position, state, attempts, duplicate: false }
}

impl<C> Commands for Vec<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    type Done = Vec<Done<C>>;
    type Decided = Vec<Member<C::Aggregate, ReplyOf<C>>>;

    fn survey(&self, survey: &mut Survey) {
        for command in self {
            survey_one(survey, command);
        }
    }
    async fn answered(&self, group: &Group) -> Result<Option<Self::Done>, AllError> {
        let mut found = Vec::with_capacity(self.len());
        for (n, command) in self.iter().enumerate() {
            found.push(answered_one(group, n, command).await?);
        }
        if found.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut done = Vec::with_capacity(self.len());
        for (n, (command, found)) in self.iter().zip(found).enumerate() {
            done.push(match found {
                Some(one) => one,
                None => silent_one(group, n, command).await?,
            });
        }
        Ok(Some(done))
    }
    async fn decide(&self, group: &mut Group) -> Result<Self::Decided, AllError> {
        let mut decided = Vec::with_capacity(self.len());
        for (n, command) in self.iter().enumerate() {
            decided.push(decide_one(group, n, command).await?);
        }
        Ok(decided)
    }
    fn done(decided: Self::Decided, position: Position, attempts: u32) -> Self::Done {
        decided.into_iter().map(|member| done_one(member, position, attempts)).collect()
    }
}

macro_rules! command_tuple {
    ($($C:ident $n:tt),+) => {
        impl<$($C),+> Commands for ($($C,)+)
        where
            $($C: Command, $C::Aggregate: Handle<$C>,)+
        {
            type Done = ($(Done<$C>,)+);
            type Decided = ($(Member<$C::Aggregate, ReplyOf<$C>>,)+);

            fn survey(&self, survey: &mut Survey) {
                $(survey_one(survey, &self.$n);)+
            }
            async fn answered(&self, group: &Group) -> Result<Option<Self::Done>, AllError> {
                let found = ($(answered_one(group, $n, &self.$n).await?,)+);
                if true $(&& found.$n.is_none())+ {
                    return Ok(None);
                }
                Ok(Some(($(match found.$n {
                    Some(one) => one,
                    None => silent_one(group, $n, &self.$n).await?,
                },)+)))
            }
            async fn decide(&self, group: &mut Group) -> Result<Self::Decided, AllError> {
                Ok(($(decide_one(group, $n, &self.$n).await?,)+))
            }
            fn done(decided: Self::Decided, position: Position, attempts: u32) -> Self::Done {
                ($(done_one(decided.$n, position, attempts),)+)
            }
        }
    };
}
command_tuple!(C0 0);
command_tuple!(C0 0, C1 1);
command_tuple!(C0 0, C1 1, C2 2);
command_tuple!(C0 0, C1 1, C2 2, C3 3);
command_tuple!(C0 0, C1 1, C2 2, C3 3, C4 4);
command_tuple!(C0 0, C1 1, C2 2, C3 3, C4 4, C5 5);
