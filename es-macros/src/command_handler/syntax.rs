//! Syntax to model: which method decides which command, and every fault in its signature.

use super::{FOREIGN, Handler, Needs, Param, Validation};
use crate::diag::Errors;
use crate::handlers::{Passed, Takes, is_error, passed, result_error};
use crate::names::source_text;
use crate::retry::Retry;
use crate::sig::{self, Block, Method};
use syn::{PatType, Type};

pub fn methods<'b>(block: &'b Block, retry: Option<Retry>, errors: &Errors) -> Vec<Handler<'b>> {
    let (mut handlers, mut validations) = (Vec::new(), Vec::new());
    for method in block.methods() {
        if method.is_elsewhere(errors, FOREIGN) {
            continue;
        }
        if method.attrs_named("validate").next().is_some() {
            validations.extend(validation(method, errors));
        } else if let Some(handler) = handler(block, method, retry, errors) {
            add(handler, &mut handlers, errors);
        }
    }
    for validation in validations {
        attach(validation, &mut handlers, errors);
    }
    handlers
}

/// Adds a handler, unless its command has one here. One in another block is for rustc to find.
fn add<'b>(handler: Handler<'b>, handlers: &mut Vec<Handler<'b>>, errors: &Errors) {
    let may_exclude =
        |other: &&Handler<'_>| !other.method.cfgs().is_empty() || !handler.method.cfgs().is_empty();
    let same = handlers.iter().filter(|other| sig::is_same(other.command, handler.command));
    if let Some(other) = same.into_iter().find(|other| !may_exclude(other)) {
        let (command, first) = (source_text(handler.command), other.method.name());
        errors.at(
            handler.command,
            format_args!("a second handler for `{command}`: `{first}` is the first, and a command has one"),
        );
    } else {
        handlers.push(handler);
    }
}

fn attach<'b>(validation: Validation<'b>, handlers: &mut [Handler<'b>], errors: &Errors) {
    let command = validation.command;
    let mut found = false;
    for handler in handlers.iter_mut().filter(|handler| sig::is_same(handler.command, command)) {
        handler.validations.push(validation);
        found = true;
    }
    if !found {
        let name = source_text(command);
        errors.at(
            command,
            format_args!(
                "no handler of `{name}` in this block: put this check beside `fn ..(command: {name})`"
            ),
        );
    }
}

fn validation<'b>(method: &'b Method, errors: &Errors) -> Option<Validation<'b>> {
    const FORM: &str = "write `fn name(command: &Command) -> Result<(), E>`";
    if let Some(attr) = method.attrs_named("retry").next() {
        errors.at(attr.path(), "a `#[validate]` is never repeated: it runs before anything is read");
    }
    if !method.is_plain(errors) {
        return None;
    }
    if let Some(receiver) = method.sig.receiver() {
        errors.at(
            receiver,
            format_args!("a `#[validate]` runs before anything is read, so there is no state yet: {FORM}"),
        );
        return None;
    }
    if let Some(token) = &method.sig.asyncness {
        errors.at(token, format_args!("a `#[validate]` is not async, it looks at the command alone: {FORM}"));
        return None;
    }
    let params = method.params();
    let Some((first, more)) = params.split_first() else {
        errors.at(method.name(), format_args!("a `#[validate]` looks at a command: {FORM}"));
        return None;
    };
    if let Some(param) = more.first() {
        errors.at(param, format_args!("a `#[validate]` looks at the command alone: {FORM}"));
        return None;
    }
    let Passed::Shared(command) = passed(first) else {
        errors.at(&first.ty, format_args!("a `#[validate]` only looks at its command: {FORM}"));
        return None;
    };
    let error = result_error(method, errors, &format!("a `#[validate]` answers a `Result`: {FORM}"))?;
    Some(Validation { method, command, error })
}

fn handler<'b>(
    block: &'b Block,
    method: &'b Method,
    retry: Option<Retry>,
    errors: &Errors,
) -> Option<Handler<'b>> {
    let all = method.params();
    let (state, behind) = match all.split_first() {
        Some((first, behind)) if is_state(block, &first.ty) => (Some(*first), behind),
        _ => (None, &*all),
    };
    let Some((command, more)) = behind.split_first() else {
        let name = method.name();
        errors.at(
            name,
            format_args!(
                "`{name}` takes no command: a handler takes one first; \
                 other functions belong in an ordinary `impl` block"
            ),
        );
        return None;
    };
    let (command, owned) = self::command(command, errors)?;
    let plain = method.is_plain(errors);
    let needs = needs(method, state, errors);
    let mut params: Vec<_> = state.map(|_| Param::State).into_iter().chain([Param::Command]).collect();
    let further: Vec<_> = more.iter().filter_map(|param| further(param, errors)).collect();
    let outcome = sig::returned(&method.sig);
    let refuses = outcome.is_none_or(|outcome| refuses_with_an_error(outcome, errors));
    let faulty = !owned || !plain || !refuses || needs.is_none() || further.len() < more.len();
    params.extend(&further);
    Some(Handler {
        method,
        command,
        needs: needs.unwrap_or(Needs::Either),
        params,
        outcome,
        retry: policy(method, more, &further, retry, errors),
        validations: Vec::new(),
        faulty,
    })
}

/// The command, and whether it is taken as it must be.
fn command<'b>(param: &'b PatType, errors: &Errors) -> Option<(&'b Type, bool)> {
    let (Passed::Owned(command) | Passed::Shared(command) | Passed::Unique(command)) = passed(param);
    let owned = matches!(passed(param), Passed::Owned(_));
    let is_other = ["Context", "Envelope"].iter().any(|name| sig::is_called(command, name));
    if sig::last_segment(command).is_none() || is_other {
        errors.at(&param.ty, "a handler takes its command first, by value: `command: Withdraw`");
        return None;
    }
    if !owned {
        let name = source_text(command);
        errors.at(&param.ty, format_args!("a handler owns its command: write `{name}` without `&`"));
    }
    Some((command, owned))
}

/// Whether the error is one, where a `Result` is returned.
fn refuses_with_an_error(outcome: &Type, errors: &Errors) -> bool {
    match sig::arguments(outcome, "Result").as_deref() {
        Some([_, error]) => is_error(error, errors),
        _ => true,
    }
}

/// What the receiver, or a first `Option<&Self>`, asks for; `None` with a fault if that says nothing.
fn needs(method: &Method, state: Option<&PatType>, errors: &Errors) -> Option<Needs> {
    match (method.takes(), state) {
        (Takes::Nothing, None) => return Some(Needs::Absent),
        (Takes::Nothing, Some(_)) => return Some(Needs::Either),
        (Takes::Shared(_), None) => return Some(Needs::Living),
        (_, Some(state)) => errors.at(
            &state.ty,
            "either `&self`, for a living aggregate, or `Option<&Self>`, for one that may not be there",
        ),
        (Takes::Unique(receiver) | Takes::Value(receiver) | Takes::Odd(receiver), None) => errors.at(
            receiver,
            "a handler decides and changes nothing: take `&self` and return events; appliers change the state",
        ),
    }
    None
}

/// `Option<&Self>`
fn is_state(block: &Block, ty: &Type) -> bool {
    match sig::arguments(ty, "Option").as_deref() {
        Some([Type::Reference(state)]) => state.mutability.is_none() && block.is_self(&state.elem),
        _ => false,
    }
}

/// A parameter behind the command.
fn further<'b>(param: &'b PatType, errors: &Errors) -> Option<Param<'b>> {
    const FORM: &str =
        "behind its command a handler takes `&Context<Self>`, and services as `&T` or `&dyn Trait`";
    match passed(param) {
        Passed::Shared(ty) if sig::is_called(ty, "Context") => Some(Param::Context),
        Passed::Shared(ty) if sig::is_called(ty, "Envelope") => {
            errors.at(
                &param.ty,
                "a handler has no envelope, its events are not recorded yet: \
                 `&Context<Self>` knows id, version and `now()`",
            );
            None
        }
        Passed::Shared(ty @ (Type::Path(_) | Type::TraitObject(_))) => Some(Param::Service(ty)),
        _ => {
            errors.at(&param.ty, FORM);
            None
        }
    }
}

/// The method's own policy, else the block's; a service needs one of them.
fn policy(
    method: &Method,
    more: &[&PatType],
    params: &[Param<'_>],
    block: Option<Retry>,
    errors: &Errors,
) -> Retry {
    let mut attrs = method.attrs_named("retry");
    let own = attrs.next().map(|attr| Retry::of_attribute(&attr.meta, errors));
    for second in attrs {
        errors.at(second.path(), "`#[retry(..)]` stands here twice: remove one of them");
    }
    let service = params.iter().any(|param| matches!(param, Param::Service(_)));
    let place = more.iter().find(|param| !sig::is_called(shared(param), "Context"));
    if let (true, None, None, Some(place)) = (service, own, block, place) {
        let name = method.name();
        errors.at(
            &place.ty,
            format_args!(
                "`{name}` calls a service: say how often it may be repeated, `#[retry(max = 0)]` for never"
            ),
        );
    }
    own.unwrap_or_default().or(block.unwrap_or_default())
}

fn shared(param: &PatType) -> &Type {
    let (Passed::Shared(ty) | Passed::Owned(ty) | Passed::Unique(ty)) = passed(param);
    ty
}
