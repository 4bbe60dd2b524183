//! A small bank on one SQLite file: how a program with es-core looks, from the model to the command line.
//!
//! Read it in this order:
//!
//! 1. [`account`] is the model: values, events, commands, the aggregate. It is all that a bank would keep if it
//!    changed its database and its user interface tomorrow.
//! 2. [`refused`] is a second, very small aggregate: what a statement was refused, so that it stays refused.
//! 3. [`ledger`] puts both onto a file, and looks things up: now, and as of any time.
//! 4. [`statement`] reads lines of JSON, and [`play`] carries them out: many at once, those of one account in
//!    their order, each of them once and no more.
//! 5. [`print`](mod@print) and [`cli`] are what a user sees.

pub mod account;
pub mod cli;
pub mod error;
pub mod ledger;
pub mod play;
pub mod print;
pub mod refused;
pub mod statement;
