//! The attributes of es.

mod aggregate;
mod applier;
mod args;
mod command;
mod command_handler;
mod ctx;
mod diag;
mod event;
mod handlers;
mod id;
mod names;
mod retry;
mod sig;
mod value;

use proc_macro::TokenStream;

/// Declares an event.
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

/// Declares a type that stands inside events, commands and replies.
#[proc_macro_attribute]
pub fn value(args: TokenStream, item: TokenStream) -> TokenStream {
    value::expand(args.into(), item.into()).into()
}

/// Declares a command.
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    command::expand(args.into(), item.into()).into()
}

/// Declares the id of an aggregate.
#[proc_macro_attribute]
pub fn aggregate_id(args: TokenStream, item: TokenStream) -> TokenStream {
    id::expand(args.into(), item.into()).into()
}

/// Declares an aggregate.
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    aggregate::expand(args.into(), item.into()).into()
}

/// Declares the appliers of an aggregate.
#[proc_macro_attribute]
pub fn applier(args: TokenStream, item: TokenStream) -> TokenStream {
    applier::expand(args.into(), item.into()).into()
}

/// Declares handlers of an aggregate's commands.
#[proc_macro_attribute]
pub fn command_handler(args: TokenStream, item: TokenStream) -> TokenStream {
    command_handler::expand(args.into(), item.into()).into()
}
