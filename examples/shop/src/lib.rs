//! A web shop and its order management: two contexts that share nothing but public events.
//!
//! `cargo run -p shop` plays a fortnight in a few seconds, in the folder `shop-data`; kill it whenever you like,
//! and start it again. `cargo run -p shop -- --help` says what else there is.
//!
//! Read it in this order:
//!
//! 1. [`public`] is all that the contexts know of each other: public events, and the letters that carry them.
//! 2. [`ecommerce`] has carts, purchases and an offer. Its [`publishes`](ecommerce::publishes) hands letters
//!    to the other context, its [`inbox`](ecommerce::inbox) takes letters in.
//! 3. [`orders`] has orders, payments and stock, and in [`flow`](orders::flow) the process that leads an
//!    order through them. [`bank`](orders::bank) and [`mail`](orders::mail) have effects, [`reports`](orders::reports) are what is read,
//!    and [`stock_levels`](orders::stock_levels) what is read differently on different stores.
//! 4. [`shop`] puts both onto stores and connects them, [`logs`] says which stores; [`mailbox`] is where mails arrive.
//! 5. [`calendar`] lets days pass, and [`story`] is what happens on them. [`narrator`], [`report`] and
//!    [`cli`] are what a user sees.

pub mod calendar;
pub mod cli;
#[allow(missing_docs, reason = "the fields of events and commands say what they are")]
pub mod ecommerce;
pub mod error;
pub mod logs;
pub mod mailbox;
pub mod narrator;
#[allow(missing_docs, reason = "so do these")]
pub mod orders;
#[allow(missing_docs, reason = "and these")]
pub mod public;
pub mod report;
pub mod shop;
pub mod story;
