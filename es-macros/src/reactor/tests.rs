use super::expand;
use crate::testing::expanded;
use expect_test::expect;
use quote::quote;

#[test]
fn a_method_becomes_a_record() {
    let block = quote!(
        impl PromotionalOffer {
            #[key(e.cart)]
            fn added(&mut self, e: &ArticleAdded, env: &Envelope) -> Option<OfferPromotion> { decide() }
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
        impl PromotionalOffer {
            fn added(
                &mut self,
                #[allow(unused_variables)]
                e: &ArticleAdded,
                #[allow(unused_variables)]
                env: &Envelope,
            ) -> Option<OfferPromotion> {
                decide()
            }
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::React for PromotionalOffer
            where
                PromotionalOffer: ::es_core::__private::Reactor,
            {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    ::es_core::__private::ReactorMethod {
                        name: "added",
                        takes: ::es_core::__private::Takes::event::<ArticleAdded>(),
                        issues: <Option<
                            OfferPromotion,
                        > as ::es_core::__private::Reaction>::names,
                        joins: <Option<
                            OfferPromotion,
                        > as ::es_core::__private::Joins<
                            <Self as ::es_core::__private::Reactor>::Mode,
                        >>::joins,
                        services: |_| {},
                        read: ::es_core::__private::read_event::<ArticleAdded>,
                        keys: |__es_message, __es_event| {
                            #[allow(unused_variables)]
                            let e: &ArticleAdded = ::es_core::__private::message(__es_message);
                            #[allow(unused_variables)]
                            let env: &::es_core::__private::Envelope = &__es_event.envelope;
                            ::core::result::Result::Ok(
                                ::es_core::__private::IntoKeys::<
                                    <Self as ::es_core::__private::Reactor>::Key,
                                >::into_keys(e.cart),
                            )
                        },
                        execute: ::core::option::Option::None,
                        run: |__es_call| ::std::boxed::Box::pin(async move {
                            <Option<
                                OfferPromotion,
                            > as ::es_core::__private::Reaction>::settle(
                                Self::added(
                                    ::es_core::__private::state::<Self>(__es_call.state),
                                    ::es_core::__private::message(__es_call.message),
                                    &__es_call.event.envelope,
                                ),
                            )
                        }),
                    },
                ];
            }
            #[allow(unused_imports)]
            use ::es_core::__private::NoReactor as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Reacting:: < PromotionalOffer > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::PromotionalOffer"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn a_parameter_is_found_by_its_type() {
    let block = quote!(
        impl PromotionalOffer {
            fn bought(self, _: &CheckedOut, order: &OrderId) {}
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
        impl PromotionalOffer {
            fn bought(self, _: &CheckedOut, order: &OrderId) {}
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::React for PromotionalOffer
            where
                PromotionalOffer: ::es_core::__private::Reactor,
            {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    ::es_core::__private::ReactorMethod {
                        name: "bought",
                        takes: ::es_core::__private::Takes::event::<CheckedOut>(),
                        issues: <() as ::es_core::__private::Reaction>::names,
                        joins: <() as ::es_core::__private::Joins<
                            <Self as ::es_core::__private::Reactor>::Mode,
                        >>::joins,
                        services: |__es_needs| {
                            #[allow(unused_imports)]
                            use ::es_core::__private::{ViaService as _, ViaStream as _};
                            ::es_core::__private::Param::<
                                Self,
                                <Self as ::es_core::__private::Reactor>::Key,
                                OrderId,
                            >::NEW
                                .need("OrderId", __es_needs);
                        },
                        read: ::es_core::__private::read_event::<CheckedOut>,
                        keys: ::es_core::__private::stream_key::<
                            <Self as ::es_core::__private::Reactor>::Key,
                        >,
                        execute: ::core::option::Option::None,
                        run: |__es_call| ::std::boxed::Box::pin(async move {
                            #[allow(unused_imports)]
                            use ::es_core::__private::{ViaService as _, ViaStream as _};
                            let __es_source = ::es_core::__private::Call::source(&__es_call);
                            <() as ::es_core::__private::Reaction>::settle(
                                Self::bought(
                                    ::es_core::__private::last_state::<Self>(__es_call.state),
                                    ::es_core::__private::message(__es_call.message),
                                    &*::es_core::__private::Param::<
                                        Self,
                                        <Self as ::es_core::__private::Reactor>::Key,
                                        OrderId,
                                    >::NEW
                                        .get(__es_source)?,
                                ),
                            )
                        }),
                    },
                ];
            }
            #[allow(unused_imports)]
            use ::es_core::__private::NoReactor as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Reacting:: < PromotionalOffer > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::PromotionalOffer"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn a_refusal_has_its_command_executed() {
    let block = quote!(
        impl PromotionalOffer {
            #[cfg(feature = "x")]
            fn refused(&mut self, refused: &Refused<OfferPromotion>) {}
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
        impl PromotionalOffer {
            #[cfg(feature = "x")]
            fn refused(&mut self, refused: &Refused<OfferPromotion>) {}
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::React for PromotionalOffer
            where
                PromotionalOffer: ::es_core::__private::Reactor,
            {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    #[cfg(feature = "x")]
                    ::es_core::__private::ReactorMethod {
                        name: "refused",
                        takes: ::es_core::__private::Takes::Refused {
                            command: <OfferPromotion as ::es_core::__private::Command>::NAME,
                        },
                        issues: <() as ::es_core::__private::Reaction>::names,
                        joins: <() as ::es_core::__private::Joins<
                            <Self as ::es_core::__private::Reactor>::Mode,
                        >>::joins,
                        services: |_| {},
                        read: ::es_core::__private::read_refusal,
                        keys: ::es_core::__private::no_keys::<
                            <Self as ::es_core::__private::Reactor>::Key,
                        >,
                        execute: ::core::option::Option::Some(
                            ::es_core::__private::execute_refusable::<OfferPromotion>,
                        ),
                        run: |__es_call| ::std::boxed::Box::pin(async move {
                            ::es_core::__private::assert_hears::<Self>();
                            <() as ::es_core::__private::Reaction>::settle(
                                Self::refused(
                                    ::es_core::__private::state::<Self>(__es_call.state),
                                    ::es_core::__private::message(__es_call.message),
                                ),
                            )
                        }),
                    },
                ];
            }
            #[allow(unused_imports)]
            use ::es_core::__private::NoReactor as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Reacting:: < PromotionalOffer > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::PromotionalOffer"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn effects_wait_and_take_services() {
    let block = quote!(
        impl ShippedMail {
            async fn shipped(
                &self,
                e: &OrderShipped,
                cx: &Context<Self>,
                app: &App,
                mailer: &dyn Mailer,
            ) -> Result<(), MailError> {
                send().await
            }
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
        impl ShippedMail {
            async fn shipped(
                &self,
                e: &OrderShipped,
                cx: &Context<Self>,
                app: &App,
                mailer: &dyn Mailer,
            ) -> Result<(), MailError> {
                send().await
            }
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::React for ShippedMail
            where
                ShippedMail: ::es_core::__private::Reactor,
            {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    ::es_core::__private::ReactorMethod {
                        name: "shipped",
                        takes: ::es_core::__private::Takes::event::<OrderShipped>(),
                        issues: <Result<(), MailError> as ::es_core::__private::Reaction>::names,
                        joins: <Result<
                            (),
                            MailError,
                        > as ::es_core::__private::Joins<
                            <Self as ::es_core::__private::Reactor>::Mode,
                        >>::joins,
                        services: |__es_needs| {
                            #[allow(unused_imports)]
                            use ::es_core::__private::{ViaService as _, ViaStream as _};
                            ::es_core::__private::assert_effects::<Self>();
                            __es_needs
                                .push(
                                    ::es_core::__private::ServiceNeed::of::<
                                        dyn Mailer,
                                    >("dyn Mailer"),
                                );
                        },
                        read: ::es_core::__private::read_event::<OrderShipped>,
                        keys: ::es_core::__private::stream_key::<
                            <Self as ::es_core::__private::Reactor>::Key,
                        >,
                        execute: ::core::option::Option::None,
                        run: |__es_call| ::std::boxed::Box::pin(async move {
                            ::es_core::__private::assert_effects::<Self>();
                            ::es_core::__private::assert_effects::<Self>();
                            ::es_core::__private::assert_effects::<Self>();
                            let __es_self = ::es_core::__private::no_state::<Self>();
                            <Result<
                                (),
                                MailError,
                            > as ::es_core::__private::Reaction>::settle(
                                Self::shipped(
                                        &__es_self,
                                        ::es_core::__private::message(__es_call.message),
                                        __es_call.context,
                                        __es_call.app,
                                        ::es_core::__private::Services::get::<
                                            dyn Mailer,
                                        >(__es_call.services),
                                    )
                                    .await,
                            )
                        }),
                    },
                ];
            }
            #[allow(unused_imports)]
            use ::es_core::__private::NoReactor as _;
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Reacting:: < ShippedMail > ::RECORD
                .at(::core::concat!(::core::module_path!(), "::ShippedMail"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}
