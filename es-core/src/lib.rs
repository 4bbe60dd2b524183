//! Event sourcing, declared: annotate plain types, and the compiler checks the model.

extern crate self as es_core;

mod aggregate;
mod app;
mod check;
mod command;
mod context;
mod draft;
mod error;
mod event;
mod event_enum;
mod fold;
mod id;
mod id_text;
mod metadata;
mod model;
mod outcome;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod reply;
mod retry;
mod service;
pub mod store;
mod time;
mod upcast;

pub use aggregate::{Aggregate, Applier, Life};
pub use command::{Command, ErrorOf, Handle, ReplyOf};
pub use context::Context;
pub use draft::Draft;
pub use error::{CommandError, DispatchError, DomainError, LoadError, StoreError};
pub use event::{Envelope, Event, EventEnum, EventInfo, Field, IdError, Raisable, Recorded, RetiredEvent};
pub use id::{AggregateId, CommandId, Position, StreamId};
pub use id_text::ParseIdError;
pub use metadata::Metadata;
pub use outcome::{IntoEvents, Outcome, Refusal, ReplyValue};
pub use reply::Reply;
pub use retry::RetryPolicy;
pub use service::Services;
pub use time::TimestampExt;
pub use upcast::DecodeError;
pub use es_macros::*;
pub use {jiff, serde_json, uuid};

/// What a model is written with: every attribute, and the types that its code names.
pub mod prelude {
    pub use crate::{
        Aggregate, AggregateId, Applier, Command, CommandError, CommandId, Context, DecodeError, DispatchError,
        DomainError, Draft, Envelope, Event, EventEnum, Handle, IdError, IntoEvents, LoadError, Metadata,
        ParseIdError, Position, Recorded, Reply, RetryPolicy, StoreError, StreamId,
    };
    pub use crate::{TimestampExt as _, store::EventStore};
    pub use es_macros::*;
    pub use jiff::{Timestamp, civil::Date};
    pub use uuid::Uuid;
}
