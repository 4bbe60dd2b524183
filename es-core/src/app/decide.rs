//! One attempt at one command: from a state to the events it raises and the state behind them.
//!
//! Nothing here reads or writes; what is decided is data until the append.

use super::App;
use super::execute::Options;
use super::queue::inside_a_handler;
use crate::aggregate::Aggregate;
use crate::aggregate::{Applier, Life};
use crate::command::{Command, ErrorOf, Handle, Needs, ReplyOf, Unmet};
use crate::context::{Around, Context};
use crate::error::{CommandError, StoreError};
use crate::event::{Envelope, EventEnum};
use crate::fold::Folded;
use crate::id::{CommandId, StreamId};
use crate::metadata::Metadata;
use crate::outcome::{self, Answer, Decision, FromViolation};
use crate::scratch;
use crate::service::Services;
use crate::store::{Fence, NewEvent, ReadError};
use crate::upcast::Payload;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::Error as _;
use std::any::TypeId;
use std::borrow::Cow;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// What was decided.
pub(super) struct Decided<A: Applier, R> {
    pub(super) events: Vec<A::Event>,
    /// When: what the events' `recorded_at` is.
    now: Timestamp,
    /// The state behind them.
    pub(super) next: Folded<A>,
    pub(super) reply: R,
}

/// What a command is decided under, the same in every attempt.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) stream: StreamId,
    pub(super) command_id: CommandId,
    pub(super) metadata: Arc<Metadata>,
    /// Whether the caller gave the id, so that the command may be a repeated one.
    pub(super) stated: bool,
    /// The version that the caller expects.
    pub(super) expected: Option<u64>,
    /// The lease that it is given under, if it is a reactor's. Boxed, since others pay for its room.
    pub(super) fence: Option<Box<Fence>>,
}

impl Terms {
    /// What `command` is decided under: what was said with it, and its name and id.
    pub(super) fn of<C: Command>(command: &C, options: Options) -> Self {
        let command_id = options.id.unwrap_or_else(CommandId::new);
        let mut metadata = options.metadata;
        metadata.command = Some(C::NAME.into());
        metadata.command_id = Some(command_id);
        metadata.correlation_id.get_or_insert(command_id.as_uuid());
        // Metadata that was read from an event and is passed on brings what was true of that event only.
        metadata.reply = None;
        metadata.redacted = None;
        Self {
            stream: C::Aggregate::stream(command.id()),
            command_id,
            metadata: Arc::new(metadata),
            stated: options.id.is_some(),
            expected: options.expected,
            fence: options.fence,
        }
    }
}

type Attempt<C> = Result<Decided<<C as Command>::Aggregate, ReplyOf<C>>, CommandError<ErrorOf<C>>>;

/// What a handler gets that takes no services.
static NONE: LazyLock<Services> = LazyLock::new(Services::default);

/// Decides `command` on `folded`.
///
/// # Errors
/// Every refusal, as the caller of the command gets it.
pub(super) async fn decide<C>(
    app: &App,
    terms: &Terms,
    command: C,
    folded: &Folded<C::Aggregate>,
) -> Attempt<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let provided = calls_services::<C>().then(|| app.services());
    let services = match &provided {
        None => &NONE,
        Some(provided) => provided.get().ok_or_else(not_running)?,
    };
    let state = match <C::Aggregate as Handle<C>>::Needs::admit(folded) {
        Ok(state) => state,
        Err(unmet) => return Err(refuse(unmet, &terms.stream)),
    };
    let context = Context {
        now: app.now().max(folded.recorded_at),
        ids: terms.command_id,
        issued: AtomicU64::new(0),
        around: Around {
            id: command.id().clone(),
            stream: terms.stream.clone(),
            version: folded.version,
            metadata: terms.metadata.clone(),
        },
    };
    let handling = <C::Aggregate as Handle<C>>::handle(state, command, &context, services);
    let outcome = if calls_services::<C>() { inside_a_handler(handling).await } else { handling.await };
    settle::<C>(terms, context, outcome::settle(outcome).map_err(CommandError::Rejected)?, folded)
}

/// Whether the handler of `C` can do more than decide.
pub(super) fn calls_services<C>() -> bool
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    !<C::Aggregate as Handle<C>>::SERVICES.is_empty()
}

/// Applies what was decided to a working copy, and asks the invariants about it.
fn settle<C>(
    terms: &Terms,
    context: Context<C::Aggregate>,
    decision: Decision<C::Aggregate, ReplyOf<C>>,
    folded: &Folded<C::Aggregate>,
) -> Attempt<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    let Decision { events, answer } = decision;
    let mut next = folded.clone();
    let mut envelope = Envelope {
        id: Uuid::nil(),
        stream: context.around.stream,
        version: folded.version,
        recorded_at: context.now,
        metadata: context.around.metadata,
    };
    for (n, event) in (0..).zip(&events) {
        if C::Aggregate::READS_ENVELOPE {
            envelope.id = terms.command_id.event(&terms.stream, n);
        }
        envelope.version += 1;
        next.apply(event, &envelope)?;
    }
    if let (false, Life::Living(state)) = (events.is_empty(), &next.life) {
        state
            .check()
            .map_err(|violation| CommandError::Invariant(ErrorOf::<C>::from_violation(violation)))?;
    }
    let reply = match answer {
        Answer::Known(reply) => reply,
        Answer::FromState(read) => match next.life.latest() {
            Some(state) => read(state),
            None => return Err(refuse(Unmet::NotFound, &terms.stream)),
        },
    };
    Ok(Decided { events, now: envelope.recorded_at, next, reply })
}

impl<A: Applier, R: Serialize + 'static> Decided<A, R> {
    /// The events as the store gets them: the same bytes every time. The reply goes with the first.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if an event, the reply or the metadata is not JSON.
    pub(super) fn encode(&self, terms: &Terms) -> Result<Vec<NewEvent>, StoreError> {
        let mut stored: Vec<NewEvent> = Vec::with_capacity(self.events.len());
        for (n, event) in (0..).zip(&self.events) {
            let metadata = match stored.as_slice() {
                [] => self.first_metadata(terms)?,
                [_] => terms.metadata.encode().map_err(unwritable("the metadata"))?,
                [.., last] => last.metadata.clone(),
            };
            stored.push(NewEvent {
                id: terms.command_id.event(&terms.stream, n),
                name: Cow::Borrowed(event.name()),
                schema: event.version(),
                recorded_at: self.now,
                payload: payload(event).map_err(unwritable(event.name()))?,
                metadata,
            });
        }
        Ok(stored)
    }

    fn first_metadata(&self, terms: &Terms) -> Result<Bytes, StoreError> {
        let reply = if TypeId::of::<R>() == TypeId::of::<()>() {
            None
        } else {
            Some(serde_json::to_value(&self.reply).map_err(unwritable("the reply"))?)
        };
        match reply {
            None => terms.metadata.encode(),
            reply => terms.metadata.with_reply(reply).encode(),
        }
        .map_err(unwritable("the metadata"))
    }
}

/// An event's bytes, which can be read back.
///
/// JSON has no infinities and nothing that is not a number: they are written as `null`, without an error. An
/// event that holds one would be stored, and its stream not read any more.
fn payload<E: EventEnum>(event: &E) -> Result<Bytes, serde_json::Error> {
    let bytes = scratch::bytes(|json| event.encode_to(json))?;
    if bytes.windows(4).any(|part| matches!(part, b"null")) {
        let stored = Payload { name: event.name(), schema: event.version(), bytes: &bytes };
        E::decode(stored).map_err(|error| {
            serde_json::Error::custom(format!("what was written is not readable: {error:?}"))
        })?;
    }
    Ok(bytes)
}

fn unwritable(what: &str) -> impl FnOnce(serde_json::Error) -> StoreError {
    move |source| StoreError::Encode { what: what.to_owned(), source }
}

/// An app inside of a service has services only while the app around it is there.
fn not_running<E>() -> CommandError<E> {
    let cause = "the app around this service is not built yet, or gone";
    CommandError::Store(StoreError::Read(ReadError::Unavailable(cause.into())))
}

fn refuse<E>(unmet: Unmet, stream: &StreamId) -> CommandError<E> {
    let stream = stream.clone();
    match unmet {
        Unmet::NotFound => CommandError::NotFound { stream },
        Unmet::AlreadyExists => CommandError::AlreadyExists { stream },
        Unmet::Ended => CommandError::Ended { stream },
    }
}
