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
mod event_enum;
mod fold;
mod id;
mod id_text;
mod metadata;
pub mod model;
mod outcome;
mod reply;
mod retry;
mod scratch;
mod service;
pub mod store;
mod time;
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
pub use id_text::ParseIdError;
pub use metadata::Metadata;
pub use model::model;
pub use outcome::{IntoEvents, Outcome, Refusal, ReplyValue};
pub use reply::Reply;
pub use retry::RetryPolicy;
#[cfg(feature = "sqlite")]
pub use rusqlite;
pub use service::{BoxFuture, Services};
pub use time::TimestampExt;
pub use upcast::DecodeError;
pub use {jiff, serde_json, uuid};

/// What a model is written with: every attribute, and the types that its code names.
pub mod prelude {
    pub use crate::{
        Aggregate, AggregateId, App, Applier, AsOf, BoxFuture, BuildError, Clock, Command, CommandError,
        CommandId, Committed, Context, DecodeError, DispatchError, DomainError, Draft, EditError, Envelope,
        Event, EventEnum, Handle, IdError, IntoEvents, LoadError, Loaded, Metadata, ParseIdError, Position,
        Recorded, Reply, RetryPolicy, StoreError, StreamId,
    };
    pub use crate::{TimestampExt as _, store::EventStore};
    pub use es_macros::*;
    pub use jiff::{Timestamp, civil::Date};
    pub use uuid::Uuid;
}
