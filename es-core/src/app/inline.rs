//! Inline reactors: what they answer to the events of a commit is decided before it goes to the store, and
//! joins it.

use super::App;
use super::copies::{Copies, Part};
use super::decide::{Decided, Terms, decide};
use super::execute::Options;
use crate::aggregate::{Aggregate, Applier};
use crate::command::{Command, Handle};
use crate::error::{CommandError, DomainError, StoreError};
use crate::fold::Folded;
use crate::id::Position;
use crate::runtime::{self, InlineReactor, InnerCommand};
use crate::service::BoxFuture;
use crate::store::{Appended, BoxError};
use crate::upcast::DecodeError;
use serde::Serialize;
use std::any::TypeId;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

/// How deep commands may answer the events of commands.
const DEEPEST: u32 = 16;

/// The inline reactors of an app.
#[derive(Default)]
pub(crate) struct Inlines {
    pub(super) reactors: Vec<Arc<InlineReactor>>,
    /// The aggregates whose events some of them takes.
    pub(super) aggregates: Vec<TypeId>,
}

impl Inlines {
    /// Whether some of them may answer what `A` decides.
    pub(super) fn meet<A: Aggregate>(&self) -> bool {
        self.aggregates.contains(&TypeId::of::<A>())
    }

    /// Looks again at what a commit has required and found changed, if it is where one of them began.
    ///
    /// # Errors
    /// [`CommandError::Inline`] if a newer version is in charge.
    pub(super) async fn look(&self, app: &App, collection: &str) -> Result<(), Failure> {
        match self.reactors.iter().find(|reactor| reactor.began_in(collection)) {
            Some(reactor) => reactor.look(app).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Decides a command that an inline reactor issued.
#[doc(hidden)]
pub type DecideInner =
    for<'c> fn(&'c mut Copies, InnerCommand) -> BoxFuture<'c, Result<Raised, CommandError<DomainError>>>;

/// Events that a command has raised: which ones of which part.
#[doc(hidden)]
#[derive(Debug)]
pub struct Raised {
    part: usize,
    events: Range<usize>,
}

/// Why a commit is not made; never what its own commands say.
pub(super) type Failure = CommandError<Infallible>;

/// A commit over several streams; `None` if it is not certain yet.
type Joined = Option<Box<Copies>>;

/// The failure of a commit as that of its command.
pub(super) fn outer<E>(failure: Failure) -> CommandError<E> {
    failure.map(|none| match none {})
}

/// Decides a `C` on the working copy of its stream.
pub(crate) fn decide_inner<C>(
    copies: &mut Copies,
    inner: InnerCommand,
) -> BoxFuture<'_, Result<Raised, CommandError<DomainError>>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    Box::pin(async move {
        let command: C = serde_path_to_error::deserialize(inner.fields).map_err(|error| {
            CommandError::Rejected(DomainError::new(Unreadable {
                command: C::NAME,
                cause: error.to_string(),
            }))
        })?;
        copies.app.mounted::<C::Aggregate>()?;
        let erase = |error: CommandError<_>| error.map(DomainError::new);
        C::Aggregate::validate(&command).map_err(|error| CommandError::Rejected(DomainError::new(error)))?;
        let terms = Terms::of(&command, Options::joining(inner.id, inner.event, inner.correlation));
        let (part, folded) = copies.working::<C::Aggregate, DomainError>(&terms.stream).await?;
        let decided = decide(&copies.app, &terms, command, &folded).await.map_err(erase)?;
        let stored = decided.encode(&terms)?;
        let before = copies.parts[part].stored.len();
        let behind = copies.put(part, stored, Arc::new(decided.next));
        Ok(Raised { part, events: before..behind })
    })
}

/// A command that does not come back from its own fields.
#[derive(Debug, thiserror::Error)]
#[error("{command} cannot be read back from what it was written as: {cause}")]
struct Unreadable {
    command: &'static str,
    cause: String,
}

/// What inline reactors make of a command's events: the first part of a commit, and those that join it. `None`
/// if that is not certain, since what was looked at was not checked.
fn join(app: &App, part: Result<Part, StoreError>, checked: bool) -> BoxFuture<'_, Result<Joined, Failure>> {
    Box::pin(async move {
        let part = part?;
        let mut copies = Box::new(Copies::new(app.clone(), checked));
        let events = 0..part.stored.len();
        copies.parts.push(part);
        match meet(&mut copies, Raised { part: 0, events }).await {
            Err(_) if !checked => Ok(None),
            met => met.map(|()| copies.is_certain().then_some(copies)),
        }
    })
}

/// The same for what one command has decided.
pub(super) fn joining<'a, A: Applier, R: Serialize + 'static>(
    app: &'a App,
    terms: &Terms,
    folded: &Folded<A>,
    checked: bool,
    decided: &Decided<A, R>,
) -> BoxFuture<'a, Result<Joined, Failure>> {
    let next = || Arc::new(decided.next.clone());
    let part = decided.encode(terms).map(|stored| Part::decided(&terms.stream, folded, stored, next()));
    join(app, part, checked)
}

impl Copies {
    /// Lets inline reactors answer the last events of a part, from the `from`-th on.
    pub(super) async fn met<E>(&mut self, part: usize, from: usize) -> Result<(), CommandError<E>> {
        if self.app.inlines().reactors.is_empty() {
            return Ok(());
        }
        let events = from..self.parts[part].stored.len();
        Box::pin(meet(self, Raised { part, events })).await.map_err(outer)
    }

    /// Keeps the states behind an append for the next commands. The position before the first part's events.
    pub(super) fn settle(mut self: Box<Self>, appended: Appended) -> BoxFuture<'static, Position> {
        Box::pin(async move {
            let placed = self.placed(Some(appended.position), 0);
            self.keep(&placed, &appended.heads).await;
            Position(placed.starts.first().copied().flatten().unwrap_or(0))
        })
    }
}

/// Event by event, in the order in which they were raised, so that a stream's events are met in theirs.
async fn meet(copies: &mut Copies, first: Raised) -> Result<(), Failure> {
    let app = copies.app.clone();
    let mut met = VecDeque::from([(first, 0)]);
    while let Some((Raised { part, events }, depth)) = met.pop_front() {
        for n in events {
            let Some(stored) = copies.parts[part].event(n) else { continue };
            let event = Arc::new(runtime::raw(&stored)?);
            for reactor in app.inlines().reactors.iter().filter(|reactor| reactor.takes(&event.name)) {
                for inner in reactor.react(&app, &mut copies.kept, &event).await? {
                    if depth == DEEPEST {
                        return Err(failed(reactor, too_deep(&inner)));
                    }
                    let raised = decided(copies, reactor, inner).await?;
                    copies.within_limits()?;
                    met.push_back((raised, depth + 1));
                }
            }
        }
    }
    Ok(())
}

async fn decided(
    copies: &mut Copies,
    reactor: &InlineReactor,
    inner: InnerCommand,
) -> Result<Raised, Failure> {
    let name = inner.name.clone();
    let Some(decide) = reactor.decider(&name) else {
        return Err(failed(reactor, format!("nobody here decides {name}").into()));
    };
    let decided = match runtime::caught(async { decide(copies, inner).await }).await {
        Ok(decided) => decided,
        Err(panicked) => return Err(failed(reactor, format!("{name} {panicked}").into())),
    };
    decided.map_err(|error| match error {
        // It says nothing about the commands, and goes away by itself or with newer code.
        CommandError::Store(error) => CommandError::Store(error),
        CommandError::Decode(newer @ DecodeError::Newer { .. }) => CommandError::Decode(newer),
        error => failed(reactor, error.into()),
    })
}

fn too_deep(inner: &InnerCommand) -> BoxError {
    let name = &inner.name;
    format!("{name} would be more than {DEEPEST} commands deep: reactors that answer each other do not end")
        .into()
}

fn failed(reactor: &InlineReactor, source: BoxError) -> Failure {
    CommandError::Inline { reactor: reactor.name().to_owned(), source }
}
