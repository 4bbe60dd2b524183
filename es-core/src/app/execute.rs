//! `execute`: a command from the caller to the log and back.

use super::decide::{Decided, Terms, calls_services, decide};
use super::loaded::Loaded;
use super::{App, answer, append};
use crate::aggregate::Aggregate;
use crate::aggregate::Applier;
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::id::{CommandId, Position};
use crate::metadata::Metadata;
use crate::retry::RetryPolicy;
use crate::store::{Commit, Expected};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tracing::Instrument;

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
    /// The state behind them: `None` if that was the end, and for a duplicate.
    pub state: Option<Loaded<A>>,
    /// How often it was decided.
    pub attempts: u32,
    /// Whether the command's events were in the log already: this call recorded nothing.
    pub duplicate: bool,
}

/// What is said with a command.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) id: Option<CommandId>,
    pub(super) expected: Option<u64>,
    pub(super) metadata: Metadata,
}

/// A command on its way: a future that owns what it needs, so it can be spawned.
///
/// Dropping it tears nothing: what was handed to the store is stored as a whole or not at all.
#[must_use = "a command is executed when it is awaited"]
pub struct Execute<C, T, E> {
    stage: Stage<C, T, E>,
}

type Running<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

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
        Execute::new(self.clone(), command, |app, command, options| {
            let span = tracing::info_span!("command", name = C::NAME, stream = tracing::field::Empty);
            Box::pin(run(app, command, options).instrument(span))
        })
    }
}

/// A state, and whether it was compared with the stream since it was last cached.
struct Known<A> {
    folded: Arc<Folded<A>>,
    checked: bool,
}

/// Carries out one command.
pub(super) async fn run<C>(app: App, command: C, options: Options) -> Answered<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    app.mounted::<C::Aggregate>()?;
    let stated = options.id.is_some();
    let command_id = options.id.unwrap_or_else(CommandId::new);
    let stream = C::Aggregate::stream(command.id());
    tracing::Span::current().record("stream", tracing::field::display(&stream));
    if !stated {
        C::Aggregate::validate(&command).map_err(CommandError::Rejected)?;
    }
    let _turn = app.queues().turn(&stream).await;
    let terms = Terms::of::<C>(stream, command_id, options.metadata);
    if stated {
        if let Some(done) = answer::from_log::<C>(&app, &terms).await? {
            return Ok(done);
        }
        C::Aggregate::validate(&command).map_err(CommandError::Rejected)?;
    }
    let answered = attempts(&app, &terms, command, options.expected).await;
    let appended = answered.as_ref().is_ok_and(|done| !done.events.is_empty());
    if !stated || appended {
        return answered;
    }
    // Somebody else may have carried out the same command since it was looked up; then it is this one's own
    // doing that leaves it nothing to do.
    match answer::from_log::<C>(&app, &terms).await? {
        Some(done) => Ok(done),
        None => answered,
    }
}

/// Decides and appends until one of it stands.
async fn attempts<C>(app: &App, terms: &Terms, command: C, expected: Option<u64>) -> Answered<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let policy = <C::Aggregate as Handle<C>>::RETRY;
    let mut attempts = 1;
    let mut known = match app.cache().get(&terms.stream) {
        Some(folded) => Known { folded, checked: false },
        None => Known { folded: app.fetch(&terms.stream).await?, checked: true },
    };
    loop {
        if calls_services::<C>() && !known.checked {
            check(app, terms, &mut known).await?;
        }
        let decided = if expected.is_some_and(|version| version != known.folded.version) {
            Err(CommandError::Conflict { attempts })
        } else {
            decide(app, terms, command.clone(), &known.folded).await
        };
        let decided = match decided {
            Ok(decided) if !decided.events.is_empty() => decided,
            unappended => {
                // Only an append may leave on a state that nobody checked.
                if !known.checked && check(app, terms, &mut known).await? {
                    continue;
                }
                return unappended
                    .map(|nothing| answer::unchanged::<C>(nothing.reply, known.folded, attempts));
            }
        };
        let error = match append::<C>(app, terms, &known.folded, decided, attempts).await {
            Ok(answered) => return answered,
            Err(error) if !append::is_conflict(&error) => return Err(append::refused(error)),
            Err(conflict) => conflict,
        };
        if expected.is_some() || attempts > policy.max {
            tracing::debug!(attempts, %error, "given up");
            return Err(CommandError::Conflict { attempts });
        }
        pause(&policy, attempts).await;
        check(app, terms, &mut known).await?;
        attempts += 1;
    }
}

/// Appends what was decided, and answers.
///
/// # Errors
/// [`StoreError`] if it was not stored: a conflict among others.
async fn append<C>(
    app: &App,
    terms: &Terms,
    folded: &Folded<C::Aggregate>,
    decided: Decided<C::Aggregate, ReplyOf<C>>,
    attempts: u32,
) -> Result<Answered<C>, StoreError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let expected = Expected::Exact(folded.version);
    let commit = || Ok(Commit::one(terms.stream.clone(), expected, decided.encode(terms)?));
    let appended = append::settled(app, commit).await?;
    if appended.duplicate {
        app.cache().drop_state(&terms.stream);
        let stored = answer::from_log::<C>(app, terms).await;
        return Ok(stored.and_then(|done| done.ok_or(CommandError::Conflict { attempts })));
    }
    let Decided { events, reply, mut next, .. } = decided;
    next.position = appended.position;
    let head = appended.heads.first().copied();
    let next = append::keep(app, &terms.stream, folded.version, next, head).await;
    let (version, position) = (next.version, next.position);
    let state = Loaded::of(next);
    Ok(Ok(Committed { reply, events, version, position, state, attempts, duplicate: false }))
}

/// Compares a state with its stream; whether that changed it.
async fn check<A: Applier, E>(
    app: &App,
    terms: &Terms,
    known: &mut Known<A>,
) -> Result<bool, CommandError<E>> {
    let fresh = app.refresh(&terms.stream, known.folded.clone()).await?;
    let changed = !Arc::ptr_eq(&fresh, &known.folded);
    *known = Known { folded: fresh, checked: true };
    Ok(changed)
}

/// Waits before the next attempt.
pub(super) async fn pause(policy: &RetryPolicy, attempts: u32) {
    let pause = policy.pause(attempts);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}
