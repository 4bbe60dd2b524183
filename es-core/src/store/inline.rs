//! What goes with a commit in its own transaction: documents, and the builds of inline projections.

use super::{
    AppendError, BoxError, Checkpoint, DocumentWrite, Filter, StoreFuture, StoredDocument, StoredEvent,
    limits,
};
use crate::foreign;
use crate::id::Position;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is stored together with the events of a commit, or not at all.
#[derive(Clone, Default)]
pub struct Inline {
    /// Documents that the commit was decided on, as they shall be, each of them once. Their position is the
    /// commit's last one, whatever they say. One that is not at its revision any more is
    /// [`AppendError::Changed`].
    pub writes: Vec<DocumentWrite>,
    /// Documents that the commit was decided on and leaves as they are. One that is not at its revision any
    /// more is [`AppendError::Changed`], too.
    pub requires: Vec<DocumentRevision>,
    /// Projections whose builds are taken along, as far as they are near enough to the end of the log.
    pub projections: Vec<Arc<dyn InlineProjection>>,
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.projections.iter().map(|projection| projection.name()).collect();
        f.debug_struct("Inline")
            .field("writes", &self.writes)
            .field("requires", &self.requires)
            .field("projections", &names)
            .finish()
    }
}

/// A document as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRevision {
    /// What it belongs to.
    pub collection: Arc<str>,
    /// Its key in the collection.
    pub key: String,
    /// The revision it was read at, 0 if there was none.
    pub revision: u64,
}

impl DocumentRevision {
    /// Makes sure that the document is as it was when the commit was decided.
    pub(crate) fn require(&self, stored: Option<&StoredDocument>) -> Result<(), AppendError> {
        if self.revision == stored.map_or(0, |document| document.revision) {
            return Ok(());
        }
        Err(AppendError::Changed { collection: self.collection.clone(), key: self.key.clone() })
    }
}

/// A projection that is written in the transaction of a commit, as the store meets it there.
///
/// Behind the checks of a commit, the store reads the projection's ledger and asks for the
/// [builds](Self::builds) in it. Of each that is registered it reads the checkpoint, and leaves the build where
/// it is if too much lies between that and the commit. Else it gives it the events of the
/// [filter](Self::filter) from there on, those of the commit at the end, writes what it answers, and moves the
/// checkpoint to the commit's last event. All of this happens in the transaction of the commit.
///
/// It is data in and data out; rows alone are written while the transaction is at hand.
pub trait InlineProjection: Send + Sync + 'static {
    /// Its name, for errors.
    fn name(&self) -> &'static str;

    /// The events that it is for.
    fn filter(&self) -> &Filter;

    /// Where its builds are written down: a collection, and the key in it.
    fn ledger(&self) -> (&str, &str);

    /// The builds that are taken along while this is the ledger, in this order.
    fn builds(&self, ledger: &StoredDocument) -> Vec<Box<dyn InlineBuild + '_>>;
}

/// A build of an inline projection.
pub trait InlineBuild: Send + Sync {
    /// The processor whose checkpoint goes on; its documents stand in the collection of the same name.
    fn processor(&self) -> &Arc<str>;

    /// The end of the names of its tables, if it keeps rows.
    fn tables(&self) -> Option<&str>;

    /// Reads events that follow its checkpoint, which is at `from`.
    ///
    /// # Errors
    /// Why one of them cannot be read.
    fn begin(&self, from: Position, events: &[StoredEvent]) -> Result<Box<dyn InlineStep>, InlineFailure>;

    /// Hears that a commit did not take it along, since too much lies between.
    fn left_behind(&self) {}
}

/// Some events on their way into a build.
pub trait InlineStep: Send {
    /// The keys of the documents that they change.
    fn keys(&self) -> Vec<String>;

    /// Applies them to these documents, which are all that there are under its keys; and to its rows, in the
    /// transaction that the store gives to a build with [tables](InlineBuild::tables). The answer is what is to
    /// be written, whatever is there. Where the transaction is PostgreSQL's alone it may be waited for.
    ///
    /// # Errors
    /// What a method says.
    fn finish(
        self: Box<Self>,
        documents: Vec<StoredDocument>,
        transaction: Option<&mut (dyn Any + Send)>,
    ) -> StoreFuture<'_, Result<Vec<DocumentWrite>, InlineFailure>>;
}

/// Why a build cannot take events.
#[derive(Debug)]
pub struct InlineFailure {
    /// The event that it fails on, if it is because of one.
    pub at: Option<Position>,
    /// What went wrong.
    pub cause: BoxError,
}

impl InlineFailure {
    /// What it means for a commit behind `before`: an error, unless it fails on an event that was there before.
    /// That is not the commit's fault. The build stays where it is, and whoever follows the log with it will
    /// say so.
    pub(crate) fn of_a_commit_behind(self, before: Position, projection: &str) -> Result<(), AppendError> {
        if self.at.is_some_and(|at| at <= before) {
            return Ok(());
        }
        Err(AppendError::Inline { projection: projection.to_owned(), cause: self.cause })
    }
}

impl<E: Into<BoxError>> From<E> for InlineFailure {
    fn from(error: E) -> Self {
        Self { at: None, cause: error.into() }
    }
}

/// The most events for it that a commit takes a build over before its own.
pub(crate) const NEAR: usize = 1_000;

/// The most positions that are looked at for them.
const IN_SIGHT: u64 = limits::MAX_SCAN as u64;

/// Whether it is worth looking for what lies between a build's checkpoint and a commit behind `before`. A
/// checkpoint behind the end is that of another log.
pub(crate) fn is_in_sight(build: &dyn InlineBuild, from: Checkpoint, before: Position) -> bool {
    let Some(between) = before.0.checked_sub(from.position.0) else { return false };
    if between > IN_SIGHT {
        build.left_behind();
    }
    between <= IN_SIGHT
}

/// Runs what is not the store's own. A panic in it is an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, InlineFailure>) -> Result<T, InlineFailure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Panicked::with(&*panic).into()))
}

/// A projection panicked.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
pub(crate) struct Panicked(String);

impl Panicked {
    pub fn with(panic: &(dyn Any + Send)) -> Self {
        Self(foreign::said(panic).unwrap_or("no message").to_owned())
    }
}

/// Nobody can wait for a projection where it runs.
#[derive(Debug, thiserror::Error)]
#[error("it waits for something, and in this store a projection has to be done at once")]
pub(crate) struct Waits;

/// The end of a step in a store that waits for nothing.
pub(crate) fn finished(
    step: Box<dyn InlineStep>,
    documents: Vec<StoredDocument>,
    transaction: Option<&mut (dyn Any + Send)>,
) -> Result<Vec<DocumentWrite>, InlineFailure> {
    foreign::at_once(step.finish(documents, transaction)).unwrap_or_else(|| Err(Waits.into()))
}

impl DocumentWrite {
    /// Makes sure that the document is as it was when the commit was decided.
    pub(crate) fn require(&self, stored: Option<&StoredDocument>) -> Result<(), AppendError> {
        if self.revision.is_none_or(|read_at| read_at == stored.map_or(0, |document| document.revision)) {
            return Ok(());
        }
        Err(AppendError::Changed { collection: self.collection.clone(), key: self.key.clone() })
    }
}
