//! What the compiler checks for the macros: traits that an invalid model fails to implement, and assertions
//! over constants.

use crate::aggregate::{Aggregate, FromBirth, FromDefault};
use crate::event::{Event, Raisable};
use crate::outcome::Checked;
use crate::projection::{DocumentKind, Kept, RowKind};
use crate::upcast::Older;

/// Compares an event with the one that its `from` names: one name, versions one apart.
///
/// # Panics
/// While a constant is evaluated, which makes it a compile error at the caller's span.
#[track_caller]
pub const fn assert_upcast<E: Event>() {
    let (name, version) = E::Older::BELOW;
    assert!(
        same(name, E::NAME),
        "the event type in `from = ..` has another name: all versions of one event share their name"
    );
    assert!(
        E::VERSION.saturating_sub(1) == version,
        "the event type in `from = ..` must be exactly one version older than this one"
    );
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// An aggregate that can begin without a birth: one whose start is its `Default`.
#[diagnostic::on_unimplemented(
    message = "nothing can create `{Self}`",
    label = "no applier without receiver, and no `default`",
    note = "add a birth, `fn opened(e: &Opened) -> Self`, or declare `#[aggregate(.., default)]`"
)]
pub trait CanBegin<S> {}

#[diagnostic::do_not_recommend]
impl<A> CanBegin<FromDefault> for A {}

/// An aggregate whose streams begin with a birth: one without `#[aggregate(default)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` starts from its `Default`, so it cannot have a birth",
    label = "an applier without receiver",
    note = "take `&mut self` and change the state, or remove `default` from `#[aggregate(..)]`"
)]
pub trait Born<S> {}

#[diagnostic::do_not_recommend]
impl<A> Born<FromBirth> for A {}

/// The appliers without receiver need this. `B` is the aggregate once more, written where they stand; of what
/// is no aggregate nothing is said but that.
pub const fn assert_born<A: Aggregate, B: Born<A::Start>>() {}

/// An aggregate without a birth needs this.
pub const fn assert_can_begin<A: Aggregate + CanBegin<A::Start>>() {}

/// An event that may be raised, as a property of something else than the event: so that rustc, which prefers
/// what is wrong with a handler's whole return type, says this.
#[diagnostic::on_unimplemented(
    message = "the event `{E}` is retired and cannot be raised",
    label = "retired",
    note = "raise the event that took its place, or remove `retired` from its `#[event(..)]`"
)]
pub trait MayRaise<E> {}

/// Whoever raises events.
#[derive(Debug)]
pub enum Anyone {}

#[diagnostic::do_not_recommend]
impl<E: Raisable> MayRaise<E> for Anyone {}

/// The error of a handler, made from what a `#[validate]` of its command answers.
#[diagnostic::on_unimplemented(
    message = "what this `#[validate]` answers, `{V}`, cannot become the handler's error, `{Self}`",
    label = "not the error of the command's handler",
    note = "answer what the handler answers, or write `impl From<{V}> for {Self}`; a handler that returns no `Result` answers the invariants' error"
)]
pub trait FromValidation<V>: Sized {
    /// The answer as the handler's error.
    fn refused(answer: Result<(), V>) -> Result<(), Self>;
}

#[diagnostic::do_not_recommend]
impl<V, E: From<V>> FromValidation<V> for E {
    fn refused(answer: Result<(), V>) -> Result<(), Self> {
        answer.map_err(E::from)
    }
}

/// The error of an invariant, which is the one that the first of them answers.
#[diagnostic::on_unimplemented(
    message = "the invariants of an aggregate share one error type, and the first answers `{E}`",
    label = "another error type",
    note = "answer `{E}` here, too"
)]
pub trait SharedBy<E>: Sized {
    /// The answer as the aggregate's violation.
    fn checked(answer: Result<(), Self>) -> Result<(), Checked<E>>;
}

#[diagnostic::do_not_recommend]
impl<E> SharedBy<E> for E {
    fn checked(answer: Result<(), E>) -> Result<(), Checked<E>> {
        answer.map_err(Checked)
    }
}

/// A reactor with a state per key: one with `#[reactor(key = ..)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no state, its methods take `&self`",
    label = "there is no state",
    note = "write `&self`; or say what separates its states, `#[reactor(key = ..)]` on the type"
)]
pub trait Keyed: Default {}

/// A reactor without state: one without `key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has a state per key, its methods take `&mut self`, or `self` to end the key",
    label = "the state is not there to be looked at",
    note = "write `&mut self`; what has effects, or needs no state, is a reactor of its own, without `key`"
)]
pub trait Stateless: Default {}

/// A reactor that may call the outside: one with neither `key` nor `inline`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no effects: it does not wait, and takes no services, no `&Context<Self>` and no `&App`",
    label = "for effects, and it has none",
    note = "only a reactor with neither `key` nor `inline` has effects; others issue a command, whose handler takes services"
)]
pub trait Effects {}

/// The state of a key, for a method that takes `&mut self`.
pub fn state<R: Keyed>(state: &mut Option<R>) -> &mut R {
    state.get_or_insert_default()
}

/// The state of a key that ends, for a method that takes `self`.
pub fn last_state<R: Keyed>(state: &mut Option<R>) -> R {
    state.take().unwrap_or_default()
}

/// What a method takes as `&self` where there is no state.
pub fn no_state<R: Stateless>() -> R {
    R::default()
}

/// What has effects needs this.
pub const fn assert_effects<R: Effects>() {}

/// A projection that is declared with a key, as methods that change documents need it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key, and its methods here keep documents",
    label = "no method here takes a transaction",
    note = "declare `#[projection(key = ..)]` for a document of each key, or take `&self` and a transaction, `&SqliteTx` or `&mut PgTx`, for rows of your own"
)]
pub trait KeepsDocuments<Kind> {}

#[diagnostic::do_not_recommend]
impl<P> KeepsDocuments<DocumentKind> for P {}

/// A projection that is declared without a key, as methods that take a transaction need it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has a key, so it keeps documents, and its methods here take a transaction",
    label = "rows in a projection of documents",
    note = "remove `key` from `#[projection(..)]` to keep rows of your own, or take `&mut self` and no transaction"
)]
pub trait KeepsRows<Kind> {}

#[diagnostic::do_not_recommend]
impl<P> KeepsRows<RowKind> for P {}

/// A block of methods that change documents needs this. `B` is the projection once more; of what is no
/// projection nothing is said but that.
pub const fn assert_keeps_documents<P: Kept, B: KeepsDocuments<P::Kind>>() {}

/// A block of methods that take a transaction needs this.
pub const fn assert_keeps_rows<P: Kept, B: KeepsRows<P::Kind>>() {}
