//! `#[command_handler]`: methods that decide commands.

mod emit;
mod syntax;
#[cfg(test)]
mod tests;

use crate::args::{self, CRATE, Key};
use crate::ctx::Root;
use crate::diag::Errors;
use crate::handlers;
use crate::retry::Retry;
use crate::sig::{Block, Method};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

const EXAMPLE: &str = "#[command_handler] impl Account { fn open(command: Open) -> Opened { .. } }";
const KEYS: &[Key] = &[Key::new("retry", "retry(max = 5, backoff = \"5ms..200ms\")"), CRATE];

/// The attributes that this block understands on its methods.
const OURS: &[&str] = &["validate", "retry"];
/// Those of other blocks: they are taken off, so that the only fault is that they stand here.
const FOREIGN: &[(&str, &str)] = &[("invariant", "applier"), ("key", "reactor")];

/// What the block says.
struct Model<'b> {
    aggregate: &'b Type,
    root: Root,
    handlers: Vec<Handler<'b>>,
}

/// One command and the method that decides it.
struct Handler<'b> {
    method: &'b Method,
    command: &'b Type,
    needs: Needs,
    /// What the method takes, in written order, without the receiver.
    params: Vec<Param<'b>>,
    /// What it returns; `None` for nothing.
    outcome: Option<&'b Type>,
    retry: Retry,
    /// What looks at the command first, in written order.
    validations: Vec<Validation<'b>>,
    /// Its signature has a fault: the command is known, the method is not called.
    faulty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Absent,
    Living,
    Either,
}

#[derive(Clone, Copy)]
enum Param<'b> {
    State,
    Command,
    Context,
    Service(&'b Type),
}

/// A look at a command before anything is read.
#[derive(Clone, Copy)]
struct Validation<'b> {
    method: &'b Method,
    command: &'b Type,
    error: &'b Type,
}

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let block = match handlers::block("command_handler", EXAMPLE, item) {
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

/// `None` if it is no block of an aggregate.
fn read<'b>(args: TokenStream, block: &'b Block, errors: &Errors) -> Option<Model<'b>> {
    if !block.is_own(errors, "command_handler") {
        return None;
    }
    let (mut root, mut retry) = (Root::default(), None);
    args::read("`#[command_handler]`", KEYS, args, errors, |arg| {
        if arg.key == "retry" {
            retry = Some(Retry::read(arg.list()?, &arg.key, errors));
        } else {
            root = arg.root()?;
        }
        Ok(())
    });
    Some(Model { aggregate: &block.self_ty, root, handlers: syntax::methods(block, retry, errors) })
}
