//! Event sourcing, declared: annotate plain types, and the compiler checks the model.

extern crate self as es_core;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[doc(hidden)]
#[path = "testing.rs"]
pub mod __testing;
mod aggregate;
mod app;
mod check;
mod command;
mod context;
mod draft;
mod error;
mod event;
mod fold;
mod id;
mod metadata;
mod model;
mod outcome;
mod reply;
mod retry;
mod service;
pub mod store;
mod upcast;

pub use aggregate::{Aggregate, Applier, Life};
pub use app::{
    App, AppBuilder, AsOf, BuildError, Clock, Commands, Committed, EditError, Execute, JsonCommand, Loaded,
    Options, SystemClock,
};
pub use command::{Command, ErrorOf, Handle, ReplyOf};
pub use context::Context;
pub use draft::Draft;
pub use error::{CommandError, DispatchError, DomainError, LoadError, StoreError};
pub use es_macros::*;
pub use event::{Envelope, Event, EventEnum, EventInfo, Field, IdError, Raisable, Recorded, RetiredEvent};
pub use id::{AggregateId, CommandId, Position, StreamId};
pub use metadata::Metadata;
pub use outcome::{IntoEvents, Outcome, Refusal, ReplyValue};
pub use reply::Reply;
pub use retry::RetryPolicy;
pub use service::Services;
pub use upcast::DecodeError;
pub use {jiff, serde_json, uuid};
