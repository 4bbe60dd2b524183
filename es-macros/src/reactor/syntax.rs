//! Syntax to model: which method answers what, and every fault in its signature.

use super::{FOREIGN, Message, Param, Reaction, Receiver};
use crate::diag::Errors;
use crate::handlers::{Passed, Takes, passed};
use crate::names::source_text;
use crate::sig::{self, Block, Method};
use proc_macro2::TokenStream;
use syn::{Meta, PatType, Type};

pub fn methods<'b>(block: &'b Block, errors: &Errors) -> Vec<Reaction<'b>> {
    let mut any = false;
    let mut reactions = Vec::new();
    for method in block.methods() {
        any = true;
        if !method.is_elsewhere(errors, FOREIGN) {
            reactions.extend(reaction(method, errors));
        }
    }
    if !any {
        errors.at(
            &block.self_ty,
            "no method here, and a reactor answers events: \
             write `fn added(&mut self, e: &Added) -> Option<Command> { .. }`",
        );
    }
    reactions
}

/// `None`, with the faults noted, if there are any: such a method is not called.
fn reaction<'b>(method: &'b Method, errors: &Errors) -> Option<Reaction<'b>> {
    let before = errors.count();
    method.is_plain(errors);
    let params = method.params();
    let Some((first, more)) = params.split_first() else {
        errors.at(
            method.name(),
            format_args!(
                "`{}` answers nothing: a reactor's method takes `&Event` first; \
                 other functions belong in an ordinary `impl` block",
                method.name(),
            ),
        );
        return None;
    };
    let receiver = receiver(method, errors);
    let message = message(first, errors);
    let further: Vec<_> = more.iter().filter_map(|param| further(param, errors)).collect();
    let key = key(method, receiver, message, errors);
    let returned = sig::returned(&method.sig);
    if let Some(ty @ Type::ImplTrait(_)) = returned {
        errors.at(ty, "name what it returns: the commands that can come out are read from the signature");
    }
    if let Some(receiver) = receiver {
        refuse_effects(method, receiver, &further, errors);
    }
    let (receiver, message) = (receiver?, message?);
    let sound = errors.count() == before;
    sound.then(|| Reaction {
        method,
        receiver,
        message,
        message_name: &first.pat,
        params: further,
        returned,
        key,
    })
}

fn receiver(method: &Method, errors: &Errors) -> Option<Receiver> {
    const FORM: &str = "a reactor's method changes the state of a key (`&mut self`), ends it (`self`), \
                        or has effects and no state (`&self`)";
    match method.takes() {
        Takes::Unique(receiver) => Some(Receiver::State(receiver.self_token.span)),
        Takes::Value(receiver) => Some(Receiver::End(receiver.self_token.span)),
        Takes::Shared(receiver) => Some(Receiver::Stateless(receiver.self_token.span)),
        Takes::Nothing => {
            errors.at(method.name(), FORM);
            None
        }
        Takes::Odd(receiver) => {
            errors.at(receiver, FORM);
            None
        }
    }
}

fn message<'b>(param: &'b PatType, errors: &Errors) -> Option<Message<'b>> {
    const FORM: &str =
        "a reactor's method takes what it answers first: `&Event`, `&RawEvent` or `&Refused<Command>`";
    let (Passed::Shared(ty) | Passed::Owned(ty) | Passed::Unique(ty)) = passed(param);
    let other = ["Envelope", "Context", "App"].iter().any(|name| sig::is_called(ty, name));
    if sig::last_segment(ty).is_none() || other {
        errors.at(&param.ty, FORM);
        return None;
    }
    if !matches!(passed(param), Passed::Shared(_)) {
        errors.at(
            &param.ty,
            format_args!("a reactor only looks at what it answers: write `&{}`", source_text(ty)),
        );
        return None;
    }
    match sig::arguments(ty, "Refused").as_deref() {
        Some([command]) => Some(Message::Refused(ty, command)),
        None if sig::is_called(ty, "RawEvent") => Some(Message::Any(ty)),
        // Without an argument it is an event of that name; if it is not, rustc says what is missing.
        _ => Some(Message::Event(ty)),
    }
}

/// A parameter behind the message.
fn further<'b>(param: &'b PatType, errors: &Errors) -> Option<Param<'b>> {
    match passed(param) {
        Passed::Shared(ty) if sig::is_called(ty, "Envelope") => Some(Param::Envelope(&param.pat)),
        Passed::Shared(ty) if sig::is_called(ty, "Context") => Some(Param::Context(ty)),
        Passed::Shared(ty) if sig::is_called(ty, "App") => Some(Param::App(ty)),
        Passed::Shared(ty) if ["RawEvent", "Refused"].iter().any(|name| sig::is_called(ty, name)) => {
            let name = source_text(ty);
            errors.at(
                &param.ty,
                format_args!("`&{name}` is what a method answers: it stands first, and alone"),
            );
            None
        }
        Passed::Shared(ty @ Type::TraitObject(_)) => Some(Param::Service(ty)),
        Passed::Shared(ty @ Type::Path(_)) => Some(Param::ByType(ty)),
        _ => {
            errors.at(
                &param.ty,
                "behind its event a method takes `&Envelope`, the key or the stream's id as `&Id`, \
                 and for effects `&Context<Self>`, `&App`, and services as `&T` or `&dyn Trait`",
            );
            None
        }
    }
}

/// A method with a state decides, and what it decides is data: it can be repeated, and be replayed.
fn refuse_effects(method: &Method, receiver: Receiver, params: &[Param<'_>], errors: &Errors) {
    const ADVICE: &str = "issue a command, or put the effect in a reactor of its own, without `key`";
    if matches!(receiver, Receiver::Stateless(_)) {
        return;
    }
    if let Some(token) = &method.sig.asyncness {
        errors
            .at(token, format_args!("a reactor with a state is not async, its commands are data: {ADVICE}"));
    }
    for param in params {
        if let Param::Context(ty) | Param::App(ty) | Param::Service(ty) = param {
            let name = source_text(ty);
            errors.at(ty, format_args!("a reactor with a state has no effects, so no `&{name}`: {ADVICE}"));
        }
    }
}

/// The expression in `#[key(..)]`.
fn key(
    method: &Method,
    receiver: Option<Receiver>,
    message: Option<Message<'_>>,
    errors: &Errors,
) -> Option<TokenStream> {
    let mut attrs = method.attrs_named("key");
    let first = attrs.next()?;
    for second in attrs {
        errors.at(second.path(), "`#[key(..)]` stands here twice: remove one of them");
    }
    if matches!(receiver, Some(Receiver::Stateless(_))) {
        errors.at(
            first.path(),
            "a key separates states, and `&self` has none: its events stay in order by their streams",
        );
    }
    if matches!(message, Some(Message::Refused(..))) {
        errors.at(first.path(), "a refusal is for the key that issued the command: remove `#[key(..)]`");
    }
    match &first.meta {
        Meta::List(list) if !list.tokens.is_empty() => Some(list.tokens.clone()),
        _ => {
            errors.at(first.path(), "say which key the event is for: `#[key(e.cart)]`");
            None
        }
    }
}
