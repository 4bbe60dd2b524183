//! What a projection keeps says how it is tested.

use super::scenario::GivenProjection;
use es_core::__private::{DocumentKind, Kept};
use es_core::Document;

/// A scenario of a projection begins: a [`GivenProjection`] where it keeps documents, a `GivenRows` where it
/// keeps rows.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// projection::<Turnover>()
///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }, MoneyWithdrawn { amount: 20 }))
///     .given(&2, (AccountOpened {}, MoneyDeposited { amount: 50 }, AccountClosed))
///     .then(&1, Turnover { paid_in: 50, paid_out: 20 })
///     .then_none(&2);
/// ```
///
/// Rows are kept in a file, as they will be, and are asked for in SQL:
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// projection::<Balances>()
///     .given(&1, (AccountOpened {}, MoneyDeposited { amount: 50 }, MoneyWithdrawn { amount: 20 }))
///     .given(&2, (AccountOpened {}, MoneyDeposited { amount: 70 }))
///     .then_rows("SELECT account, cents FROM balances ORDER BY 1", [(1, 30), (2, 70)]);
/// ```
#[track_caller]
pub fn projection<P: Kept<Kind: Plays<P>>>() -> <P::Kind as Plays<P>>::Given {
    P::Kind::begin()
}

/// How a projection `P` of this kind is tested.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the projection `{P}` cannot be tested",
    label = "no methods, or on a database that is not here",
    note = "its methods stand in `#[projection] impl {P} {{ .. }}`; rows are tested on SQLite, with the feature `sqlite`"
)]
pub trait Plays<P> {
    /// Its scenario.
    type Given;
    /// It begins.
    #[track_caller]
    fn begin() -> Self::Given;
}

#[diagnostic::do_not_recommend]
impl<P: Document> Plays<P> for DocumentKind {
    type Given = GivenProjection<P>;

    #[track_caller]
    fn begin() -> GivenProjection<P> {
        GivenProjection::begin()
    }
}
