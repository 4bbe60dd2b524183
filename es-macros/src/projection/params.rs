//! What a parameter of a projection's method is, by the way it is written.

use super::{Keeps, Message, Role};
use crate::diag::Errors;
use crate::handlers::{Passed, passed};
use crate::names::source_text;
use crate::sig;
use syn::{PatType, Type};

/// The type of a transaction: its name ends in `Tx`.
pub fn transaction(param: &PatType) -> Option<&Type> {
    let (Passed::Owned(ty) | Passed::Shared(ty) | Passed::Unique(ty)) = passed(param);
    sig::last_segment(ty).filter(|segment| segment.ident.to_string().ends_with("Tx")).map(|_| ty)
}

/// `&SqliteTx`
pub fn is_transaction(param: &PatType) -> bool {
    matches!(passed(param), Passed::Shared(_)) && transaction(param).is_some()
}

/// The methods of a block share the type of their transaction, which is the first one's.
pub fn one_transaction(param: &PatType, keeps: Keeps<'_>, errors: &Errors) {
    if let (Keeps::Rows(first), Some(tx)) = (keeps, transaction(param))
        && !sig::is_same(first, tx)
    {
        let first = source_text(first);
        errors.at(
            tx,
            format_args!("a projection keeps its rows in one database, and another method takes `&{first}`"),
        );
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
pub fn behind<'b>(param: &'b PatType, keeps: Keeps<'_>, errors: &Errors) -> Option<Role<'b>> {
    const SERVICE: &str = "a projection takes no service, so that it can be built anew from the log at any \
                           time: what needs one is for a reactor";
    if let Some(tx) = transaction(param) {
        if !is_transaction(param) {
            errors.at(
                &param.ty,
                format_args!("a projection borrows its transaction: write `&{}`", source_text(tx)),
            );
        }
        one_transaction(param, keeps, errors);
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
