//! A scenario of a projection that keeps documents.

use super::documents::{Documents, value};
use super::laws;
use super::past::Past;
use crate::diff;
use crate::fault::Fault;
use crate::world::Setting;
use es_core::__testing::EventList;
use es_core::jiff::Timestamp;
use es_core::serde_json::Value;
use es_core::{AggregateId, Document, Key, Metadata};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// What has happened, and the documents that it leads to: a scenario of a projection, begun by
/// [`projection`](crate::projection). Every `then_..` checks one thing and gives the scenario back; more may be given behind it.
/// A scenario without any `then_..` fails.
///
/// Its parts count in the order in which they are written: `.at(..)`, `.by(..)` and `.metadata(..)` hold for
/// the events that follow them.
///
/// Beside what it expects, every scenario checks that
///
/// 1. payloads and documents survive a serde round trip;
/// 2. a rebuild gives the same documents;
/// 3. one batch, many batches and repeated events give the same documents.
pub struct GivenProjection<P: Document> {
    past: Past,
    projection: PhantomData<fn(P)>,
}

/// Documents as JSON, each with its key as it prints itself, by the text of the key.
type Values = BTreeMap<String, (String, Value)>;

#[allow(clippy::return_self_not_must_use, reason = "the last check of a scenario leaves nothing to be used")]
impl<P: Document> GivenProjection<P> {
    #[track_caller]
    pub(super) fn begin() -> Self {
        Self { past: Past::new(), projection: PhantomData }
    }

    /// Events that happened on the stream of this id: an event, a tuple, an array, a `Vec`, or `events![..]`.
    #[track_caller]
    pub fn given(mut self, id: &impl AggregateId, events: impl EventList) -> Self {
        self.past.given(id, P::NAME, events);
        self
    }

    /// What follows happens at this time. A scenario starts at
    /// [`VirtualClock::START`](crate::VirtualClock::START), or at the first time given here if that is earlier.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.past.hold(Setting::At(time));
        self
    }

    /// What follows is done by this actor.
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.past.hold(Setting::By(actor.into()));
        self
    }

    /// What follows has this metadata. An actor that was said before is kept where it names none.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.past.hold(Setting::Said(metadata));
        self
    }

    /// The document of this key is this one.
    ///
    /// # Panics
    /// If it is not, with every field that differs; if the projection fails; or if a law is broken.
    #[allow(clippy::needless_pass_by_value, reason = "what is expected is written in place")]
    #[track_caller]
    pub fn then(self, key: &P::Key, document: P) -> Self {
        self.expect(|documents| {
            let expected = value(&document)?;
            let Some((_, actual)) = documents.get(&key.text()) else {
                let keys = documents.values().map(|(key, document)| format!("there is {key}: {document}"));
                return Err(Fault::new(format!("there is no document of {key:?}")).with(keys));
            };
            let lines = diff::fields(actual, &expected);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new(format!("another document of {key:?} than expected (actual ≠ expected):"))
                .with(lines))
        })
    }

    /// There is no document of this key.
    ///
    /// # Panics
    /// If there is one, if the projection fails, or if a law is broken.
    #[track_caller]
    pub fn then_none(self, key: &P::Key) -> Self {
        self.expect(|documents| match documents.get(&key.text()) {
            None => Ok(()),
            Some((_, document)) => {
                Err(Fault::new(format!("there should be no document of {key:?}:"))
                    .with([document.to_string()]))
            }
        })
    }

    /// These are the documents, and there is no other.
    ///
    /// ```
    /// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
    /// projection::<Turnover>()
    ///     .given(&1, MoneyDeposited { amount: 50 })
    ///     .given(&2, MoneyDeposited { amount: 20 })
    ///     .then_documents([
    ///         (1, Turnover { paid_in: 50, paid_out: 0 }),
    ///         (2, Turnover { paid_in: 20, paid_out: 0 }),
    ///     ]);
    /// ```
    ///
    /// # Panics
    /// If they are not, with every field that differs; if the projection fails; or if a law is broken.
    #[track_caller]
    pub fn then_documents(self, documents: impl IntoIterator<Item = (P::Key, P)>) -> Self {
        let expected: Result<Values, Fault> = { documents.into_iter() }
            .map(|(key, document)| Ok((key.text(), (format!("{key:?}"), value(&document)?))))
            .collect();
        self.expect(|documents| {
            let lines = differences(documents, &expected?);
            if lines.is_empty() {
                return Ok(());
            }
            Err(Fault::new("other documents than expected (actual ≠ expected):").with(lines))
        })
    }

    /// Checks one thing of the documents that there are now.
    #[track_caller]
    fn expect(mut self, check: impl FnOnce(&Values) -> Result<(), Fault>) -> Self {
        self.past.check(|played| {
            let documents: Documents<P> = laws::documents(&played.events)?;
            check(&documents.values()?)
        });
        self
    }
}

/// A line for each document that differs.
pub(super) fn differences(actual: &Values, expected: &Values) -> Vec<String> {
    let mut lines = Vec::new();
    for (text, (key, expected)) in expected {
        match actual.get(text) {
            None => lines.push(format!("{key}: missing {expected}")),
            Some((_, actual)) => {
                lines.extend(diff::fields(actual, expected).into_iter().map(|line| format!("{key}: {line}")));
            }
        }
    }
    let others = actual.iter().filter(|(text, _)| !expected.contains_key(*text));
    lines.extend(others.map(|(_, (key, document))| format!("{key}: unexpected {document}")));
    lines
}
