//! One turn: the methods of a reactor on one event, for one key.

use super::commands;
use super::lane::Work;
use crate::diff;
use crate::fault::Fault;
use crate::laws;
use es_core::__private::{BoxError, Services};
use es_core::__testing::{self as inside, Call, Issued, Wish};
use es_core::jiff::Timestamp;
use es_core::serde_json::{self, Value};
use es_core::{App, BoxFuture, CommandId, React, Reactor};
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

pub(super) type Method<R> = es_core::__private::ReactorMethod<R>;

const TWICE: &str = "reacting twice does the same";

/// What a turn is about.
pub(super) struct Turn<'a, R: React> {
    pub(super) app: &'a App,
    pub(super) services: &'a Services,
    pub(super) work: &'a Work,
    pub(super) key: &'a R::Key,
    pub(super) state: Option<&'a [u8]>,
    pub(super) now: Timestamp,
    pub(super) attempt: u32,
}

/// What came of a turn.
pub(super) struct Done {
    pub(super) state: Option<Vec<u8>>,
    /// What each method wants, in written order.
    pub(super) answers: Vec<Answer>,
    /// Whether all was asked of the event and the state alone.
    pub(super) pure: bool,
}

/// What one method wants.
pub(super) struct Answer {
    /// Each under the id that it is done with.
    pub(super) wishes: Vec<(CommandId, Wish)>,
    /// Whether the process of this key has ended with it.
    pub(super) ended: bool,
}

impl<R: React> Turn<'_, R> {
    /// Runs the methods; inside, why one of them failed.
    pub(super) async fn run(&self) -> Result<Result<Done, String>, Fault> {
        let pure = self.has_its_services()?;
        let once = match self.once(pure).await {
            Ok(once) => once,
            Err(why) => return Ok(Err(why)),
        };
        if pure && R::SPEC.state.is_some() {
            let again = self.once(pure).await;
            same(&once, again).map_err(|lines| laws::broken_law(TWICE, lines))?;
        }
        Ok(Ok(once))
    }

    /// Whether no method takes a service.
    fn has_its_services(&self) -> Result<bool, Fault> {
        let mut pure = true;
        for (method, ..) in self.calls() {
            let (takes, missing) = inside::needs(method, self.services);
            pure &= !takes;
            if let Some(service) = missing.first() {
                let (name, reactor) = (method.name, R::NAME);
                return Err(Fault::new(format!(
                    "the method {name} of {reactor} takes `&{service}` and nobody provides it: \
                     add `.service::<{service}>(Arc::new(..))`"
                )));
            }
        }
        Ok(pure)
    }

    fn calls(&self) -> impl Iterator<Item = (&'static Method<R>, usize, &(dyn Any + Send + Sync))> {
        self.work.calls.iter().map(|(place, message)| (&R::METHODS[*place], *place, &***message))
    }

    async fn once(&self, pure: bool) -> Result<Done, String> {
        let mut state = self.read_state()?;
        let context = inside::context::<R>(self.work.ids, self.now, self.attempt);
        let mut answers = Vec::new();
        for (method, place, message) in self.calls() {
            let call = Call {
                state: &mut state,
                message,
                event: &self.work.event,
                key: self.key,
                context: &context,
                app: self.app,
                services: self.services,
            };
            let issued = match caught(|| (method.run)(call)).await {
                Ok(Ok(issued)) => issued,
                Ok(Err(error)) => return Err(format!("{} failed: {error}", method.name)),
                Err(panicked) => return Err(format!("{} panicked: {panicked}", method.name)),
            };
            let wishes = issued.wishes.into_iter().enumerate();
            answers.push(Answer {
                wishes: wishes.map(|(n, wish)| (inside::issued(self.work.ids, place, n), wish)).collect(),
                ended: R::SPEC.state.is_some() && state.is_none(),
            });
        }
        Ok(Done { state: write_state(state.as_ref())?, answers, pure })
    }

    fn read_state(&self) -> Result<Option<R>, String> {
        let Some(codec) = R::SPEC.state else { return Ok(Some(R::default())) };
        let Some(state) = self.state else { return Ok(None) };
        (codec.decode)(state).map(Some).map_err(|error| format!("the state cannot be read back: {error}"))
    }
}

fn write_state<R: Reactor>(state: Option<&R>) -> Result<Option<Vec<u8>>, String> {
    let (Some(codec), Some(state)) = (R::SPEC.state, state) else { return Ok(None) };
    (codec.encode)(state).map(Some).map_err(|error| format!("the state cannot be written: {error}"))
}

fn same(once: &Done, again: Result<Done, String>) -> Result<(), Vec<String>> {
    let again = again.map_err(|why| vec![format!("the second time {why}")])?;
    let json = |state: &Option<Vec<u8>>| state.as_deref().and_then(value);
    let (first, second) = (json(&once.state), json(&again.state));
    let mut lines = match (&first, &second) {
        (Some(first), Some(second)) => diff::fields(second, first),
        (first, second) if first == second => Vec::new(),
        _ => vec!["the state ends one time, and one time it does not".to_owned()],
    };
    let wishes = |done: &Done| {
        let wishes = done.answers.iter().flat_map(|answer| &answer.wishes);
        wishes.map(|(_, wish)| show(wish)).collect::<Vec<_>>()
    };
    let (first, second) = (wishes(once), wishes(&again));
    if first != second {
        lines.push(format!("{} ≠ {}", second.join(", "), first.join(", ")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    let hint =
        "a reactor takes its time and ids from `&Envelope` and `&Context<Self>`, and nothing from elsewhere";
    Err(["second ≠ first:".to_owned()].into_iter().chain(lines).chain([hint.to_owned()]).collect())
}

fn value(state: &[u8]) -> Option<Value> {
    serde_json::from_slice(state).ok()
}

fn show(wish: &Wish) -> String {
    match wish {
        Wish::Command(command) => commands::show(command),
        Wish::SetTimer { name, due, command } => {
            format!("timer \"{name}\" {due:?} {}", commands::show(command))
        }
        Wish::CancelTimer { name } => format!("no timer \"{name}\""),
    }
}

/// A method's answer, or the text that it panicked with.
async fn caught<'a>(
    run: impl FnOnce() -> BoxFuture<'a, Result<Issued, BoxError>>,
) -> Result<Result<Issued, BoxError>, String> {
    let mut running = catch_unwind(AssertUnwindSafe(run)).map_err(text)?;
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(answer)) => Poll::Ready(Ok(answer)),
        Err(panicked) => Poll::Ready(Err(text(panicked))),
    })
    .await
}

/// The text of a panic.
pub(crate) fn text(panicked: Box<dyn Any + Send>) -> String {
    match panicked.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other
            .downcast_ref::<&str>()
            .map_or_else(|| "without a text".to_owned(), |text| (*text).to_owned()),
    }
}
