//! The methods of a reactor without its type: everything behind this is written once, for all of them.

use crate::app::{App, Options};
use crate::context::{Context, Delivery};
use crate::event::RawEvent;
use crate::id::{CommandId, StreamId};
use crate::incoming::Takes;
use crate::issued::Wish;
use crate::key::Key;
use crate::reactor::{Call, Executed, React};
use crate::runtime::Halt;
use crate::runtime::race::caught;
use crate::service::{BoxFuture, Services};
use crate::upcast::{DecodeError, PayloadError};
use serde_json::Value;
use serde_json::value::RawValue;
use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What a method takes, shared by all keys that the event is for.
pub(super) type Shared = Arc<dyn Any + Send + Sync>;

/// Executes a command whose refusal a method takes.
pub(super) type Execute = fn(App, Value, Options) -> BoxFuture<'static, Executed>;

/// One event, for one key.
pub(super) struct Delivered {
    pub event: Arc<RawEvent>,
    /// The methods that take it, in written order; or why it cannot be read.
    pub calls: Result<Vec<(usize, Shared)>, String>,
}

/// What methods are called with.
pub(super) struct Step<'a> {
    pub app: &'a App,
    pub services: &'a Services,
    pub state: Option<&'a RawValue>,
    pub key: &'a str,
    pub event: &'a RawEvent,
    pub calls: &'a [(usize, Shared)],
    pub attempt: u32,
    /// What new ids are derived from.
    pub ids: CommandId,
    /// Whether methods with services are left out, since this only makes up for the past.
    pub silent: bool,
}

/// What has come out.
pub(super) struct Reacted {
    pub state: Option<Box<RawValue>>,
    pub answers: Vec<Answer>,
}

/// What one method wants done.
pub(super) struct Answer {
    pub method: usize,
    pub wishes: Vec<Wish>,
    /// Whether the process of this key has ended with it.
    pub ended: bool,
}

/// The methods of a reactor.
pub(super) trait Methods: Send + Sync + 'static {
    /// Whom an event is for, in the order in which they are met.
    fn deliveries(&self, event: &Arc<RawEvent>) -> Result<Vec<(String, Delivered)>, Halt>;
    /// Calls methods one after the other, each on the state that the one before has left.
    fn call<'a>(&'a self, step: Step<'a>) -> BoxFuture<'a, Result<Reacted, String>>;
    /// The methods that take the refusal of this command, and how it is executed for them.
    fn refusal(&self, command: &str) -> Option<(Vec<usize>, Execute)>;
}

/// The methods of `R`.
pub(super) struct Of<R>(pub PhantomData<fn() -> R>);

impl<R: React> Methods for Of<R> {
    fn deliveries(&self, event: &Arc<RawEvent>) -> Result<Vec<(String, Delivered)>, Halt> {
        let mut found: Vec<(String, Delivered)> = Vec::new();
        for (index, method) in R::METHODS.iter().enumerate() {
            if !takes(&method.takes, event)? {
                continue;
            }
            let (keys, call) = match (method.read)(event) {
                Ok(message) => {
                    let keys = (method.keys)(&*message, event).map_err(|error| no_key(event, &error))?;
                    (keys, Ok(Shared::from(message)))
                }
                Err(error) => (vec![stream_key::<R>(event, &error_text(event, error)?)?], Err(event)),
            };
            for key in keys {
                let text = key.text();
                let at = found.iter().position(|(known, _)| *known == text).unwrap_or_else(|| {
                    found.push((text, Delivered { event: event.clone(), calls: Ok(Vec::new()) }));
                    found.len() - 1
                });
                let calls = &mut found[at].1.calls;
                match (&call, &mut *calls) {
                    // A key that a method names twice is one key.
                    (Ok(_), Ok(known)) if known.last().is_some_and(|(last, _)| *last == index) => {}
                    (Ok(message), Ok(known)) => known.push((index, message.clone())),
                    (Ok(_), Err(_)) => {}
                    (Err(_), _) => *calls = Err(format!("event \"{}\" cannot be read", event.name)),
                }
            }
        }
        Ok(found)
    }

    fn call<'a>(&'a self, step: Step<'a>) -> BoxFuture<'a, Result<Reacted, String>> {
        Box::pin(call_all::<R>(step))
    }

    fn refusal(&self, command: &str) -> Option<(Vec<usize>, Execute)> {
        let methods = || {
            let all = R::METHODS.iter().enumerate();
            all.filter(|(_, method)| matches!(method.takes, Takes::Refused { command: of } if of == command))
        };
        let execute = methods().find_map(|(_, method)| method.execute)?;
        Some((methods().map(|(index, _)| index).collect(), execute))
    }
}

/// Whether a method is for this event.
fn takes(takes: &Takes, event: &RawEvent) -> Result<bool, Halt> {
    match takes {
        Takes::Refused { .. } => Ok(false),
        // Folds pass over what was redacted, and so do reactors.
        Takes::Event { info, .. } if !info.is_named(&event.name) || event.payload.is_none() => Ok(false),
        Takes::Event { info, .. } if event.schema > info.version => Err(newer(event, info.version)),
        Takes::Event { .. } | Takes::Any => Ok(true),
    }
}

fn newer(event: &RawEvent, known: u16) -> Halt {
    Halt::Newer(DecodeError::Newer {
        stream: event.envelope.stream.clone(),
        version: event.envelope.version,
        event: event.name.to_string(),
        schema: event.schema,
        known,
    })
}

/// What is wrong with a payload, unless newer code wrote it.
fn error_text(event: &RawEvent, error: PayloadError) -> Result<String, Halt> {
    match error {
        PayloadError::Newer { known } => Err(newer(event, known)),
        PayloadError::Unknown => Ok(format!("version {} is older than this code reads", event.schema)),
        PayloadError::Unreadable(reason) => Ok(reason),
    }
}

/// The key of an event that cannot be read: known only where it is the stream and nothing else.
fn stream_key<R: React>(event: &RawEvent, reason: &str) -> Result<R::Key, Halt> {
    if TypeId::of::<R::Key>() == TypeId::of::<StreamId>() {
        return R::Key::of(&event.envelope).map_err(|error| no_key(event, &error));
    }
    Err(no_key(event, &reason))
}

fn no_key(event: &RawEvent, reason: &dyn std::fmt::Display) -> Halt {
    let (name, position) = (&event.name, event.position);
    Halt::Stopped(format!("the key of event \"{name}\" at position {position} cannot be computed: {reason}"))
}

async fn call_all<R: React>(step: Step<'_>) -> Result<Reacted, String> {
    let key = R::Key::parse(step.key).ok_or_else(|| format!("\"{}\" is not a key of it", step.key))?;
    let mut state = match (&R::SPEC.state, step.state) {
        (None, _) => Some(R::default()),
        (Some(_), None) => None,
        (Some(codec), Some(stored)) => {
            Some((codec.decode)(stored.get().as_bytes()).map_err(|error| format!("its state: {error}"))?)
        }
    };
    let context = Context::<R> {
        now: step.app.now(),
        ids: step.ids,
        issued: AtomicU64::new(0),
        around: Delivery { attempt: step.attempt },
    };
    let mut answers = Vec::new();
    for (index, message) in step.calls {
        let Some(method) = R::METHODS.get(*index) else { continue };
        if step.silent && has_effects(method.services) {
            continue;
        }
        let call = Call {
            state: &mut state,
            message: &**message,
            event: step.event,
            key: &key,
            context: &context,
            app: step.app,
            services: step.services,
        };
        // A method that panics before it returns its future panics like one that does so in it.
        let issued =
            caught(async { (method.run)(call).await }).await?.map_err(|error| error_chain(&*error))?;
        let ended = R::SPEC.state.is_some() && state.is_none();
        answers.push(Answer { method: *index, wishes: issued.wishes, ended });
    }
    let state = match (&R::SPEC.state, state) {
        (Some(codec), Some(state)) => Some(encoded((codec.encode)(&state))?),
        _ => None,
    };
    Ok(Reacted { state, answers })
}

fn has_effects(services: fn(&mut Vec<crate::service::ServiceNeed>)) -> bool {
    let mut needs = Vec::new();
    services(&mut needs);
    !needs.is_empty()
}

fn encoded(bytes: Result<Vec<u8>, serde_json::Error>) -> Result<Box<RawValue>, String> {
    let text = bytes.map(String::from_utf8).map_err(|error| format!("its state: {error}"))?;
    let text = text.map_err(|error| format!("its state: {error}"))?;
    RawValue::from_string(text).map_err(|error| format!("its state: {error}"))
}

/// An error with what it came from.
fn error_chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
