//! `#[applier]`: the appliers of an aggregate, and with them the list of its events.

mod emit;
mod syntax;
#[cfg(test)]
mod tests;

use crate::args::{self, CRATE, Key};
use crate::ctx::Root;
use crate::diag::Errors;
use crate::handlers;
use crate::sig::{self, Block, Method};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Type;
use syn::ext::IdentExt;

const EXAMPLE: &str = "#[applier] impl Account { fn opened(e: &Opened) -> Self { .. } }";
const KEYS: &[Key] = &[Key::new("enum", "enum = AccountEvent"), CRATE];

/// The attributes that this block understands on its methods.
const OURS: &[&str] = &["invariant"];
/// Those of other blocks: they are taken off, so that the only fault is that they stand here.
const FOREIGN: &[(&str, &str)] =
    &[("validate", "command_handler"), ("retry", "command_handler"), ("key", "reactor")];

/// What the block says.
struct Model<'b> {
    aggregate: &'b Type,
    enum_name: Ident,
    root: Root,
    appliers: Vec<Applier<'b>>,
    invariants: Vec<Invariant<'b>>,
}

/// One event and the method that applies it.
struct Applier<'b> {
    method: &'b Method,
    event: &'b Type,
    variant: Ident,
    role: Role,
    reads_envelope: bool,
    /// Its signature has a fault: the event is known, the method is not called.
    faulty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Birth,
    Life,
    End,
}

/// A check on every new state, and its error type.
struct Invariant<'b> {
    method: &'b Method,
    error: &'b Type,
}

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let block = match handlers::block("applier", EXAMPLE, item) {
        Ok(block) => block,
        Err(given_back) => return given_back,
    };
    let errors = Errors::new();
    let model = read(args, &block, &errors);
    let generated = model.map(|model| emit::all(&model, &block, errors.is_empty()));
    let stripped: Vec<_> = OURS.iter().copied().chain(FOREIGN.iter().map(|(name, _)| *name)).collect();
    let (block, errors) = (block.without(&stripped), errors.finish());
    quote!(#block #errors #generated)
}

/// `None` if it is no block of an aggregate.
fn read<'b>(args: TokenStream, block: &'b Block, errors: &Errors) -> Option<Model<'b>> {
    if !block.is_own(errors, "applier") {
        return None;
    }
    let own = sig::last_segment(&block.self_ty)?;
    let mut enum_name = Ident::new(&format!("{}Event", own.ident.unraw()), own.ident.span());
    let mut root = Root::default();
    args::read("`#[applier]`", KEYS, args, errors, |arg| {
        if arg.key == "enum" {
            enum_name = arg.value()?;
        } else {
            root = arg.root()?;
        }
        Ok(())
    });
    let (appliers, invariants) = syntax::methods(block, errors);
    Some(Model { aggregate: &block.self_ty, enum_name, root, appliers, invariants })
}

impl Model<'_> {
    fn first_birth(&self) -> Option<&Applier<'_>> {
        self.appliers.iter().find(|applier| applier.role == Role::Birth)
    }
}

impl Applier<'_> {
    fn name(&self) -> &Ident {
        self.method.name()
    }
}

/// The name of the variant that takes what this library does not know of: retired events.
fn retired(span: Span) -> Ident {
    format_ident!("Retired", span = span)
}
