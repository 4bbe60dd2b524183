//! From a stored event to the methods that take it.

use super::error::panicked;
use crate::event::RawEvent;
use crate::incoming::{Message, Takes};
use crate::runtime::{Halt, raw, raw_without_metadata};
use crate::store::{Filter, StoredEvent};
use crate::upcast::{DecodeError, PayloadError};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One method of a projection, as far as events are concerned.
pub(super) trait Method: Sync {
    fn takes(&self) -> Takes;
    fn reads(&self) -> fn(&RawEvent) -> Result<Message, PayloadError>;
    /// Whether it is given the event's metadata.
    fn sees_metadata(&self) -> bool {
        true
    }
}

/// The events that some method takes.
pub(super) fn filter<M: Method>(methods: &[M]) -> Filter {
    let mut names = Vec::new();
    for method in methods {
        match method.takes() {
            Takes::Event { info, .. } => {
                names.push(info.name.to_owned());
                names.extend(info.aliases.iter().map(|&alias| alias.to_owned()));
            }
            Takes::Any => return Filter::default(),
            Takes::Refused { .. } => {}
        }
    }
    names.sort();
    names.dedup();
    Filter { names, ..Filter::default() }
}

/// Why an event goes no further, and how many events of the page stand before it.
#[derive(Debug)]
pub(super) struct Failure {
    pub done: usize,
    pub halt: Halt,
}

impl<E: Into<Halt>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { done: 0, halt: error.into() }
    }
}

/// An event with what its methods are given.
pub(super) struct Read<M: 'static> {
    pub event: RawEvent,
    pub messages: Vec<(&'static M, Message)>,
}

/// Reads an event once for each method that takes it. A redacted one is for those alone that take any event.
///
/// # Errors
/// [`Halt::Newer`] or [`Halt::Stopped`]: nothing is passed over because it cannot be read.
pub(super) fn read<M: Method>(methods: &'static [M], stored: &StoredEvent) -> Result<Read<M>, Halt> {
    let mut messages = Vec::new();
    let event = read_to(&mut messages, methods, stored)?;
    Ok(Read { event, messages })
}

/// As [`read`], into a list that is there already, and empty.
pub(super) fn read_to<M: Method>(
    messages: &mut Vec<(&'static M, Message)>,
    methods: &'static [M],
    stored: &StoredEvent,
) -> Result<RawEvent, Halt> {
    let is_seen = methods.iter().any(Method::sees_metadata);
    let event = if is_seen { raw(stored)? } else { raw_without_metadata(stored) };
    let mut known = None;
    for method in methods {
        let is_taken = match method.takes() {
            Takes::Any => true,
            Takes::Event { info, oldest } if event.payload.is_some() && info.is_named(&event.name) => {
                let is_readable = (oldest..=info.version).contains(&event.schema);
                known = known.max(Some((info.version, is_readable)));
                is_readable
            }
            Takes::Event { .. } | Takes::Refused { .. } => false,
        };
        if is_taken {
            messages.push((method, message(method, &event)?));
        }
    }
    match known {
        Some((known, false)) if !messages.iter().any(|(method, _)| is_typed(*method)) => {
            Err(out_of_range(&event, known).into())
        }
        _ => Ok(event),
    }
}

fn is_typed(method: &impl Method) -> bool {
    matches!(method.takes(), Takes::Event { .. })
}

fn message<M: Method>(method: &M, event: &RawEvent) -> Result<Message, Halt> {
    let reading = catch_unwind(AssertUnwindSafe(|| (method.reads())(event)));
    let reason = match reading {
        Ok(Ok(message)) => return Ok(message),
        Ok(Err(PayloadError::Newer { known })) => return Err(out_of_range(event, known).into()),
        Ok(Err(PayloadError::Unknown)) => return Err(out_of_range(event, 0).into()),
        Ok(Err(PayloadError::Unreadable(reason))) => reason,
        Err(panic) => panicked(&*panic),
    };
    let (stream, version) = (event.envelope.stream.clone(), event.envelope.version);
    let (event, schema) = (event.name.to_string(), event.schema);
    Err(DecodeError::Payload { stream, version, event, schema, reason }.into())
}

#[cold]
fn out_of_range(event: &RawEvent, known: u16) -> DecodeError {
    let (stream, version) = (event.envelope.stream.clone(), event.envelope.version);
    let (event, schema) = (event.name.to_string(), event.schema);
    if schema > known && known > 0 {
        DecodeError::Newer { stream, version, event, schema, known }
    } else {
        DecodeError::Unknown { stream, version, event, schema }
    }
}

/// A method has failed on an event: a projection never skips one.
pub(super) fn stopped(method: &str, event: &RawEvent, reason: impl Display) -> Halt {
    Halt::Stopped(failed(method, event, reason))
}

/// Which method has failed, on which event.
#[cold]
pub(super) fn failed(method: &str, event: &RawEvent, reason: impl Display) -> String {
    format!(
        "`{method}` failed on event \"{}\" at position {} (stream {}, version {}): {reason}",
        event.name, event.position, event.envelope.stream, event.envelope.version
    )
}

/// A method has failed while its effect was written; behind so many events that are fine.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Stumble {
    pub done: usize,
    pub reason: String,
}
