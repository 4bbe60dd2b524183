//! Builds of an inline projection, as the store takes them along with a commit.

use super::build::{Kind, Shared};
use super::control::{Known, LEDGERS};
use super::events::Failure;
use super::ledger::Build;
use super::turn::Turn;
use crate::id::Position;
use crate::projection::Projection;
use crate::runtime::Halt;
use crate::store::{
    BoxError, Filter, InlineBuild, InlineFailure, InlineProjection, InlineStep, StoredDocument, StoredEvent,
};
use std::sync::Arc;

impl<K: Kind> InlineProjection for Shared<K> {
    fn name(&self) -> &'static str {
        K::Projection::NAME
    }

    fn filter(&self) -> &Filter {
        &self.filter
    }

    fn ledger(&self) -> (&str, &str) {
        (LEDGERS, K::Projection::NAME)
    }

    fn builds(&self, ledger: &StoredDocument) -> Vec<Box<dyn InlineBuild + '_>> {
        // Whoever follows the log says what is wrong with one that cannot be read.
        let Ok(known) = Known::of(ledger) else { return Vec::new() };
        self.learn(&known.ledger);
        let known = Arc::new(known);
        let mut ids: Vec<_> = known.ledger.of_version(K::Projection::VERSION).collect();
        // The live one touches the ledger. Where another takes its place in the same commit, that is the last
        // word.
        ids.sort_by_key(|&id| id != known.ledger.live);
        let builds = ids.into_iter().map(|id| -> Box<dyn InlineBuild + '_> {
            let build = self.control.build(id);
            let tables = K::tables(&build);
            Box::new(Along { shared: self, known: known.clone(), build, tables })
        });
        builds.collect()
    }
}

/// A build that goes along.
struct Along<'a, K> {
    shared: &'a Shared<K>,
    known: Arc<Known>,
    build: Build,
    tables: Option<String>,
}

impl<K: Kind> InlineBuild for Along<'_, K> {
    fn processor(&self) -> &Arc<str> {
        &self.build.processor
    }

    fn tables(&self) -> Option<&str> {
        self.tables.as_deref()
    }

    fn begin(&self, from: Position, events: &[StoredEvent]) -> Result<Box<dyn InlineStep>, InlineFailure> {
        // It goes to the end of the log, than which the live one is not farther.
        let turn = Turn::of(&self.shared.control, &self.known, self.build.id, true)?;
        self.shared.kind.begin(&self.build, from, events, turn)
    }

    fn left_behind(&self) {
        // One that is not read yet is being built.
        if self.build.id == self.known.ledger.live && self.shared.is_first_left_behind(self.build.id) {
            let (projection, build) = (K::Projection::NAME, &self.build.processor);
            tracing::warn!(
                projection,
                %build,
                "commits leave an inline projection behind, since too many events lie between: it comes back \
                 when something follows the log with it, as `start` and `drain` do"
            );
        }
    }
}

impl InlineFailure {
    /// As [`Failure`], which counts the events in front of the one that it is about.
    pub(super) fn at(failure: Failure, place: impl FnOnce(usize) -> Option<Position>) -> Self {
        Self { at: place(failure.done), cause: cause(failure.halt) }
    }
}

impl From<Halt> for InlineFailure {
    fn from(halt: Halt) -> Self {
        Self { at: None, cause: cause(halt) }
    }
}

fn cause(halt: Halt) -> BoxError {
    match halt {
        Halt::Newer(error) => error.into(),
        Halt::Stopped(reason) => reason.into(),
        Halt::Unavailable(cause) => cause,
        Halt::Fenced | Halt::Done => "another build has taken its place".into(),
    }
}
