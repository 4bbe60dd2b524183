//! What the stores of SQL databases can do beside.

use super::{Advance, AdvanceError, BoxError, EventStore, StoreFuture};

/// What a projection does to its rows, in a transaction of type `Tx`. It may be run more than once; only
/// what the last run did is kept.
pub type RowWork<Tx> = Box<dyn FnMut(&Tx) -> Result<(), BoxError> + Send>;

/// The tables of a projection's builds. Their names are `table__build`; readers know them as `table`, a view.
#[doc(hidden)]
pub trait BuildTables {
    /// The tables of a build, by the names that readers know.
    fn tables(&self, build: &str) -> Result<Vec<String>, BoxError>;
    /// Lets readers see a build's table under its own name.
    fn show(&self, table: &str, build: &str) -> Result<(), BoxError>;
    /// Lets readers see nothing under that name any more.
    fn hide(&self, table: &str) -> Result<(), BoxError>;
    /// Drops the tables of a build.
    fn drop_tables(&self, build: &str) -> Result<(), BoxError>;
}

/// A store whose database can keep the rows of projections, in one transaction with their checkpoints.
pub trait RowStore: EventStore {
    /// The transaction that work runs in.
    type Tx: BuildTables + 'static;

    /// Does the work of a build, writes documents and the checkpoint: all of it in a transaction of its own,
    /// or nothing.
    ///
    /// Work that takes the checkpoint on is done once: where the checkpoint is at [`to`](Advance::to) already,
    /// or behind it, nothing happens, so that an advance can be sent again. Work without a `to`, such as making
    /// tables, is done each time. `build` is the end of the names of its tables.
    ///
    /// # Errors
    /// [`AdvanceError`]; nothing was written, but for [`AdvanceError::Unavailable`]. An error of the work, or a
    /// panic in it, is [`AdvanceError::Work`].
    fn advance_with(
        &self,
        advance: Advance,
        build: String,
        work: RowWork<Self::Tx>,
    ) -> StoreFuture<'_, Result<(), AdvanceError>>;
}
