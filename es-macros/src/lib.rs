//! The attributes of es: each on a type declares it, each on an `impl` block says what its methods handle.
//!
//! They are used through `es_core::prelude`, which re-exports them; what they generate names nothing but es-core.

#![cfg_attr(test, allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them"))]

mod aggregate;
mod applier;
mod args;
mod command;
mod command_handler;
mod ctx;
mod diag;
mod event;
mod fields;
mod fingerprint;
mod handlers;
mod id;
mod names;
mod projection;
mod reactor;
mod retry;
mod sig;
#[cfg(test)]
mod testing;
mod value;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/event.md")]
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/value.md")]
#[proc_macro_attribute]
pub fn value(args: TokenStream, item: TokenStream) -> TokenStream {
    value::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/command.md")]
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    command::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/aggregate_id.md")]
#[proc_macro_attribute]
pub fn aggregate_id(args: TokenStream, item: TokenStream) -> TokenStream {
    id::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/aggregate.md")]
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    aggregate::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/applier.md")]
#[proc_macro_attribute]
pub fn applier(args: TokenStream, item: TokenStream) -> TokenStream {
    applier::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/command_handler.md")]
#[proc_macro_attribute]
pub fn command_handler(args: TokenStream, item: TokenStream) -> TokenStream {
    command_handler::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/projection.md")]
#[proc_macro_attribute]
pub fn projection(args: TokenStream, item: TokenStream) -> TokenStream {
    projection::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/reactor.md")]
#[proc_macro_attribute]
pub fn reactor(args: TokenStream, item: TokenStream) -> TokenStream {
    reactor::expand(args.into(), item.into()).into()
}
