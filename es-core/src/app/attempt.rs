//! The attempts at one command: decided, stored, and both again where somebody else was faster.

use super::copies::Copies;
use super::decide::{Decided, Terms, calls_services, decide};
use super::execute::{Answered, Committed, Done};
use super::loaded::Loaded;
use super::lost::{Lost, Turns};
use super::share::{self, Entry, Next};
use super::{App, answer, append, inline};
use crate::aggregate::Applier;
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::store::{Appended, Commit, Expected, StoredSnapshot};
use serde::Serialize;
use std::slice;
use std::sync::Arc;

/// A state, and whether it was compared with the stream since it was last cached.
struct Known<A> {
    folded: Arc<Folded<A>>,
    checked: bool,
}

/// What a command goes into an attempt with, beside the state.
struct Race<'a> {
    /// With the turn on its own stream.
    entry: &'a mut Entry,
    /// The turns on the streams that the answers of inline reactors lead to.
    beside: Option<Box<Turns>>,
    /// Whether what inline reactors look at on other streams is read first, too.
    sure: bool,
}

/// What was stored, and what went with the command's own events.
type Stored = (Appended, Option<Box<Copies>>);

/// Decides and appends until one of it stands.
pub(super) async fn attempts<C>(app: &App, terms: &Terms, command: &C, entry: &mut Entry) -> Answered<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let sure = calls_services::<C>() || terms.expected.is_some();
    let mut race = Race { entry, beside: None, sure };
    let mut known = match app.cache().get(&terms.stream) {
        Some(folded) => Known { folded, checked: false },
        None => Known { folded: Box::pin(app.fetch(&terms.stream)).await?, checked: true },
    };
    loop {
        // Nothing is decided again on what has just proved to be outdated.
        if (calls_services::<C>() || race.entry.attempts > 1) && !known.checked {
            check(app, terms, &mut known).await?;
        }
        let decided = if terms.expected.is_some_and(|version| version != known.folded.version) {
            Err(CommandError::Conflict { attempts: race.entry.attempts })
        } else {
            decide(app, terms, command.clone(), &known.folded).await
        };
        // Looked at where it is: a second place for it would cost every command a slow allocation.
        let Some(new) = decided.as_ref().ok().filter(|decided| !decided.events.is_empty()) else {
            // Only an append may leave on a state that nobody checked.
            if !known.checked && check(app, terms, &mut known).await? {
                continue;
            }
            return decided
                .map(|nothing| answer::unchanged::<C>(nothing.reply, known.folded, race.entry.attempts));
        };
        if race.entry.has_company::<C>(app, terms) {
            match Box::pin(race.share::<C>(app, terms, &mut known, decided?)).await? {
                Some(done) => return Ok(done),
                None => continue,
            }
        }
        let Some((appended, joined)) = race.store::<C>(app, terms, &known.folded, new).await? else {
            check(app, terms, &mut known).await?;
            race.sure = true;
            continue;
        };
        if appended.duplicate {
            return answer::recognised::<C>(app, terms, joined.as_deref()).await;
        }
        if let Some(joined) = joined {
            let before = joined.settle(appended).await;
            return Ok(answer::joined::<C>(decided?, before, race.entry.attempts));
        }
        let (done, snapshot) = committed(app, terms, &known.folded, decided?, appended, race.entry.attempts);
        if let Some(snapshot) = snapshot {
            Box::pin(app.save_snapshot(snapshot)).await;
        }
        return Ok(done);
    }
}

impl Race<'_> {
    /// Stores what was decided in one commit with what those decide who wait behind; `None` if it is to be decided
    /// again.
    ///
    /// # Errors
    /// What the caller of the command hears, if there is no next attempt.
    async fn share<C>(
        &mut self,
        app: &App,
        terms: &Terms,
        known: &mut Known<C::Aggregate>,
        decided: Decided<C::Aggregate, ReplyOf<C>>,
    ) -> Result<Option<Done<C>>, CommandError<ErrorOf<C>>>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let entry = &mut *self.entry;
        let shared = share::stored::<C>(app, terms, &known.folded, decided, entry.turn.as_ref()).await?;
        match shared.next(app, terms, entry.attempts).await {
            Next::Answer(answered) => return answered.map(Some),
            Next::Alone => entry.is_alone = true,
            Next::Again => {
                entry.again::<C>(app, terms, &mut self.beside).await?;
                check(app, terms, known).await?;
            }
        }
        Ok(None)
    }

    /// Stores what was decided; `None` if it is to be decided again, on states that were compared with their streams.
    ///
    /// # Errors
    /// What the caller of the command hears, if there is no next attempt.
    async fn store<C>(
        &mut self,
        app: &App,
        terms: &Terms,
        folded: &Folded<C::Aggregate>,
        new: &Decided<C::Aggregate, ReplyOf<C>>,
    ) -> Result<Option<Stored>, CommandError<ErrorOf<C>>>
    where
        C: Command,
        C::Aggregate: Handle<C>,
    {
        let joined = if app.inlines().meet::<C::Aggregate>() {
            let joined = inline::joining(app, terms, folded, self.sure, new).await.map_err(inline::outer)?;
            if joined.is_none() {
                return Ok(None);
            }
            joined
        } else {
            None
        };
        let outcome = append::settled(app, || commit(terms, folded, new, joined.as_deref())).await;
        let policy = &<C::Aggregate as Handle<C>>::RETRY;
        let lost = Lost {
            app,
            own: slice::from_ref(&terms.stream),
            turns: slice::from_mut(&mut self.entry.turn),
            joined: joined.as_deref(),
            beside: &mut self.beside,
            policy,
            attempts: self.entry.attempts,
            is_last: terms.expected.is_some() || self.entry.attempts > policy.max,
        };
        let appended = lost.unless(outcome).await.map_err(inline::outer)?;
        if appended.is_none() {
            self.entry.attempts += 1;
        }
        Ok(appended.map(|appended| (appended, joined)))
    }
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
