//! `#[projection]`: a read model; on its `impl` block, the methods that take it along the log.

mod declare;
mod emit;
mod params;
mod syntax;
#[cfg(test)]
mod tests;

use crate::args::{self, CRATE, Key};
use crate::ctx::{Root, declaring_word};
use crate::diag::Errors;
use crate::handlers;
use crate::sig::{self, Block, Member, Method};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, PatType, Type};

const EXAMPLE: &str = "#[projection] impl DailyOrders { fn placed(&mut self, e: &OrderPlaced) { .. } }";
const KEYS: &[Key] = &[CRATE];

/// The attributes that this block understands on its methods.
const OURS: &[&str] = &["key"];
/// Those of other blocks: they are taken off, so that the only fault is that they stand here.
const FOREIGN: &[(&str, &str)] =
    &[("validate", "command_handler"), ("retry", "command_handler"), ("invariant", "applier")];

/// What the block says.
struct Model<'b> {
    projection: &'b Type,
    root: Root,
    keeps: Keeps<'b>,
    methods: Vec<Follows<'b>>,
    setup: Option<&'b Method>,
}

/// What the methods change.
#[derive(Clone, Copy)]
enum Keeps<'b> {
    Documents,
    /// Rows, by a transaction of this type, which its methods take in this form.
    Rows(&'b Type, Form),
}

/// How methods take their transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `fn` with `&SqliteTx`
    Plain,
    /// `async fn` with `&mut PgTx`
    Async,
}

impl Form {
    fn of(method: &Method) -> Self {
        if method.sig.asyncness.is_some() { Self::Async } else { Self::Plain }
    }

    /// The only one in which the stores of es-core can be used; `None` for the transaction of another store.
    fn of_store(tx: &Type) -> Option<Self> {
        if sig::is_called(tx, "SqliteTx") {
            Some(Self::Plain)
        } else if sig::is_called(tx, "PgTx") {
            Some(Self::Async)
        } else {
            None
        }
    }

    /// What stands in front of the transaction's type.
    fn reference(self) -> &'static str {
        match self {
            Self::Plain => "&",
            Self::Async => "&mut ",
        }
    }
}

/// One method that follows an event.
struct Follows<'b> {
    method: &'b Method,
    message: Message<'b>,
    /// It takes `self`: the document goes.
    deletes: bool,
    /// What it takes, in written order, without the receiver.
    params: Vec<Param<'b>>,
    /// The expression in `#[key(..)]`.
    key: Option<Expr>,
}

/// What a method is called for.
#[derive(Clone, Copy)]
enum Message<'b> {
    /// `&RawEvent`
    Any,
    Event(&'b Type),
}

/// A parameter: what it is, and how it is written.
#[derive(Clone, Copy)]
struct Param<'b> {
    role: Role<'b>,
    written: &'b PatType,
}

#[derive(Clone, Copy)]
enum Role<'b> {
    Message,
    Envelope,
    Transaction,
    /// The key or the stream's id: its type tells which.
    Id(&'b Type),
}

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    if declaring_word(item.clone()).is_some_and(|word| word == "impl") {
        methods(args, item)
    } else {
        declare::expand(args, item)
    }
}

fn methods(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut block = match handlers::block("projection", EXAMPLE, item) {
        Ok(block) => block,
        Err(given_back) => return given_back,
    };
    let errors = Errors::new();
    let model = read(args, &block, &errors);
    let generated = model.map(|model| emit::all(&model, &block, errors.is_empty()));
    allow_parameters_of_keys(&mut block);
    let stripped: Vec<_> = OURS.iter().copied().chain(FOREIGN.iter().map(|(name, _)| *name)).collect();
    let (block, errors) = (block.without(&stripped), errors.finish());
    // `&String` is the id of a stream here.
    quote!(#[allow(clippy::ptr_arg)] #block #errors #generated)
}

/// A parameter may be there for the key alone: the method itself need not use it.
fn allow_parameters_of_keys(block: &mut Block) {
    for member in &mut block.members {
        if let Member::Method(method) = member
            && method.attrs_named("key").next().is_some()
        {
            method.attrs.push(syn::parse_quote!(#[allow(unused_variables)]));
        }
    }
}

/// `None` if it is no block of a projection.
fn read<'b>(args: TokenStream, block: &'b Block, errors: &Errors) -> Option<Model<'b>> {
    if !block.is_own(errors, "projection") {
        return None;
    }
    let mut root = Root::default();
    args::read("`#[projection]` on an `impl` block", KEYS, args, errors, |arg| {
        root = arg.root()?;
        Ok(())
    });
    let keeps = syntax::keeps(block);
    let (methods, setup) = syntax::methods(block, keeps, errors);
    Some(Model { projection: &block.self_ty, root, keeps, methods, setup })
}
