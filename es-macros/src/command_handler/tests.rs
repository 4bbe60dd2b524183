use super::expand;
use crate::testing::{expanded, messages};
use expect_test::expect;
use quote::quote;

#[test]
fn a_handler_becomes_an_impl() {
    let block = quote!(
        impl Account {
            #[validate]
            fn positive(command: &Withdraw) -> Result<(), AccountError> { Ok(()) }
            fn withdraw(&self, command: Withdraw, cx: &Context<Self>) -> Result<Withdrawn, AccountError> { decide() }
        }
    );
    let args = quote!(retry(max = 5, backoff = "5ms..200ms"));
    expect![[]].assert_eq(&expanded(expand(args, block)));
}

#[test]
fn a_service_is_found_by_type() {
    let block = quote!(
        impl Account {
            #[cfg(later)]
            #[retry(max = 0)]
            async fn cash_out(state: Option<&Self>, atm: CashOut, service: &dyn Atm) {}
        }
    );
    expect![[]].assert_eq(&expanded(expand(quote!(crate = crate::es), block)));
}

#[test]
fn every_fault_of_a_block_is_reported_at_once() {
    let block = quote!(
        impl Account {
            fn one(&mut self, command: One) {}
            fn two(&self, command: &Two) {}
            fn two_again(&self, command: crate::Two) {}
            fn three(&self, command: Three, atm: &dyn Atm, n: u8) {}
            fn helper(&self) -> u8 { 1 }
            #[validate]
            fn four(command: &Four) -> Result<(), Error> {}
            #[retry(max = 1, times = 2)]
            fn five(&self, command: Five) {}
            #[invariant]
            fn six(&self) -> Result<(), Error> {}
        }
    );
    let found = messages(&expand(quote!(again), block));
    expect![[]].assert_eq(&found.join("\n"));
}

#[test]
fn a_body_is_never_read() {
    let block = quote!(impl Account { fn open(command: Open) -> Opened { not rust at all } const N: u8 = 1; later! {} });
    let generated = expand(quote!(), block).to_string();
    assert!(
        generated
            .starts_with("impl Account { fn open (command : Open) -> Opened { not rust at all } const N")
    );
    assert!(messages(&expand(quote!(), quote!(impl Account { later! { } fn open(c: Open) {} }))).is_empty());
}
