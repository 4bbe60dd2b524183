//! Lists of events of several types.

/// Events of any types, in order: what `given(..)` and `then(..)` take, for lists longer than a tuple.
///
/// ```
/// use es_core::prelude::*;
/// use es_testing::prelude::*;
/// # #[event] pub struct Opened {}
/// # #[event] pub struct Deposited { pub amount: u64 }
/// # #[command(Account)] pub struct Deposit { #[id] pub account: u32, pub amount: u64 }
/// # #[aggregate(id = u32)] pub struct Account { balance: u64 }
/// # #[applier] impl Account {
/// #     fn opened(_: &Opened) -> Self { Account { balance: 0 } }
/// #     fn deposited(&mut self, e: &Deposited) { self.balance += e.amount }
/// # }
/// # #[command_handler] impl Account {
/// #     fn deposit(&self, command: Deposit) -> Deposited { Deposited { amount: command.amount } }
/// # }
///
/// given(events![Opened {}, Deposited { amount: 1 }, Deposited { amount: 2 }])
///     .when(Deposit { account: 1, amount: 3 })
///     .then(events![Deposited { amount: 3 }]);
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
