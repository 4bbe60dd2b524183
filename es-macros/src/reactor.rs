//! `#[reactor]`: what follows events, as commands, timers or effects. On a type it declares a reactor, on its
//! `impl` block it says what its methods answer.

mod declare;
mod emit;
#[cfg(test)]
mod faults;
mod syntax;
#[cfg(test)]
mod tests;

use crate::args::{self, CRATE, Key};
use crate::ctx::{Root, declaring_word};
use crate::diag::Errors;
use crate::handlers;
use crate::sig::{Block, Method};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Pat, Type};

const EXAMPLE: &str = "#[reactor] impl Offer { fn added(&mut self, e: &Added) -> Option<Discount> { .. } }";
const KEYS: &[Key] = &[CRATE];

/// The attributes that this block understands on its methods.
const OURS: &[&str] = &["key"];
/// Those of other blocks: they are taken off, so that the only fault is that they stand here.
const FOREIGN: &[(&str, &str)] =
    &[("validate", "command_handler"), ("retry", "command_handler"), ("invariant", "applier")];

/// What the block says.
struct Model<'b> {
    reactor: &'b Type,
    root: Root,
    reactions: Vec<Reaction<'b>>,
}

/// What a method answers, and how.
struct Reaction<'b> {
    method: &'b Method,
    receiver: Receiver,
    message: Message<'b>,
    /// What stands before the message's colon, for `#[key(..)]`.
    message_name: &'b Pat,
    /// What it takes behind the message, in written order.
    params: Vec<Param<'b>>,
    /// What it returns; `None` for nothing.
    returned: Option<&'b Type>,
    /// The expression in `#[key(..)]`.
    key: Option<TokenStream>,
}

/// How a method takes its reactor, and where it says so.
#[derive(Clone, Copy)]
enum Receiver {
    /// `&mut self`: it changes the state of a key.
    State(Span),
    /// `self`: it ends the key.
    End(Span),
    /// `&self`: there is no state.
    Stateless(Span),
}

#[derive(Clone, Copy)]
enum Message<'b> {
    Event(&'b Type),
    /// `&RawEvent`, with the type as it is written.
    Any(&'b Type),
    /// `&Refused<Command>`, with the type as it is written.
    Refused(&'b Type, &'b Type),
}

#[derive(Clone, Copy)]
enum Param<'b> {
    /// With its name, for `#[key(..)]`.
    Envelope(&'b Pat),
    Context(&'b Type),
    App(&'b Type),
    /// `&dyn Trait`
    Service(&'b Type),
    /// The key, the stream's id, or a service: which of them, its type says.
    ByType(&'b Type),
}

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    match declaring_word(item.clone()) {
        Some(word) if word == "impl" => block(args, item),
        _ => declare::expand(args, item),
    }
}

fn block(args: TokenStream, item: TokenStream) -> TokenStream {
    let block = match handlers::block("reactor", EXAMPLE, item) {
        Ok(block) => block,
        Err(given_back) => return given_back,
    };
    let errors = Errors::new();
    let model = read(args, &block, &errors);
    let generated = model.map(|model| emit::all(&model, &block));
    let stripped: Vec<_> = OURS.iter().copied().chain(FOREIGN.iter().map(|(name, _)| *name)).collect();
    let (block, errors) = (block.without(&stripped), errors.finish());
    quote!(#block #errors #generated)
}

/// `None` if it is no block of a reactor.
fn read<'b>(args: TokenStream, block: &'b Block, errors: &Errors) -> Option<Model<'b>> {
    if !block.is_own(errors, "reactor") {
        return None;
    }
    let mut root = Root::default();
    args::read("`#[reactor]` on an `impl` block", KEYS, args, errors, |arg| {
        root = arg.root()?;
        Ok(())
    });
    Some(Model { reactor: &block.self_ty, root, reactions: syntax::methods(block, errors) })
}

impl Reaction<'_> {
    fn name(&self) -> &Ident {
        self.method.name()
    }
}
