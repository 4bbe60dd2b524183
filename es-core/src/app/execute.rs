//! `execute`: a command from the caller to the log and back.

use super::attempt::attempts;
use super::decide::Terms;
use super::loaded::Loaded;
use super::queue::Busy;
use super::share::{self, Entry};
use super::{App, answer};
use crate::aggregate::Applier;
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::CommandError;
use crate::id::{CommandId, Position};
use crate::metadata::Metadata;
use crate::service::BoxFuture;
use crate::store::Fence;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use tracing::Instrument;
use uuid::Uuid;

/// A command that was carried out.
#[derive(Clone, Debug)]
pub struct Committed<A: Applier, R = ()> {
    /// What the handler answered.
    pub reply: R,
    /// The events that were recorded; none if there was nothing to do.
    pub events: Vec<A::Event>,
    /// The version of the stream behind them.
    pub version: u64,
    /// The position of the last of them; where nothing was recorded, of the stream's last event.
    pub position: Position,
    /// The state behind them: `None` if there is none, since that was the end or nothing was recorded yet, and
    /// for a duplicate.
    pub state: Option<Loaded<A>>,
    /// How often it was decided; 0 if the answer came from the log.
    pub attempts: u32,
    /// Whether the answer came from the log: the command's events were there when this call looked, or when
    /// it sent them again because it had not heard whether they were stored.
    pub duplicate: bool,
}

/// What is said with a command.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) id: Option<CommandId>,
    pub(super) expected: Option<u64>,
    pub(super) metadata: Metadata,
    /// The lease that it is given under, if it is a reactor's.
    pub(super) fence: Option<Box<Fence>>,
}

impl Options {
    /// Under this id, in answer to an event.
    pub(crate) fn answering(id: CommandId, event: Uuid, correlation: Uuid, fence: Fence) -> Self {
        let mut metadata = Metadata::new();
        metadata.causation_id = Some(event);
        metadata.correlation_id = Some(correlation);
        Self { id: Some(id), expected: None, metadata, fence: Some(Box::new(fence)) }
    }

    /// Under this id, in the commit of the event that it answers.
    pub(super) fn joining(id: CommandId, event: Uuid, correlation: Uuid) -> Self {
        let mut metadata = Metadata::new();
        metadata.causation_id = Some(event);
        metadata.correlation_id = Some(correlation);
        Self { id: Some(id), expected: None, metadata, fence: None }
    }
}

/// A command on its way: a future that owns what it needs, so it can be spawned.
///
/// Dropping it tears nothing: what was handed to the store is stored as a whole or not at all.
#[must_use = "a command is executed when it is awaited"]
pub struct Execute<C, T, E> {
    stage: Stage<C, T, E>,
}

type Running<T, E> = BoxFuture<'static, Result<T, E>>;

#[allow(clippy::large_enum_variant, reason = "what waits is moved once, and a box would cost every command")]
enum Stage<C, T, E> {
    Waiting { app: App, command: C, options: Options, run: fn(App, C, Options) -> Running<T, E> },
    Running(Running<T, E>),
    Done,
}

impl<C, T, E> Execute<C, T, E> {
    pub(super) fn new(app: App, command: C, run: fn(App, C, Options) -> Running<T, E>) -> Self {
        Self { stage: Stage::Waiting { app, command, options: Options::default(), run } }
    }

    /// Under this id. A command that was carried out under it before is not carried out again: its events,
    /// version and reply come from the log.
    pub fn id(mut self, id: impl Into<CommandId>) -> Self {
        self.options(|options| options.id = Some(id.into()));
        self
    }

    /// On behalf of this actor.
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.options(|options| options.metadata.actor = Some(actor.into()));
        self
    }

    /// With this metadata. What [`by`](Self::by) said before is kept where it names no actor.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.options(|options| {
            let actor = options.metadata.actor.take();
            options.metadata = metadata;
            options.metadata.actor = options.metadata.actor.take().or(actor);
        });
        self
    }

    pub(super) fn expecting(mut self, version: u64) -> Self {
        self.options(|options| options.expected = Some(version));
        self
    }

    fn options(&mut self, set: impl FnOnce(&mut Options)) {
        if let Stage::Waiting { options, .. } = &mut self.stage {
            set(options);
        }
    }
}

impl<C, A: Applier, R, E> Execute<C, Committed<A, R>, E> {
    /// Only if the stream is at this version; then nothing is retried.
    pub fn expect_version(self, version: u64) -> Self {
        self.expecting(version)
    }
}

// Nothing in it is pinned: the running future has its own box.
impl<C, T, E> Unpin for Execute<C, T, E> {}

impl<C, T, E> Future for Execute<C, T, E> {
    type Output = Result<T, E>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut running = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Waiting { app, command, options, run } => run(app, command, options),
            Stage::Running(running) => running,
            Stage::Done => panic!("a command was polled after it had answered"),
        };
        let polled = running.as_mut().poll(context);
        if polled.is_pending() {
            self.stage = Stage::Running(running);
        }
        polled
    }
}

impl<C: fmt::Debug, T, E> fmt::Debug for Execute<C, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Stage::Waiting { command, .. } => f.debug_tuple("Execute").field(command).finish(),
            Stage::Running(_) => f.write_str("Execute(running)"),
            Stage::Done => f.write_str("Execute(done)"),
        }
    }
}

pub(super) type Done<C> = Committed<<C as Command>::Aggregate, ReplyOf<C>>;
pub(super) type Answered<C> = Result<Done<C>, CommandError<ErrorOf<C>>>;

impl App {
    /// Carries out a command.
    ///
    /// Its aggregate's state is looked up or folded, the handler decides on it, and what it decided is
    /// appended if nobody else was faster. If somebody was, the whole command is decided again on what was
    /// missed, as often as the handler's retry policy says.
    ///
    /// Commands on one stream wait for each other in this process. Those that wait are decided one after the other
    /// and share a commit, if they have handlers without services and nothing but metadata is said with them; such a
    /// handler may run on the task of somebody who was before it in the line.
    ///
    /// # Errors
    /// [`CommandError`]; whichever it is, nothing was recorded. The one exception says so:
    /// [`AppendError::Ambiguous`](crate::store::AppendError::Ambiguous) inside of
    /// [`CommandError::Store`], which repeating the command under the same id settles.
    pub fn execute<C>(&self, command: C) -> Execute<C, Done<C>, CommandError<ErrorOf<C>>>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        Execute::new(self.clone(), command, run)
    }
}

/// Carries out one command, in a span of its own.
///
/// What is said with the command is taken apart before the future begins, which stays small by that: it is
/// allocated once for every command.
pub(crate) fn run<C>(app: App, command: C, options: Options) -> BoxFuture<'static, Answered<C>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let terms = Terms::of(&command, options);
    let span = tracing::info_span!("command", name = C::NAME, stream = %terms.stream);
    let carried_out = carried_out(app, terms, command);
    if span.is_disabled() { Box::pin(carried_out) } else { Box::pin(carried_out.instrument(span)) }
}

#[allow(clippy::manual_async_fn, reason = "that would have room for what it is given twice")]
fn carried_out<C>(app: App, terms: Terms, command: C) -> impl Future<Output = Answered<C>> + Send
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    async move { carry_out(&app, &terms, &command).await }
}

async fn carry_out<C>(app: &App, terms: &Terms, command: &C) -> Answered<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    app.mounted::<C::Aggregate>()?;
    if !terms.stated {
        C::Aggregate::validate(command).map_err(CommandError::Rejected)?;
    }
    let mut entry = match app.queues().at_once(&terms.stream) {
        Ok(turn) => Entry::first(turn),
        Err(Busy) => match share::entry_or_answer(app, terms, command).await {
            ControlFlow::Break(answered) => return answered,
            ControlFlow::Continue(entry) => entry,
        },
    };
    if terms.stated {
        if let Some(done) = answer::from_log::<C>(app, terms).await? {
            return Ok(done);
        }
        C::Aggregate::validate(command).map_err(CommandError::Rejected)?;
    }
    let answered = attempts(app, terms, command, &mut entry).await;
    let appended = answered.as_ref().is_ok_and(|done| !done.events.is_empty());
    if !terms.stated || appended {
        return answered;
    }
    // Somebody else may have carried out the same command since it was looked up; then it is this one's own
    // doing that leaves it nothing to do.
    match (answer::from_log::<C>(app, terms).await, answered) {
        (Ok(Some(done)), _) => Ok(done),
        // Whether it was stored is still unknown, and no failed look makes that known.
        (Ok(None) | Err(_), answered @ Err(CommandError::Store(_))) | (Ok(None), answered) => answered,
        (Err(unread), _) => Err(unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::store::MemoryStore;

    #[event]
    struct Counted {
        by: u64,
    }

    #[command(Counter)]
    struct Count {
        #[id]
        counter: Uuid,
        by: u64,
    }

    #[aggregate(id = Uuid, default)]
    #[derive(Default)]
    struct Counter {
        sum: u64,
    }

    #[applier]
    impl Counter {
        fn counted(&mut self, e: &Counted) {
            self.sum += e.by;
        }
    }

    #[command_handler]
    impl Counter {
        fn count(&self, command: Count) -> Counted {
            Counted { by: command.by }
        }
    }

    /// Up to here an allocation is one of those that the usual allocator keeps at hand for each thread.
    const QUICK: usize = 1_032;

    #[tokio::test]
    async fn what_a_command_carries_is_allocated_quickly() {
        let app = App::builder(MemoryStore::new()).aggregate::<Counter>().build().await.unwrap();
        let command = Count { counter: Uuid::nil(), by: 1 };
        let terms = Terms::of(&command, Options::default());
        let size = size_of_val(&carried_out(app, terms, command));
        assert!(size <= QUICK, "a command takes {size} bytes");
    }
}
