//! Event sourcing, declared: annotate plain types, and the compiler checks the model.
//!
//! A *command* is decided on the state of its *aggregate*. What was decided is appended to the aggregate's
//! *stream* as *events*, under the version that the decision was made on. The state is the fold of the events.
//!
//! 1. Declare: [`event`](macro@event), [`value`], [`aggregate_id`], [`command`](macro@command),
//!    [`aggregate`](macro@aggregate).
//! 2. Say what follows: [`applier`](macro@applier) folds events into the state,
//!    [`command_handler`](macro@command_handler) decides commands.
//! 3. Run: [`App::builder`] over a [`store`], then [`App::execute`], [`App::load`], [`App::history`]. A log is in
//!    memory, in a SQLite file, or, with the features `postgres` and `nats`, on servers.
//! 4. Follow: [`reactor`](macro@reactor) answers events with commands, timers and effects,
//!    [`projection`](macro@projection) keeps what is read; both go from [`App::start`] on.
//! 5. Test: `given(..).when(..).then(..)` of the crate `es_testing`.
//!
//! ```
//! use es_core::prelude::*;
//! use es_core::store::MemoryStore;
//!
//! #[event]
//! pub struct Opened {
//!     pub owner: String,
//! }
//! #[event]
//! pub struct Deposited {
//!     pub amount: u64,
//! }
//!
//! #[command(Account)]
//! pub struct Open {
//!     #[id]
//!     pub account: String,
//!     pub owner: String,
//! }
//! #[command(Account)]
//! pub struct Deposit {
//!     #[id]
//!     pub account: String,
//!     pub amount: u64,
//! }
//!
//! #[aggregate(id = String)]
//! pub struct Account {
//!     owner: String,
//!     balance: u64,
//! }
//!
//! #[applier]
//! impl Account {
//!     fn opened(e: &Opened) -> Self {
//!         Account { owner: e.owner.clone(), balance: 0 }
//!     }
//!     fn deposited(&mut self, e: &Deposited) {
//!         self.balance += e.amount;
//!     }
//! }
//!
//! #[command_handler]
//! impl Account {
//!     fn open(command: Open) -> Opened {
//!         Opened { owner: command.owner }
//!     }
//!     fn deposit(&self, command: Deposit) -> Option<Deposited> {
//!         (command.amount > 0).then_some(Deposited { amount: command.amount })
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let app = App::builder(MemoryStore::new()).aggregate::<Account>().build().await?;
//! app.execute(Open { account: "a-1".into(), owner: "Ann".into() }).await?;
//! let done = app.execute(Deposit { account: "a-1".into(), amount: 50 }).await?;
//! assert_eq!(done.version, 2);
//!
//! let account = app.load::<Account>(&"a-1".into()).await?.unwrap();
//! assert_eq!((account.owner.as_str(), account.balance), ("Ann", 50));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

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
mod dispatcher;
mod draft;
mod error;
mod event;
mod event_enum;
mod fold;
mod foreign;
mod id;
mod id_text;
mod incoming;
mod issued;
mod joining;
mod key;
mod metadata;
pub mod model;
mod outcome;
mod projection;
mod reactor;
mod reply;
mod retry;
mod runtime;
mod scratch;
mod service;
pub mod store;
mod time;
mod upcast;

pub use aggregate::{Aggregate, Applier, Life};
pub use app::{
    App, AppBuilder, AsOf, BuildError, Clock, CommandGroup, Committed, EditError, Execute, JsonCommand,
    Loaded, SubscribeFrom, Subscription, SubscriptionError, SystemClock,
};
pub use command::{Command, ErrorOf, Handle, ReplyOf};
pub use context::Context;
pub use dispatcher::{Dispatcher, FanOutError};
pub use draft::Draft;
pub use error::{CommandError, DispatchError, DomainError, LoadError, StoreError};
pub use es_macros::*;
pub use event::{
    Envelope, Event, EventEnum, EventInfo, Field, IdError, Raisable, RawEvent, Recorded, RetiredEvent,
};
pub use id::{AggregateId, CommandId, Position, StreamId};
pub use id_text::ParseIdError;
pub use issued::{CancelTimer, Commands, IntoCommands, Timer};
pub use key::Key;
pub use metadata::Metadata;
pub use model::model;
pub use outcome::{IntoEvents, Outcome, Refusal, ReplyValue};
pub use projection::{Document, Projection};
pub use reactor::{React, Reactor, Refused};
pub use reply::Reply;
pub use retry::RetryPolicy;
pub use runtime::{
    DocumentError, Documents, DrainError, FollowerState, FollowerStatus, ParkedEntry, ParkedError,
    ParkedWork, ProjectionError, Running, ScratchCopy, StartError, StopError, WaitError,
};
#[cfg(feature = "sqlite")]
pub use rusqlite;
pub use service::{BoxFuture, Services};
#[cfg(feature = "postgres")]
pub use sqlx;
pub use time::TimestampExt;
pub use upcast::DecodeError;
pub use {jiff, serde_json, uuid};

/// What a model is written with: every attribute, and the types that its code names.
pub mod prelude {
    pub use crate::TimestampExt as _;
    pub use crate::store::{EventStore, Filter};
    #[cfg(feature = "postgres")]
    pub use crate::store::{PgError, PgTx};
    #[cfg(feature = "sqlite")]
    pub use crate::store::{SqliteError, SqliteTx};
    pub use crate::{
        Aggregate, AggregateId, App, Applier, AsOf, BoxFuture, BuildError, CancelTimer, Clock, Command,
        CommandError, CommandId, Commands, Committed, Context, DecodeError, DispatchError, DomainError,
        Draft, EditError, Envelope, Event, EventEnum, Handle, IdError, IntoEvents, LoadError, Loaded,
        Metadata, ParseIdError, Position, RawEvent, Recorded, Refused, Reply, RetryPolicy, StoreError,
        StreamId, SubscribeFrom, SubscriptionError, Timer,
    };
    pub use es_macros::*;
    pub use jiff::{Timestamp, civil::Date};
    pub use uuid::Uuid;
}
