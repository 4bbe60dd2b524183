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
            fn positive(command: &Withdraw) -> Result<(), AccountError> {
                Ok(())
            }
            fn withdraw(
                &self,
                command: Withdraw,
                cx: &Context<Self>,
            ) -> Result<Withdrawn, AccountError> {
                decide()
            }
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::Handle<Withdraw> for Account {
                type Needs = ::es_core::__private::Living;
                type Outcome = Result<Withdrawn, AccountError>;
                const RETRY: ::es_core::__private::RetryPolicy = ::es_core::__private::RetryPolicy::backoff(
                    ::es_core::__private::RetryPolicy::max(
                        ::es_core::__private::RetryPolicy::DEFAULT,
                        5u32,
                    ),
                    ::core::time::Duration::from_micros(5000u64),
                    ::core::time::Duration::from_micros(200000u64),
                );
                type Calls = ::es_core::__private::NoServices;
                fn validate(
                    __es_command: &Withdraw,
                ) -> ::core::result::Result<(), AccountError> {
                    <AccountError as ::es_core::__private::FromValidation<
                        AccountError,
                    >>::refused(Self::positive(__es_command))?;
                    ::core::result::Result::Ok(())
                }
                #[allow(unused_variables, clippy::unused_unit, clippy::manual_async_fn)]
                fn handle<'__es_a>(
                    __es_state: &'__es_a Self,
                    __es_command: Withdraw,
                    __es_context: &'__es_a ::es_core::__private::Context<Self>,
                    __es_services: &'__es_a ::es_core::__private::Services,
                ) -> impl ::core::future::Future<
                    Output = Self::Outcome,
                > + ::core::marker::Send + '__es_a {
                    ::core::future::ready(Self::withdraw(__es_state, __es_command, __es_context))
                }
            }
            #[allow(unused_imports)]
            use ::es_core::__private::NoHandler as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::HandlerBlock { handlers : &
                [::es_core::__private::Registered:: < Account, Withdraw > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::Withdraw"))] }
            }
        };
    "##]]
    .assert_eq(&expanded(expand(args, block)));
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
            #[cfg(later)]
            async fn cash_out(state: Option<&Self>, atm: CashOut, service: &dyn Atm) {}
        }
        const _: () = {
            #[cfg(later)]
            #[automatically_derived]
            impl crate::es::__private::Handle<CashOut> for Account {
                type Needs = crate::es::__private::Either;
                type Outcome = ();
                const RETRY: crate::es::__private::RetryPolicy = crate::es::__private::RetryPolicy::max(
                    crate::es::__private::RetryPolicy::DEFAULT,
                    0u32,
                );
                type Calls = crate::es::__private::WithServices;
                const SERVICES: &'static [crate::es::__private::ServiceNeed] = &[
                    crate::es::__private::ServiceNeed::of::<dyn Atm>("dyn Atm"),
                ];
                #[allow(unused_variables, clippy::unused_unit, clippy::manual_async_fn)]
                fn handle<'__es_a>(
                    __es_state: ::core::option::Option<&'__es_a Self>,
                    __es_command: CashOut,
                    __es_context: &'__es_a crate::es::__private::Context<Self>,
                    __es_services: &'__es_a crate::es::__private::Services,
                ) -> impl ::core::future::Future<
                    Output = Self::Outcome,
                > + ::core::marker::Send + '__es_a {
                    async move {
                        Self::cash_out(
                                __es_state,
                                __es_command,
                                crate::es::__private::Services::get::<dyn Atm>(__es_services),
                            )
                            .await
                    }
                }
            }
            #[allow(unused_imports)]
            use crate::es::__private::NoHandler as _;
            crate::es::__private::inventory::submit! {
                crate ::es::__private::HandlerBlock { handlers : & [#[cfg(later)] crate
                ::es::__private::Registered:: < Account, CashOut > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::CashOut"))] }
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(crate = crate::es), block)));
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
    expect![[r#"
        `again` is not known here: `#[command_handler]` takes `retry(max = 5, backoff = "5ms..200ms")`, `crate = ::path::to::es_core`
        a handler decides and changes nothing: take `&self` and return events; appliers change the state
        a handler owns its command: write `Two` without `&`
        a second handler for `crate::Two`: `two` is the first, and a command has one
        behind its command a handler takes `&Context<Self>`, and services as `&T` or `&dyn Trait`
        `three` calls a service: say how often it may be repeated, `#[retry(max = 0)]` for never
        `helper` takes no command: a handler takes one first; other functions belong in an ordinary `impl` block
        `times` is not known here: `retry` takes `max = 5`, `backoff = "5ms..200ms"`
        `#[invariant]` belongs in the `#[applier]` block
        no handler of `Four` in this block: put this check beside `fn ..(command: Four)`"#]].assert_eq(&found.join("\n"));
}

#[test]
fn a_body_is_never_read() {
    let block = quote!(impl Account { fn open(command: Open) -> Opened { not rust at all } const N: u8 = 1; later! {} });
    let generated = expand(quote!(), block).to_string();
    assert!(
        generated.contains("fn open (command : Open) -> Opened { not rust at all } const N"),
        "{generated}"
    );
    assert!(messages(&expand(quote!(), quote!(impl Account { later! { } fn open(c: Open) {} }))).is_empty());
}
