//! Syntax to model: which method applies which event, and every fault in its signature.

use super::{Applier, FOREIGN, Invariant, Role};
use crate::diag::Errors;
use crate::handlers::{Passed, Takes, is_error, passed, result_error};
use crate::names::source_text;
use crate::sig::{self, Block, Method};
use syn::{PatType, Type};

pub fn methods<'b>(block: &'b Block, errors: &Errors) -> (Vec<Applier<'b>>, Vec<Invariant<'b>>) {
    let (mut appliers, mut invariants) = (Vec::new(), Vec::new());
    for method in block.methods() {
        if method.is_elsewhere(errors, FOREIGN) {
            continue;
        }
        if method.attrs_named("invariant").next().is_some() {
            invariants.extend(invariant(method, &invariants, errors));
        } else if let Some(applier) = applier(block, method, errors) {
            add(applier, &mut appliers, errors);
        }
    }
    if appliers.is_empty() && errors.is_empty() {
        errors.at(
            &block.self_ty,
            "no applier here, and an aggregate is the fold of its events: \
             write `fn opened(e: &Opened) -> Self { .. }`",
        );
    }
    (appliers, invariants)
}

/// Adds an applier, unless its event has one.
fn add<'b>(applier: Applier<'b>, appliers: &mut Vec<Applier<'b>>, errors: &Errors) {
    let event = &applier.variant;
    if event == "Retired" {
        errors.at(
            applier.event,
            "`Retired` is the variant for events that are only read any more: \
             give this type another name, or import it as one (`use .. as ..`)",
        );
    } else if let Some(other) =
        appliers.iter().find(|other| other.variant == *event && !may_exclude(other, &applier))
    {
        let first = other.name();
        errors.at(
            applier.event,
            format_args!("a second applier for `{event}`: `{first}` is the first, and an event has one"),
        );
    } else {
        appliers.push(applier);
    }
}

/// Two appliers of one event are for rustc to judge where a `#[cfg]` may take one of them away.
fn may_exclude(one: &Applier<'_>, other: &Applier<'_>) -> bool {
    !one.method.cfgs().is_empty() || !other.method.cfgs().is_empty()
}

fn applier<'b>(block: &'b Block, method: &'b Method, errors: &Errors) -> Option<Applier<'b>> {
    let params = method.params();
    let Some((first, more)) = params.split_first() else {
        errors.at(
            method.name(),
            format_args!(
                "`{}` takes no event: an applier takes `&Event` first; \
             other functions belong in an ordinary `impl` block",
                method.name(),
            ),
        );
        return None;
    };
    let (event, borrowed) = event(first, errors)?;
    let variant = sig::last_segment(event)?.ident.clone();
    let role = role(block, method, errors);
    let plain = method.is_plain(errors);
    let total = is_total(method, errors);
    let alone = only_envelope(more, errors);
    let faulty = !(borrowed && plain && total && alone) || role.is_none();
    let reads_envelope = !more.is_empty();
    Some(Applier { method, event, variant, role: role.unwrap_or(Role::Life), reads_envelope, faulty })
}

/// The event, and whether it is taken as it must be.
fn event<'b>(param: &'b PatType, errors: &Errors) -> Option<(&'b Type, bool)> {
    let (Passed::Shared(event) | Passed::Owned(event) | Passed::Unique(event)) = passed(param);
    let borrowed = matches!(passed(param), Passed::Shared(_));
    if sig::last_segment(event).is_none() {
        errors
            .at(&param.ty, "an applier takes its event first, `&Event`: the name of a type with `#[event]`");
        return None;
    }
    if sig::is_called(event, "Envelope") {
        errors.at(&param.ty, "an applier takes its event first: the `&Envelope` comes second");
        return None;
    }
    if !borrowed {
        errors.at(
            &param.ty,
            format_args!("an applier only looks at its event: write `&{}`", source_text(event)),
        );
    }
    Some((event, borrowed))
}

/// What the receiver says; `None` with a fault if it says nothing or the return type does not fit.
fn role(block: &Block, method: &Method, errors: &Errors) -> Option<Role> {
    let returned = sig::returned(&method.sig);
    let role = match method.takes() {
        Takes::Nothing => Role::Birth,
        Takes::Unique(_) => Role::Life,
        Takes::Value(_) => Role::End,
        Takes::Shared(receiver) | Takes::Odd(receiver) => {
            errors.at(
                receiver,
                "an applier creates (no receiver), changes (`&mut self`) or ends (`self`) its aggregate",
            );
            return None;
        }
    };
    match returned {
        Some(ty) if sig::is_called(ty, "Result") => {
            errors.at(
                ty,
                "an applier cannot refuse, what has happened has happened: \
                 refuse in the command handler, or check the new state in an `#[invariant]`",
            );
        }
        Some(ty) if role == Role::Birth && block.is_self(ty) => return Some(role),
        Some(ty) if role == Role::Birth => errors.at(ty, "a birth returns the new state: write `-> Self`"),
        None if role == Role::Birth => {
            errors.at(
                method.name(),
                "an applier without receiver is a birth and returns the new state: \
                 write `-> Self`, or take `&mut self` to change it",
            );
        }
        Some(ty) => errors
            .at(ty, "this applier returns nothing: `&mut self` changes the state in place, `self` ends it"),
        None => return Some(role),
    }
    None
}

fn is_total(method: &Method, errors: &Errors) -> bool {
    if let Some(token) = &method.sig.asyncness {
        errors.at(
            token,
            "an applier is not async: it only folds what has happened; wait in the command handler",
        );
    }
    method.sig.asyncness.is_none()
}

/// Behind the event only the envelope may come.
fn only_envelope(more: &[&PatType], errors: &Errors) -> bool {
    let mut fits = true;
    for (n, param) in more.iter().enumerate() {
        let envelope = matches!(passed(param), Passed::Shared(ty) if sig::is_called(ty, "Envelope"));
        if !envelope {
            errors.at(
                &param.ty,
                "an applier sees its event and, second, `&Envelope`: services belong in command handlers",
            );
        } else if n > 0 {
            errors.at(&param.ty, "one `&Envelope` is enough, second after the event");
        }
        fits &= envelope && n == 0;
    }
    fits
}

fn invariant<'b>(method: &'b Method, others: &[Invariant<'b>], errors: &Errors) -> Option<Invariant<'b>> {
    const FORM: &str = "write `fn name(&self) -> Result<(), E>`";
    let mut fits = method.is_plain(errors);
    let message = format_args!("an invariant looks at the new state: {FORM}");
    match method.takes() {
        Takes::Shared(_) => {}
        Takes::Nothing => errors.at(method.name(), message),
        Takes::Unique(receiver) | Takes::Value(receiver) | Takes::Odd(receiver) => {
            errors.at(receiver, message);
        }
    }
    fits &= matches!(method.takes(), Takes::Shared(_));
    if let Some(token) = &method.sig.asyncness {
        errors.at(token, "an invariant is not async: it only looks at the new state");
        fits = false;
    }
    if let Some(param) = method.params().first() {
        errors.at(param, format_args!("an invariant takes nothing but the state: {FORM}"));
        fits = false;
    }
    let error = result_error(method, errors, &format!("an invariant answers a `Result`: {FORM}"))?;
    if !is_error(error, errors) {
        return None;
    }
    let differs = others.first().filter(|first| !sig::is_same(first.error, error));
    if let Some(first) = differs {
        let (first, name) = (source_text(first.error), first.method.name());
        errors.at(
            error,
            format_args!(
                "the invariants of an aggregate share one error type, and `{name}` answers `{first}`"
            ),
        );
    }
    (fits && differs.is_none()).then_some(Invariant { method, error })
}
