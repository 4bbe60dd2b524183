//! Syntax to model: which method follows which event, and every fault in its signature.

use super::params::{behind, fits, message, one_form, one_transaction, transaction};
use super::{FOREIGN, Follows, Form, Keeps, Param, Role};
use crate::diag::Errors;
use crate::handlers::{Takes, result_error};
use crate::sig::{Block, Method};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Expr, Meta, PatType};

/// Rows, if any method takes a transaction. Where its store leaves the form open, the first one that takes it as it
/// should says the form.
pub fn keeps(block: &Block) -> Keeps<'_> {
    let all = || block.methods().flat_map(|method| transactions(method).map(move |tx| (method, tx)));
    let Some((first, param)) = all().next() else { return Keeps::Documents };
    let Some(tx) = transaction(param) else { return Keeps::Documents };
    let right = || all().find(|(method, param)| fits(Form::of(method), param));
    let form = Form::of_store(tx).unwrap_or_else(|| Form::of(right().map_or(first, |(method, _)| method)));
    Keeps::Rows(tx, form)
}

/// The transactions in a signature, however they are passed. What stands first behind a receiver is an event.
fn transactions(method: &Method) -> impl Iterator<Item = &PatType> {
    let events = usize::from(method.sig.receiver().is_some());
    method.params().into_iter().skip(events).filter(|param| transaction(param).is_some())
}

/// The methods, and the set-up of the tables.
pub fn methods<'b>(
    block: &'b Block,
    keeps: Keeps<'b>,
    errors: &Errors,
) -> (Vec<Follows<'b>>, Option<&'b Method>) {
    let (mut methods, mut setup) = (Vec::new(), None);
    for method in block.methods() {
        if method.is_elsewhere(errors, FOREIGN) {
            continue;
        }
        if !is_setup(method) {
            methods.extend(follows(method, keeps, errors));
        } else if is_right_setup(method, keeps, errors) {
            if setup.is_some() {
                errors.at(method.name(), "a second set-up: one method without receiver makes all tables");
            } else {
                setup = Some(method);
            }
        }
    }
    if methods.is_empty() && errors.is_empty() {
        errors.at(
            &block.self_ty,
            "no method here follows an event: write `fn placed(&mut self, e: &OrderPlaced) { .. }`",
        );
    }
    (methods, setup)
}

/// Without receiver, and a transaction first or called so: it makes the tables.
fn is_setup(method: &Method) -> bool {
    let first = method.params().first().and_then(|first| transaction(first));
    matches!(method.takes(), Takes::Nothing) && (first.is_some() || method.name() == "setup")
}

fn is_right_setup(method: &Method, keeps: Keeps<'_>, errors: &Errors) -> bool {
    let written = match keeps {
        Keeps::Rows(_, Form::Async) => "write `async fn setup(tx: &mut PgTx) -> Result<(), E>`",
        Keeps::Rows(_, Form::Plain) => "write `fn setup(tx: &SqliteTx) -> Result<(), E>`",
        Keeps::Documents => {
            "write `fn setup(tx: &SqliteTx) -> Result<(), E>`, or `async fn` and `tx: &mut PgTx`"
        }
    };
    let before = errors.count();
    method.is_plain(errors);
    for attr in method.attrs_named("key") {
        errors.at(attr.path(), "the set-up follows no event, so there is no key");
    }
    match &*method.params() {
        [only] if transaction(only).is_some() => one_transaction(method, only, keeps, errors),
        [_, other, ..] => errors.at(other, format_args!("the set-up takes the transaction alone: {written}")),
        _ => errors.at(method.name(), format_args!("the set-up takes the transaction alone: {written}")),
    }
    result_error(method, errors, &format!("the set-up answers a `Result`: {written}"));
    errors.count() == before
}

/// `None` if a fault says that the method cannot be called.
fn follows<'b>(method: &'b Method, keeps: Keeps<'b>, errors: &Errors) -> Option<Follows<'b>> {
    let before = errors.count();
    let params = method.params();
    let Some((first, more)) = params.split_first() else {
        let name = method.name();
        errors.at(
            name,
            format_args!(
                "`{name}` takes no event: a projection's method takes `&Event` first; \
                 other functions belong in an ordinary `impl` block"
            ),
        );
        return None;
    };
    method.is_plain(errors);
    may_wait(method, keeps, errors);
    let message = message(first, errors);
    let deletes = receiver(method, keeps, errors);
    let mut params = vec![Param { role: Role::Message, written: first }];
    for written in more.iter().copied() {
        params.extend(behind(method, written, keeps, errors).map(|role| Param { role, written }));
    }
    let key = key(method, keeps, errors);
    (errors.count() == before).then_some(())?;
    Some(Follows { method, message: message?, deletes: deletes?, params, key })
}

/// An async method has something to wait for: its transaction, or that of the others.
fn may_wait(method: &Method, keeps: Keeps<'_>, errors: &Errors) {
    let Some(token) = &method.sig.asyncness else { return };
    match keeps {
        Keeps::Documents => errors.at(
            token,
            "a method that keeps documents is not async: it only writes down what has happened; \
             one that keeps rows of its own takes `&mut PgTx`, and what else has to wait is for a reactor",
        ),
        Keeps::Rows(..) if transactions(method).next().is_none() => one_form(method, keeps, errors),
        Keeps::Rows(..) => {}
    }
}

/// Whether the receiver says that the document goes; `None` with a fault if it does not fit.
fn receiver(method: &Method, keeps: Keeps<'_>, errors: &Errors) -> Option<bool> {
    const DOCUMENTS: &str = "a method changes the document (`&mut self`) or deletes it (`self`); \
                             one that keeps rows of its own takes `&self` and `&SqliteTx`, \
                             or is async and takes `&mut PgTx`";
    const ROWS: &str = "a method that keeps rows takes `&self`: what it changes is behind the transaction";
    match (keeps, method.takes()) {
        (Keeps::Documents, Takes::Value(_)) => return Some(true),
        (Keeps::Documents, Takes::Unique(_)) | (Keeps::Rows(..), Takes::Shared(_)) => return Some(false),
        (Keeps::Documents, Takes::Nothing) => errors.at(method.name(), DOCUMENTS),
        (Keeps::Rows(..), Takes::Nothing) => errors.at(method.name(), ROWS),
        (Keeps::Documents, Takes::Shared(receiver) | Takes::Odd(receiver)) => errors.at(receiver, DOCUMENTS),
        (Keeps::Rows(..), Takes::Unique(receiver) | Takes::Value(receiver) | Takes::Odd(receiver)) => {
            errors.at(receiver, ROWS);
        }
    }
    None
}

/// The expression in `#[key(..)]`.
fn key(method: &Method, keeps: Keeps<'_>, errors: &Errors) -> Option<Expr> {
    let mut attrs = method.attrs_named("key");
    let attr = attrs.next()?;
    for second in attrs {
        errors.at(
            second.path(),
            "`#[key(..)]` stands here twice: give a `Vec` where an event is for several keys",
        );
    }
    if let Keeps::Rows(..) = keeps {
        errors.at(attr.path(), "rows have no key: the method itself says which of them it changes");
        return None;
    }
    expression(attr, errors)
}

fn expression(attr: &Attribute, errors: &Errors) -> Option<Expr> {
    const FORM: &str = "write `#[key(e.day)]`: an expression over the method's parameters";
    let Meta::List(list) = &attr.meta else {
        errors.at(attr.path(), FORM);
        return None;
    };
    match list.parse_args() {
        Ok(expression) => Some(expression),
        Err(_) if list.tokens.is_empty() => {
            errors.at(attr.path(), FORM);
            None
        }
        Err(error) => {
            errors.add(syn::Error::new(error.span(), format_args!("{error}: {FORM}")));
            None
        }
    }
}

/// Whether an expression may use one of the names in a pattern, format strings included.
pub fn mentions(expression: &Expr, pattern: &impl ToTokens) -> bool {
    let (mut names, mut used) = (Vec::new(), Vec::new());
    words(pattern.to_token_stream(), &mut names);
    words(expression.to_token_stream(), &mut used);
    let in_text = |word: &str, name: &str| word.starts_with('"') && word.contains(&format!("{{{name}"));
    used.iter().any(|word| names.iter().any(|name| word == name || in_text(word, name)))
}

/// The words and texts in tokens, at any depth. What stands behind a `.` or a `::` names no parameter.
fn words(tokens: TokenStream, found: &mut Vec<String>) {
    let mut signs = String::new();
    for token in tokens {
        let behind = signs.ends_with("::") || signs.ends_with('.') && !signs.ends_with("..");
        match token {
            TokenTree::Punct(punct) => {
                signs.push(punct.as_char());
                continue;
            }
            TokenTree::Group(group) => words(group.stream(), found),
            word if !behind => found.push(word.to_string()),
            _ => {}
        }
        signs.clear();
    }
}
