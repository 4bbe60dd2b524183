//! Lists of events of several types.

/// Events of any types, in order: what `given(..)` and `then(..)` take, for lists longer than a tuple.
///
/// ```
/// # use {bank_model::*, es_core::prelude::*, es_testing::prelude::*};
/// given(events![AccountOpened {}, MoneyDeposited { amount: 1 }, MoneyDeposited { amount: 2 }])
///     .when(Withdraw { account: 1, amount: 3 })
///     .then(events![MoneyWithdrawn { amount: 3 }]);
/// ```
#[macro_export]
macro_rules! events {
    () => { () };
    // Seven at a time: neither the macro's nor the type checker's recursion grows with every event.
    ($a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $($rest:expr),+ $(,)?) => {
        ($a, $b, $c, $d, $e, $f, $g, $crate::events![$($rest),+])
    };
    ($($event:expr),+ $(,)?) => { ($($event,)+) };
}
