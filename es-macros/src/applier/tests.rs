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
        }
    );
    expect![[r##"
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        impl Account {
            fn opened(e: &Opened, env: &Envelope) -> Self {
                anything(e, env)
            }
            #[cfg(later)]
            fn deposited(&mut self, e: &bank::Deposited) {}
        }
        ///The events of `Account`: what has an applier, and what is retired.
        #[allow(
            private_interfaces,
            unreachable_pub,
            clippy::enum_variant_names,
            clippy::large_enum_variant
        )]
        pub enum AccountEvent {
            ///The event `Opened`.
            Opened(Opened),
            #[cfg(later)]
            ///The event `Deposited`.
            Deposited(bank::Deposited),
            /// An event that is only read any more: its type is `#[event(retired)]` and has no applier.
            Retired(::es_core::__private::RetiredEvent),
        }
        const _: () = {
            ::es_core::__private::event_enum! {
                AccountEvent { Opened(Opened) Birth, #[cfg(later)] Deposited(bank::Deposited)
                Life, } where { Opened, }
            }
            ::es_core::__private::recordable! {
                Account, ::core::convert::Infallible, AccountEvent
            }
            ::es_core::__private::recordable!(
                Account, ::core::convert::Infallible, AccountEvent, Opened, Opened
            );
            #[cfg(later)]
            ::es_core::__private::recordable!(
                Account, ::core::convert::Infallible, AccountEvent, Deposited, bank::Deposited
            );
            #[automatically_derived]
            impl ::es_core::__private::Applier for Account
            where
                for<'__es_any> Account: ::es_core::__private::Aggregate,
            {
                type Event = AccountEvent;
                type Violation = ::es_core::__private::NoInvariant;
                const READS_ENVELOPE: bool = true;
                fn apply(
                    __es_life: &mut ::es_core::__private::Life<Self>,
                    __es_event: &Self::Event,
                    __es_envelope: &::es_core::__private::Envelope,
                ) -> ::core::result::Result<(), ::es_core::__private::Disorder> {
                    match __es_event {
                        AccountEvent::Opened(__es_event) => {
                            ::es_core::__private::Life::birth(
                                __es_life,
                                || Self::opened(__es_event, __es_envelope),
                            )
                        }
                        #[cfg(later)]
                        AccountEvent::Deposited(__es_event) => {
                            ::es_core::__private::Life::change(
                                __es_life,
                                |__es_state| Self::deposited(__es_state, __es_event),
                            )
                        }
                        AccountEvent::Retired(_) => ::core::result::Result::Ok(()),
                    }
                }
                fn check(
                    &self,
                ) -> ::core::result::Result<(), ::es_core::__private::NoInvariant> {
                    ::core::result::Result::Ok(())
                }
            }
            const _: () = ::es_core::__private::assert_born::<Account, Account>();
            #[allow(unused_imports)]
            use ::es_core::__private::NoAggregate as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Applied:: < Account > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::Account"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn the_enum_and_the_root_have_the_names_that_are_said() {
    let block = quote!(
        impl Light {
            fn off(self, _: &Off) {}
            #[invariant]
            fn fine(&self) -> Result<(), Dark> { Ok(()) }
        }
    );
    expect![[r##"
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        impl Light {
            fn off(self, _: &Off) {}
            fn fine(&self) -> Result<(), Dark> {
                Ok(())
            }
        }
        ///The events of `Light`: what has an applier, and what is retired.
        #[allow(
            private_interfaces,
            unreachable_pub,
            clippy::enum_variant_names,
            clippy::large_enum_variant
        )]
        pub enum Changes {
            ///The event `Off`.
            Off(Off),
            /// An event that is only read any more: its type is `#[event(retired)]` and has no applier.
            Retired(crate::es::__private::RetiredEvent),
        }
        const _: () = {
            crate::es::__private::event_enum! {
                Changes { Off(Off) End, } where { Off, }
            }
            crate::es::__private::recordable! {
                Light, Dark, Changes
            }
            crate::es::__private::recordable!(Light, Dark, Changes, Off, Off);
            #[automatically_derived]
            impl crate::es::__private::Applier for Light
            where
                for<'__es_any> Light: crate::es::__private::Aggregate,
            {
                type Event = Changes;
                type Violation = crate::es::__private::Checked<Dark>;
                const READS_ENVELOPE: bool = false;
                fn apply(
                    __es_life: &mut crate::es::__private::Life<Self>,
                    __es_event: &Self::Event,
                    __es_envelope: &crate::es::__private::Envelope,
                ) -> ::core::result::Result<(), crate::es::__private::Disorder> {
                    match __es_event {
                        Changes::Off(__es_event) => {
                            crate::es::__private::Life::end(
                                __es_life,
                                |__es_state| Self::off(__es_state, __es_event),
                            )
                        }
                        Changes::Retired(_) => ::core::result::Result::Ok(()),
                    }
                }
                fn check(
                    &self,
                ) -> ::core::result::Result<(), crate::es::__private::Checked<Dark>> {
                    <Dark as crate::es::__private::SharedBy<Dark>>::checked(Self::fine(self))?;
                    ::core::result::Result::Ok(())
                }
            }
            const _: () = crate::es::__private::assert_can_begin::<Light>();
            #[allow(unused_imports)]
            use crate::es::__private::NoAggregate as _;
            crate::es::__private::inventory::submit! {
                crate ::es::__private::Applied:: < Light > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::Light"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(enum = Changes, crate = crate::es), block)));
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
            #[invariant]
            fn b(&self) -> Result<(), &'static str> {}
            #[retry(max = 1)]
            fn elsewhere(&self, command: Command) {}
        }
    );
    let found = messages(&expand(quote!(name = "x"), block));
    expect![[r#"
        `name` is not known here: `#[applier]` takes `enum = AccountEvent`, `crate = ::path::to::es_core`
        an applier cannot refuse, what has happened has happened: refuse in the command handler, or check the new state in an `#[invariant]`
        an applier is not async: it only folds what has happened; wait in the command handler
        an applier sees its event and, second, `&Envelope`: services belong in command handlers
        an applier only looks at its event: write `&Two`
        an applier creates (no receiver), changes (`&mut self`) or ends (`self`) its aggregate
        a second applier for `Two`: `two` is the first, and an event has one
        `none` takes no event: an applier takes `&Event` first; other functions belong in an ordinary `impl` block
        an invariant takes nothing but the state: write `fn name(&self) -> Result<(), E>`
        `&'static str` is no error type: answer a type of your own, with `#[derive(Debug, thiserror::Error)]`
        `#[retry]` belongs in the `#[command_handler]` block"#]].assert_eq(&found.join("\n"));
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
