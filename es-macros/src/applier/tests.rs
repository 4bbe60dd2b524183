use super::expand;
use crate::testing::{expanded, messages};
use expect_test::expect;
use quote::quote;

#[test]
fn appliers_become_an_enum_and_a_dispatch() {
    let block = quote!(
        impl Account {
            fn opened(e: &Opened, env: &Envelope) -> Self { anything(e, env) }
            #[cfg(later)]
            fn deposited(&mut self, e: &bank::Deposited) {}
            fn closed(self, _: &Closed) {}
            #[invariant]
            fn fine(&self) -> Result<(), AccountError> { Ok(()) }
        }
    );
    expect![[]].assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn the_enum_and_the_root_have_the_names_that_are_said() {
    let block = quote!(impl Light { fn on(&mut self, _: &On) {} });
    expect![[]].assert_eq(&expanded(expand(quote!(enum = Changes, crate = crate::es), block)));
}

#[test]
fn every_fault_of_a_block_is_reported_at_once() {
    let block = quote!(
        impl Account {
            fn opened(e: &Opened) -> Result<Self, Error> {}
            async fn one(&mut self, e: &One, atm: &dyn Atm) {}
            fn two(&self, e: Two) {}
            fn two_again(&mut self, e: &crate::Two) {}
            fn none(&mut self) {}
            #[invariant]
            fn a(&self, x: u8) -> Result<(), Error> {}
            #[retry(max = 1)]
            fn elsewhere(&self, command: Command) {}
        }
    );
    let found = messages(&expand(quote!(name = "x"), block));
    expect![[]].assert_eq(&found.join("\n"));
}

#[test]
fn a_faulty_applier_still_gives_its_variant() {
    let generated = expanded(expand(quote!(), quote!(impl Account { async fn one(&mut self, e: &One) {} })));
    assert!(generated.contains("One(One),"), "{generated}");
    assert!(generated.contains("AccountEvent::One(_) => ::core::result::Result::Ok(()),"), "{generated}");
}

#[test]
fn another_item_is_given_back() {
    let given_back = expand(
        quote!(),
        quote!(
            pub struct Account;
        ),
    );
    assert!(given_back.to_string().starts_with("pub struct Account ;"));
    assert_eq!(messages(&given_back).len(), 1);
}
