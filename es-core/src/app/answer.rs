//! Answers that come from the log: a command that was carried out before, or that changed nothing.

use super::copies::Copies;
use super::decide::{Decided, Terms};
use super::execute::Committed;
use super::loaded::Loaded;
use super::{App, append};
use crate::command::{Command, ErrorOf, Handle, ReplyOf};
use crate::error::{CommandError, StoreError};
use crate::fold::{self, Folded};
use crate::id::Position;
use crate::service::BoxFuture;
use crate::store::{EventSearch, ReadError, StoredEvent};
use crate::upcast::DecodeError;
use std::sync::Arc;

type Done<C> = Committed<<C as Command>::Aggregate, ReplyOf<C>>;

type Earlier<C> = Result<Option<Done<C>>, CommandError<ErrorOf<C>>>;

/// What a command answered when it was carried out under this id; `None` if it was not.
///
/// Boxed, like everything beside the straight way from a cached state to an append: the future of a command
/// stays small.
///
/// # Errors
/// [`CommandError::IdReused`] if another command had this id.
pub(super) fn from_log<'a, C>(app: &'a App, terms: &'a Terms) -> BoxFuture<'a, Earlier<C>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    Box::pin(read_log::<C>(app, terms))
}

/// What is answered where the store has said that the command is stored.
pub(super) fn found<T, E>(read: Result<Option<T>, CommandError<E>>) -> Result<T, CommandError<E>> {
    read.map_err(append::unanswered)?.ok_or_else(append::lost)
}

/// The answer to a command whose commit the store has recognised. What is cached is from before it.
pub(super) fn recognised<'a, C>(
    app: &'a App,
    terms: &'a Terms,
    joined: Option<&Copies>,
) -> BoxFuture<'a, Result<Done<C>, CommandError<ErrorOf<C>>>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    app.cache().drop_state(&terms.stream);
    if let Some(joined) = joined {
        joined.drop_states();
    }
    Box::pin(async { found(from_log::<C>(app, terms).await) })
}

async fn read_log<C>(app: &App, terms: &Terms) -> Earlier<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let first_id = terms.command_id.event(&terms.stream, 0);
    let search = EventSearch::on(terms.stream.clone(), first_id);
    let Some(first) = app.store().find_event(search).await.map_err(unread)? else { return Ok(None) };
    let metadata = fold::decode_metadata(&first)?;
    if metadata.command.as_deref() != Some(C::NAME) {
        let earlier = metadata.command.unwrap_or_default().into_owned();
        return Err(CommandError::IdReused { id: terms.command_id, earlier });
    }
    let reply = serde_json::from_value(metadata.reply.unwrap_or_default())
        .map_err(|error| no_reply(&first, metadata.redacted.is_some(), &error))?;
    let (mut events, mut version, mut position) = (Vec::new(), first.version, first.position);
    let mut last = Some(first);
    let mut n = 0;
    while let Some(stored) = last {
        (version, position) = (stored.version, stored.position);
        events.extend(fold::decode::<C::Aggregate>(&stored)?.map(|recorded| recorded.data));
        n += 1;
        let next = EventSearch::on(terms.stream.clone(), terms.command_id.event(&terms.stream, n));
        last = app.store().find_event(next.after(position)).await.map_err(unread)?;
    }
    Ok(Some(Committed { reply, events, version, position, state: None, attempts: 0, duplicate: true }))
}

/// The answer of a command that decided on no events.
pub(super) fn unchanged<C>(reply: ReplyOf<C>, folded: Arc<Folded<C::Aggregate>>, attempts: u32) -> Done<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    Committed {
        reply,
        events: Vec::new(),
        version: folded.version,
        position: folded.position,
        state: Loaded::of(folded),
        attempts,
        duplicate: false,
    }
}

/// The answer of a command whose events inline reactors have answered: its own events, which stand behind
/// `before`, and the state behind them.
pub(super) fn joined<C>(
    decided: Decided<C::Aggregate, ReplyOf<C>>,
    before: Position,
    attempts: u32,
) -> Done<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let Decided { events, reply, mut next, .. } = decided;
    next.position = Position(before.0 + events.len() as u64);
    let (version, position) = (next.version, next.position);
    let state = Loaded::of(Arc::new(next));
    Committed { reply, events, version, position, state, attempts, duplicate: false }
}

fn unread<E>(error: ReadError) -> CommandError<E> {
    CommandError::Store(StoreError::Read(error))
}

fn no_reply(first: &StoredEvent, redacted: bool, error: &serde_json::Error) -> DecodeError {
    DecodeError::Payload {
        stream: first.stream.clone(),
        version: first.version,
        event: first.name.to_string(),
        schema: first.schema,
        reason: if redacted { "its reply was redacted".to_owned() } else { format!("its reply: {error}") },
    }
}

/// The answer of a repeated command of which nothing was found while others of its group were: it had
/// recorded nothing, or the group was stored between one look and the next.
pub(super) async fn silent<C>(app: &App, terms: &Terms) -> Result<Done<C>, CommandError<ErrorOf<C>>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    if let Some(done) = from_log::<C>(app, terms).await? {
        return Ok(done);
    }
    let folded = app.current::<C::Aggregate>(&terms.stream).await?;
    let reply = serde_json::from_value(serde_json::Value::Null).map_err(|_| DecodeError::Payload {
        stream: terms.stream.clone(),
        version: folded.version,
        event: C::NAME.to_owned(),
        schema: 0,
        reason: "its command recorded nothing, so its reply was not kept".to_owned(),
    })?;
    let (version, position) = (folded.version, folded.position);
    Ok(Committed { reply, events: Vec::new(), version, position, state: None, attempts: 0, duplicate: true })
}
