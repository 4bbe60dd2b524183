//! What the stores of SQL databases can do beside.

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::{Advance, AdvanceError, BoxError, EventStore, StoreFuture};

/// What a projection does to its rows, in a transaction of type `Tx`. It may be run more than once; only
/// what the last run did is kept. On SQLite its future has to be ready at once.
pub type RowWork<Tx> = Box<dyn for<'t> FnMut(&'t mut Tx) -> StoreFuture<'t, Result<(), BoxError>> + Send>;

/// Work that waits for nothing.
pub fn plain_work<Tx: Send + 'static>(
    mut work: impl FnMut(&Tx) -> Result<(), BoxError> + Send + 'static,
) -> RowWork<Tx> {
    Box::new(move |tx| Box::pin(std::future::ready(work(tx))))
}

/// The tables of a projection's builds. Readers know each of them by its own name, which is that of a view.
#[doc(hidden)]
pub trait BuildTables {
    /// The tables of a build, by the names that readers know.
    fn tables(&mut self, build: &str) -> impl Future<Output = Result<Vec<String>, BoxError>> + Send;
    /// Lets readers see a build's table under its own name.
    fn show(&mut self, table: &str, build: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
    /// Lets readers see nothing under that name any more.
    fn hide(&mut self, table: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
    /// Drops the tables of a build.
    fn drop_tables(&mut self, build: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A store whose database can keep the rows of projections, in one transaction with their checkpoints.
pub trait RowStore: EventStore {
    /// The transaction that work runs in.
    type Tx: BuildTables + Send + 'static;

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

/// Whether an error of some work says that the database was in the way, and may be out of it soon; the work
/// itself is not to blame.
pub(crate) fn may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    let stores: &[fn(&(dyn std::error::Error + 'static)) -> bool] = &[
        #[cfg(feature = "sqlite")]
        sqlite::may_pass,
        #[cfg(feature = "postgres")]
        postgres::may_pass,
    ];
    stores.iter().any(|may_pass| may_pass(error))
}
