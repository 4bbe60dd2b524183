//! Stories from systems that were built on events: carts, orders, accounts, lessons, counters.
//!
//! Each module is one domain, written as its developer would write it. A story with a store runs on every
//! store; a plain given/when/then needs none. The number in a story's name is its number in the list of
//! acceptance scenarios, and stays when the story is renamed.

#[macro_use]
mod kit;

mod back_orders;
mod banking;
mod billing;
mod cart;
mod contexts;
mod counter;
mod daily;
mod expiry;
mod lessons;
mod log;
mod messages;
mod order_flow;
mod orders;
mod payment;
mod pricing;
mod promotion;
mod shipping_mail;
mod shop;
mod sizes;
mod subscribers;
mod subscription;
mod subscription_mails;
mod sync_projection;
mod sync_reactors;
mod todo;
mod warnings;
