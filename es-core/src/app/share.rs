//! Commands that wait for the same stream share a commit.
//!
//! Whoever has the turn, and something to store, decides for those who wait behind it, too: one after the other,
//! each on what the one before has decided. One commit takes the events of all, and everybody hears what it would
//! have heard alone. Nothing of that is true before the commit is stored, so refusals wait for it, too; where
//! somebody else was faster, everybody decides again.
//!
//! A command takes part if anybody can decide it at once, and nothing but the version of the stream has to hold: it
//! uses no services, no inline reactor answers it, and no id, version or lease was said with it.

use super::App;
use super::answer::recognised;
use super::append::settled;
use super::copies::{Copies, Part, Placed};
use super::decide::{Decided, Terms, calls_services};
use super::execute::Answered;
use super::group::{Member, decide_on, done_one};
use super::inline::outer;
use super::lost::{Lost, Turns};
use super::offer::{Answer, Cause, Offer, Outcome};
use super::queue::Turn;
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::foreign::at_once;
use crate::service::BoxFuture;
use crate::store::{AppendError, BoxError, NewEvent};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::slice;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// With so many commands, or as many events, or so many bytes of them, nobody else joins a commit: that is enough to
/// make the commit's own costs small, and far from what a commit may hold.
const ENOUGH: usize = 256;
const ENOUGH_BYTES: usize = 256 * 1024;

/// Nor when those who are in it took that long to decide: meanwhile the thread does nothing else.
const LONG: Duration = Duration::from_millis(10);

/// What a command goes into its attempts with.
pub(super) struct Entry {
    pub(super) turn: Option<Turn>,
    pub(super) attempts: u32,
    /// Whether a commit that it shared was refused, so that it is not to share another.
    pub(super) is_alone: bool,
}

impl Entry {
    /// Into the first.
    pub(super) fn first(turn: Option<Turn>) -> Self {
        Self { turn, attempts: 1, is_alone: false }
    }
}

/// What is left of a command whose events have gone into a shared commit.
type Decision<C> = Result<Member<<C as Command>::Aggregate, ReplyOf<C>>, CommandError<ErrorOf<C>>>;

/// What a command has decided for a shared commit, and what became of that.
pub(super) struct Shared<C: Command>
where
    C::Aggregate: Handle<C>,
{
    decided: Decision<C>,
    outcome: Arc<Outcome>,
}

/// What a command does about the outcome.
pub(super) enum Next<C: Command>
where
    C::Aggregate: Handle<C>,
{
    Answer(Answered<C>),
    /// Another attempt.
    Again,
    /// The same attempt, without company.
    Alone,
}

/// Whether a command may share a commit.
pub(super) fn may_share<C>(app: &App, terms: &Terms) -> bool
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let says_nothing = !terms.stated && terms.expected.is_none() && terms.fence.is_none();
    says_nothing && !calls_services::<C>() && !app.inlines().meet::<C::Aggregate>()
}

/// Waits for a turn, or for the answer if somebody else carries the command out, too.
pub(super) fn entry_or_answer<'a, C>(
    app: &'a App,
    terms: &'a Terms,
    command: &'a C,
) -> BoxFuture<'a, ControlFlow<Answered<C>, Entry>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    Box::pin(async move {
        let mut entry = Entry::first(None);
        loop {
            let (answer, shared) = oneshot::channel();
            let is_open = !entry.is_alone && may_share::<C>(app, terms);
            let offer = is_open.then(|| offer(terms, command, answer));
            if let Ok(turn) = app.queues().wait(&terms.stream, offer).await {
                return ControlFlow::Continue(Entry { turn: Some(turn), ..entry });
            }
            let next = match shared.await {
                Ok(Some(shared)) => shared.next(app, terms, entry.attempts).await,
                Ok(None) => Next::Alone,
                Err(_) => Next::Answer(Err(unknown(Gone))),
            };
            match next {
                Next::Answer(answered) => return ControlFlow::Break(answered),
                Next::Alone => entry.is_alone = true,
                Next::Again => {
                    if let Err(refused) = entry.again::<C>(app, terms, &mut None).await {
                        return ControlFlow::Break(Err(refused));
                    }
                }
            }
        }
    })
}

/// What whoever has the turn needs to decide this command.
fn offer<C>(terms: &Terms, command: &C, answer: oneshot::Sender<Option<Shared<C>>>) -> Offer
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let (terms, command, span) = (terms.clone(), command.clone(), Span::current());
    Box::new(move |copies| {
        // What panics or waits does so where it was given.
        let decided = span
            .in_scope(|| catch_unwind(AssertUnwindSafe(|| at_once(decide_on::<C>(copies, &terms, command)))));
        let Ok(Some(decided)) = decided else {
            let _ = answer.send(None);
            return None;
        };
        Some(Box::new(move |outcome| {
            let _ = answer.send(Some(Shared { decided, outcome: outcome.clone() }));
        }))
    })
}

/// Stores what was decided, together with what those decide who wait behind `turn`.
///
/// # Errors
/// [`StoreError::Encode`] if what was decided is not JSON.
pub(super) async fn stored<C>(
    app: &App,
    terms: &Terms,
    folded: &Arc<Folded<C::Aggregate>>,
    decided: Decided<C::Aggregate, ReplyOf<C>>,
    turn: Option<&Turn>,
) -> Result<Shared<C>, StoreError>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let mut copies = Copies::new(app.clone(), false);
    copies.parts.push(Part::decided(&terms.stream, folded, Vec::new(), folded.clone()));
    let member = Member::of(decided, terms, &mut copies, 0)?;
    let answers = in_company(&mut copies, turn);
    // On its own: whoever drops its command takes nobody's answer away by that.
    let carried_out = tokio::spawn(carried_out(copies, answers).in_current_span());
    Ok(Shared { decided: Ok(member), outcome: carried_out.await.unwrap_or_else(not_carried_out) })
}

/// Takes up offers until there is enough.
fn in_company(copies: &mut Copies, turn: Option<&Turn>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let (mut commands, mut events, mut bytes) = (1, 0, 0);
    let began = Instant::now();
    loop {
        let stored = &copies.parts[0].stored;
        bytes += stored[events..].iter().map(size).sum::<usize>();
        events = stored.len();
        if commands.max(events) >= ENOUGH || bytes >= ENOUGH_BYTES || began.elapsed() >= LONG {
            return answers;
        }
        let Some(offer) = turn.and_then(Turn::next_offer) else { return answers };
        answers.extend(offer(copies));
        commands += 1;
    }
}

fn size(event: &NewEvent) -> usize {
    event.payload.len() + event.metadata.len()
}

/// Stores a shared commit, and tells everybody.
async fn carried_out(mut copies: Copies, answers: Vec<Answer>) -> Arc<Outcome> {
    let app = copies.app.clone();
    tracing::debug!(stream = %copies.parts[0].stream, others = answers.len(), "commands share a commit");
    let outcome = Arc::new(match settled(&app, || copies.commit()).await {
        Ok(appended) if appended.duplicate => Outcome::Recognised,
        Ok(appended) => {
            let placed = copies.placed(Some(appended.position), 1);
            copies.keep(&placed, &appended.heads).await;
            Outcome::Stored(placed.starts.first().copied().flatten().unwrap_or(0))
        }
        Err(error) => Outcome::of(error),
    });
    for answer in answers {
        answer(&outcome);
    }
    outcome
}

/// What whoever stores a shared commit hears if that ended before it did.
fn not_carried_out(error: JoinError) -> Arc<Outcome> {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Arc::new(Outcome::Unknown(Cause::new(Gone))),
    }
}

impl<C: Command> Shared<C>
where
    C::Aggregate: Handle<C>,
{
    /// What the command does now.
    pub(super) async fn next(self, app: &App, terms: &Terms, attempts: u32) -> Next<C> {
        let Self { decided, outcome } = self;
        let has_events = decided.as_ref().is_ok_and(Member::has_events);
        match &*outcome {
            Outcome::Stored(before) => {
                let placed = Placed { starts: vec![Some(*before)], attempts };
                Next::Answer(decided.map(|member| done_one(member, &placed)))
            }
            Outcome::Recognised if has_events => Next::Answer(recognised::<C>(app, terms, None).await),
            Outcome::Outrun if has_events => Next::Again,
            // That it has nothing to store may have to do with where the others' events stand; and then it has
            // lost no race.
            Outcome::Recognised | Outcome::Outrun | Outcome::Refused => Next::Alone,
            Outcome::Unavailable(cause) => Next::Answer(Err(unavailable(cause.clone()))),
            Outcome::Unknown(cause) => Next::Answer(Err(unknown(cause.clone()))),
        }
    }
}

impl Entry {
    /// Whether there is somebody to share a commit with.
    pub(super) fn has_company<C>(&self, app: &App, terms: &Terms) -> bool
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let is_awaited = self.turn.as_ref().is_some_and(Turn::has_company);
        is_awaited && !self.is_alone && may_share::<C>(app, terms)
    }

    /// Makes ready for the next attempt, behind one that was outrun.
    ///
    /// # Errors
    /// What the caller of the command hears, if there is no next one.
    pub(super) async fn again<C>(
        &mut self,
        app: &App,
        terms: &Terms,
        beside: &mut Option<Box<Turns>>,
    ) -> Result<(), CommandError<ErrorOf<C>>>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let turns = slice::from_mut(&mut self.turn);
        Lost::alone::<C>(app, terms, self.attempts, turns, beside).retry().await.map_err(outer)?;
        self.attempts += 1;
        Ok(())
    }
}

fn unavailable<E>(cause: Cause) -> CommandError<E> {
    CommandError::Store(AppendError::Unavailable { cause: cause.into() }.into())
}

fn unknown<E>(cause: impl Into<BoxError>) -> CommandError<E> {
    CommandError::Store(AppendError::Ambiguous { cause: cause.into() }.into())
}

/// Why nobody answers any more: a runtime was shut down, or the store panicked.
#[derive(Debug, thiserror::Error)]
#[error("what sent the commit ended before it heard what became of it")]
struct Gone;
