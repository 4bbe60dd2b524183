//! `execute`: a command from the caller to the log and back.

use super::copies::Copies;
use super::decide::{Decided, Terms, calls_services, decide};
use super::loaded::Loaded;
use super::lost::Lost;
use super::queue::LONGEST_WAIT;
use super::{App, answer, append, inline};
use crate::aggregate::Applier;
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::id::{CommandId, Position};
use crate::metadata::Metadata;
use crate::service::BoxFuture;
use crate::store::{Appended, Commit, Expected, Fence, StoredSnapshot};
use serde::Serialize;
use std::fmt;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
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

type Done<C> = Committed<<C as Command>::Aggregate, ReplyOf<C>>;
type Answered<C> = Result<Done<C>, CommandError<ErrorOf<C>>>;

impl App {
    /// Carries out a command.
    ///
    /// Its aggregate's state is looked up or folded, the handler decides on it, and what it decided is
    /// appended if nobody else was faster. If somebody was, the whole command is decided again on what was
    /// missed, as often as the handler's retry policy says.
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

/// A state, and whether it was compared with the stream since it was last cached.
struct Known<A> {
    folded: Arc<Folded<A>>,
    checked: bool,
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
    let carried_out = async move { carry_out(&app, &terms, &command).await };
    if span.is_disabled() { Box::pin(carried_out) } else { Box::pin(carried_out.instrument(span)) }
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
    let _turn = app.queues().turn(&terms.stream, LONGEST_WAIT).await;
    if terms.stated {
        if let Some(done) = answer::from_log::<C>(app, terms).await? {
            return Ok(done);
        }
        C::Aggregate::validate(command).map_err(CommandError::Rejected)?;
    }
    let answered = attempts(app, terms, command).await;
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

/// Decides and appends until one of it stands.
async fn attempts<C>(app: &App, terms: &Terms, command: &C) -> Answered<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let mut attempts = 1;
    // Whether what inline reactors look at on other streams is read first, too.
    let mut sure = calls_services::<C>() || terms.expected.is_some();
    let mut turns = None;
    let mut known = match app.cache().get(&terms.stream) {
        Some(folded) => Known { folded, checked: false },
        None => Known { folded: Box::pin(app.fetch(&terms.stream)).await?, checked: true },
    };
    loop {
        if calls_services::<C>() && !known.checked {
            check(app, terms, &mut known).await?;
        }
        let decided = if terms.expected.is_some_and(|version| version != known.folded.version) {
            Err(CommandError::Conflict { attempts })
        } else {
            decide(app, terms, command.clone(), &known.folded).await
        };
        // Looked at where it is: a second place for it would cost every command a slow allocation.
        let Some(new) = decided.as_ref().ok().filter(|decided| !decided.events.is_empty()) else {
            // Only an append may leave on a state that nobody checked.
            if !known.checked && check(app, terms, &mut known).await? {
                continue;
            }
            return decided.map(|nothing| answer::unchanged::<C>(nothing.reply, known.folded, attempts));
        };
        let joined = if app.inlines().meet::<C::Aggregate>() {
            let joined =
                inline::joining(app, terms, &known.folded, sure, new).await.map_err(inline::outer)?;
            if joined.is_none() {
                check(app, terms, &mut known).await?;
                sure = true;
                continue;
            }
            joined
        } else {
            None
        };
        let outcome = append::settled(app, || commit(terms, &known.folded, new, joined.as_deref())).await;
        let lost = Lost {
            app,
            own: slice::from_ref(&terms.stream),
            joined: joined.as_deref(),
            turns: &mut turns,
            policy: &C::Aggregate::RETRY,
            attempts,
            is_last: terms.expected.is_some() || attempts > C::Aggregate::RETRY.max,
        };
        let Some(appended) = lost.unless(outcome).await.map_err(inline::outer)? else {
            check(app, terms, &mut known).await?;
            sure = true;
            attempts += 1;
            continue;
        };
        if appended.duplicate {
            return recognised::<C>(app, terms, joined.as_deref()).await;
        }
        if let Some(joined) = joined {
            let before = joined.settle(appended).await;
            return Ok(answer::joined::<C>(decided?, before, attempts));
        }
        let (done, snapshot) = committed(app, terms, &known.folded, decided?, appended, attempts);
        if let Some(snapshot) = snapshot {
            Box::pin(app.save_snapshot(snapshot)).await;
        }
        return Ok(done);
    }
}

/// The answer to a command whose commit the store has recognised. What is cached is from before it.
fn recognised<'a, C>(app: &'a App, terms: &'a Terms, joined: Option<&Copies>) -> BoxFuture<'a, Answered<C>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    app.cache().drop_state(&terms.stream);
    if let Some(joined) = joined {
        joined.drop_states();
    }
    Box::pin(async { answer::found(answer::from_log::<C>(app, terms).await) })
}

/// What goes to the store: what was decided, and what joins it.
fn commit<A: Applier, R: Serialize + 'static>(
    terms: &Terms,
    folded: &Folded<A>,
    new: &Decided<A, R>,
    joined: Option<&Copies>,
) -> Result<Commit, StoreError> {
    let commit = if let Some(joined) = joined {
        joined.commit()?
    } else {
        let (stream, expected) = (terms.stream.clone(), Expected::Exact(folded.version));
        Commit::one(stream, expected, new.encode(terms)?).knowing(folded.edits)
    };
    Ok(Commit { fence: terms.fence.as_deref().cloned(), ..commit })
}

/// The answer to what was appended, and the snapshot that is due with it.
fn committed<A: Applier, R>(
    app: &App,
    terms: &Terms,
    folded: &Folded<A>,
    decided: Decided<A, R>,
    appended: Appended,
    attempts: u32,
) -> (Committed<A, R>, Option<StoredSnapshot>) {
    let Decided { events, reply, mut next, .. } = decided;
    let Appended { position, heads, .. } = appended;
    next.position = position;
    let (next, snapshot) = append::keep(app, &terms.stream, folded.version, next, heads.first().copied());
    let version = next.version;
    let state = Loaded::of(next);
    (Committed { reply, events, version, position, state, attempts, duplicate: false }, snapshot)
}

/// Compares a state with its stream; whether that changed it.
async fn check<A: Applier, E>(
    app: &App,
    terms: &Terms,
    known: &mut Known<A>,
) -> Result<bool, CommandError<E>> {
    let fresh = Box::pin(app.refresh(&terms.stream, known.folded.clone())).await?;
    let changed = !Arc::ptr_eq(&fresh, &known.folded);
    *known = Known { folded: fresh, checked: true };
    Ok(changed)
}
