//! The testing kit of es: given what has happened, when a command comes, then this follows.
//!
//! ```
//! use es_core::prelude::*;
//! use es_testing::prelude::*;
//!
//! #[event] pub struct Opened {}
//! #[event] pub struct Deposited { pub amount: u64 }
//! #[command(Account)] pub struct Deposit { #[id] pub account: u32, pub amount: u64 }
//!
//! #[aggregate(id = u32)]
//! pub struct Account { balance: u64 }
//!
//! #[applier]
//! impl Account {
//!     fn opened(_: &Opened) -> Self { Account { balance: 0 } }
//!     fn deposited(&mut self, e: &Deposited) { self.balance += e.amount }
//! }
//!
//! #[command_handler]
//! impl Account {
//!     fn deposit(&self, command: Deposit) -> Deposited { Deposited { amount: command.amount } }
//! }
//!
//! given((Opened {}, Deposited { amount: 50 }))
//!     .when(Deposit { account: 1, amount: 30 })
//!     .then(Deposited { amount: 30 })
//!     .then_state(|account| assert_eq!(account.balance, 80));
//! ```
//!
//! A scenario is a plain `#[test]`. It runs in a real [`App`](es_core::App) over a store in memory, under a
//! clock that stands still, and every `when` also checks the laws that any aggregate has to keep:
//!
//! 1. payloads survive a serde round trip;
//! 2. deciding twice decides the same (handlers without services);
//! 3. the fold of given and new events equals the working copy;
//! 4. a snapshot at every version and its tail equal the full fold (aggregates with snapshots);
//! 5. an error, or a no-op, records nothing.
//!
//! [`reactor`] and [`projection`] begin scenarios of what follows the log: given events, when another one, then
//! commands, timers, states, documents or rows. They run by themselves, without an aggregate, and have their laws, too.
//!
//! [`flow`] plays the whole: commands go to the app as it is mounted in production, and reactors, projections and
//! timers do what follows from them.
//!
//! [`explore`](explore()) runs a story of commands, and all that follows from them, in every order in which it can
//! happen, with crashes on the way, and looks for the one in which an invariant does not hold.
//!
//! `store_suite!`, of the feature `suite`, tests a store of one's own for every promise of
//! [`EventStore`](es_core::store::EventStore).
//!
//! A failure shows what differs, field by field, and the whole scenario; one of a law names the law.

mod clock;
mod diff;
mod events;
mod explore;
mod fault;
mod flow;
mod happening;
mod laws;
pub mod prelude;
mod projection;
mod reactor;
mod scenario;
#[cfg(feature = "suite")]
pub mod suite;
mod world;

pub use clock::VirtualClock;
pub use explore::{
    Client, Exploration, ExploredStore, Failure, Moment, Report, Story, Verdict, explore, explore_with,
};
pub use flow::{GivenFlow, ThenFlow, flow};
pub use projection::{GivenProjection, projection};
#[cfg(feature = "sqlite")]
pub use projection::{GivenRows, Row, SqlValue};
pub use reactor::{GivenReactor, ThenReactor, TimerDue, reactor};
pub use scenario::{Given, Then, given, given_nothing};
pub use world::Gate as FlowStore;
