//! What a parameter of a projection's method is, by the way it is written.

use super::{Form, Keeps, Message, Role};
use crate::diag::Errors;
use crate::handlers::{Passed, passed};
use crate::names::source_text;
use crate::sig::{self, Method};
use syn::{PatType, Type};

/// The type of a transaction: its name ends in `Tx`.
pub fn transaction(param: &PatType) -> Option<&Type> {
    let (Passed::Owned(ty) | Passed::Shared(ty) | Passed::Unique(ty)) = passed(param);
    sig::last_segment(ty).filter(|segment| segment.ident.to_string().ends_with("Tx")).map(|_| ty)
}

/// Whether a transaction is borrowed as a method of its form borrows it.
pub fn fits(form: Form, param: &PatType) -> bool {
    matches!((form, passed(param)), (Form::Plain, Passed::Shared(_)) | (Form::Async, Passed::Unique(_)))
}

/// The methods of a block share the type of their transaction, and take it in one form: both are the first
/// one's.
pub fn one_transaction(method: &Method, param: &PatType, keeps: Keeps<'_>, errors: &Errors) {
    let (Keeps::Rows(first, _), Some(tx)) = (keeps, transaction(param)) else { return };
    let form = Form::of(method);
    let name = source_text(tx);
    if !sig::is_same(first, tx) {
        let first = source_text(first);
        errors.at(
            tx,
            format_args!(
                "a projection keeps its rows in one database, and another method takes its `{first}`"
            ),
        );
    } else if let Some(only) = Form::of_store(tx).filter(|only| !may_be(*only, form, param)) {
        errors.at(&param.ty, in_its_form(only, &name));
    } else if let Passed::Owned(_) = passed(param) {
        let reference = form.reference();
        errors.at(&param.ty, format_args!("a projection borrows its transaction: write `{reference}{name}`"));
    } else if fits(form, param) {
        one_form(method, keeps, errors);
    } else if form == Form::Async {
        errors.at(
            &param.ty,
            format_args!("`&{name}` is for a plain `fn`: remove `async`, or write `&mut {name}`"),
        );
    } else {
        errors.at(
            &param.ty,
            format_args!("`&mut {name}` is for an `async fn`: write `async`, or `&{name}` in a plain one"),
        );
    }
}

/// Whether it can be mended without another form.
fn may_be(only: Form, form: Form, param: &PatType) -> bool {
    form == only && (fits(form, param) || matches!(passed(param), Passed::Owned(_)))
}

/// What to write where the store says the form.
fn in_its_form(form: Form, name: &str) -> String {
    match form {
        Form::Plain => format!("`{name}` is for a plain `fn`: write a plain `fn` and `&{name}`"),
        Form::Async => format!("`{name}` is for an `async fn`: write `async fn` and `&mut {name}`"),
    }
}

/// A method is plain or async as the first one that takes the transaction is.
pub fn one_form(method: &Method, keeps: Keeps<'_>, errors: &Errors) {
    let Keeps::Rows(tx, first) = keeps else { return };
    let (tx, reference) = (source_text(tx), first.reference());
    match (first, &method.sig.asyncness) {
        (Form::Plain, Some(token)) => errors.at(
            token,
            format_args!("another method here is a plain `fn` with `{reference}{tx}`: remove `async`"),
        ),
        (Form::Async, None) => errors.at(
            &method.sig.fn_token,
            format_args!("another method here is an `async fn` with `{reference}{tx}`: write `async fn`"),
        ),
        (Form::Plain, None) | (Form::Async, Some(_)) => {}
    }
}

/// The event, which comes first.
pub fn message<'b>(param: &'b PatType, errors: &Errors) -> Option<Message<'b>> {
    let (Passed::Shared(event) | Passed::Owned(event) | Passed::Unique(event)) = passed(param);
    let later = ["Envelope", "Context", "App"].iter().any(|name| sig::is_called(event, name));
    if sig::last_segment(event).is_none() || later {
        errors.at(
            &param.ty,
            "a projection's method takes its event first, `&Event`: the name of a type with `#[event]`, or `&RawEvent`",
        );
        return None;
    }
    if !matches!(passed(param), Passed::Shared(_)) {
        errors.at(
            &param.ty,
            format_args!("a projection only looks at its event: write `&{}`", source_text(event)),
        );
    }
    Some(if sig::is_called(event, "RawEvent") { Message::Any } else { Message::Event(event) })
}

/// What comes behind the event, in any order.
pub fn behind<'b>(
    method: &Method,
    param: &'b PatType,
    keeps: Keeps<'_>,
    errors: &Errors,
) -> Option<Role<'b>> {
    const SERVICE: &str = "a projection takes no service, so that it can be built anew from the log at any \
                           time: what needs one is for a reactor";
    if transaction(param).is_some() {
        one_transaction(method, param, keeps, errors);
        return Some(Role::Transaction);
    }
    match passed(param) {
        Passed::Shared(ty) if sig::is_called(ty, "Envelope") => Some(Role::Envelope),
        Passed::Shared(ty) if sig::is_called(ty, "RawEvent") => {
            errors.at(&param.ty, "the event comes first, as itself or as `&RawEvent`");
            None
        }
        Passed::Shared(Type::TraitObject(_) | Type::ImplTrait(_)) => {
            errors.at(&param.ty, SERVICE);
            None
        }
        Passed::Shared(ty) if ["App", "Context"].iter().any(|name| sig::is_called(ty, name)) => {
            let name = source_text(ty);
            errors.at(
                &param.ty,
                format_args!(
                    "a projection sees the log and nothing else, `&{name}` is for reactors: \
                     `&Envelope` knows id, stream, version and `recorded_at`"
                ),
            );
            None
        }
        Passed::Shared(ty @ Type::Path(_)) => Some(Role::Id(ty)),
        _ => {
            errors.at(
                &param.ty,
                "behind its event a projection's method takes `&Envelope`, and the key or the stream's id as `&T`",
            );
            None
        }
    }
}
