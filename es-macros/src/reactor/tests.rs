use super::expand;
use crate::testing::{expanded, messages};
use expect_test::expect;
use quote::quote;

#[test]
fn a_type_becomes_a_reactor_without_state() {
    let item = quote!(
        pub struct ShippedMail;
    );
    expect![[r##"
        #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default)]
        pub struct ShippedMail;
        #[automatically_derived]
        impl ::es_core::__private::Stateless for ShippedMail {}
        #[automatically_derived]
        impl ::es_core::__private::Effects for ShippedMail {}
        #[automatically_derived]
        impl ::es_core::__private::Surrounded for ShippedMail {
            type Around = ::es_core::__private::Delivery;
        }
        #[automatically_derived]
        impl ::es_core::__private::Reactor for ShippedMail {
            const NAME: &'static str = "shipped_mail";
            const VERSION: u32 = 1u32;
            type Key = ::es_core::__private::StreamId;
            const SPEC: ::es_core::__private::ReactorSpec<Self> = ::es_core::__private::ReactorSpec {
                from: ::es_core::__private::From::Now,
                retry: ::es_core::__private::RetryPolicy::REACTOR,
                on_failure: ::es_core::__private::OnFailure::Park,
                inline: false,
                state: ::core::option::Option::None,
                fingerprint: 0u64,
            };
        }
    "##]]
    .assert_eq(&expanded(expand(quote!(), item)));
}

#[test]
fn a_type_with_a_key_is_a_state() {
    let args = quote!(
        key = CartId,
        version = 3,
        from = start,
        on_failure = stop,
        retry(max = 2, backoff = "1s..1m"),
        no_derive(PartialEq)
    );
    let item = quote!(
        pub struct PromotionalOffer {
            articles: u32,
        }
    );
    expect![[r##"
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            ::core::default::Default,
            ::es_core::__private::serde::Serialize,
            ::es_core::__private::serde::Deserialize
        )]
        #[serde(crate = "::es_core::__private::serde")]
        pub struct PromotionalOffer {
            articles: u32,
        }
        #[automatically_derived]
        impl ::es_core::__private::Keyed for PromotionalOffer {}
        #[automatically_derived]
        impl ::es_core::__private::Surrounded for PromotionalOffer {
            type Around = ::es_core::__private::Delivery;
        }
        #[automatically_derived]
        impl ::es_core::__private::Reactor for PromotionalOffer {
            const NAME: &'static str = "promotional_offer";
            const VERSION: u32 = 3u32;
            type Key = CartId;
            const SPEC: ::es_core::__private::ReactorSpec<Self> = ::es_core::__private::ReactorSpec {
                from: ::es_core::__private::From::Start,
                retry: ::es_core::__private::RetryPolicy::backoff(
                    ::es_core::__private::RetryPolicy::max(
                        ::es_core::__private::RetryPolicy::REACTOR,
                        2u32,
                    ),
                    ::core::time::Duration::from_micros(1000000u64),
                    ::core::time::Duration::from_micros(60000000u64),
                ),
                on_failure: ::es_core::__private::OnFailure::Stop,
                inline: false,
                state: ::core::option::Option::Some(::es_core::__private::StateCodec::json()),
                fingerprint: 17383841776111785274u64,
            };
        }
    "##]]
    .assert_eq(&expanded(expand(args, item)));
}

#[test]
fn a_block_becomes_records() {
    let block = quote!(
        impl PromotionalOffer {
            #[key(e.cart)]
            fn added(&mut self, e: &ArticleAdded, env: &Envelope) -> Option<OfferPromotion> { decide() }
            fn bought(self, _: &CheckedOut, order: &OrderId) {}
            #[cfg(feature = "x")]
            fn refused(&mut self, refused: &Refused<OfferPromotion>) {}
        }
    );
    expect![[r##"
        #[allow(
            clippy::needless_pass_by_value,
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
            fn bought(self, _: &CheckedOut, order: &OrderId) {}
            #[cfg(feature = "x")]
            fn refused(&mut self, refused: &Refused<OfferPromotion>) {}
        }
        const _: () = {
            #[automatically_derived]
            impl ::es_core::__private::React for PromotionalOffer {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    ::es_core::__private::ReactorMethod {
                        name: "added",
                        takes: ::es_core::__private::Takes::event::<ArticleAdded>(),
                        issues: <Option<
                            OfferPromotion,
                        > as ::es_core::__private::Reaction>::names,
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
                    ::es_core::__private::ReactorMethod {
                        name: "bought",
                        takes: ::es_core::__private::Takes::event::<CheckedOut>(),
                        issues: <() as ::es_core::__private::Reaction>::names,
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
                    #[cfg(feature = "x")]
                    ::es_core::__private::ReactorMethod {
                        name: "refused",
                        takes: ::es_core::__private::Takes::Refused {
                            command: <OfferPromotion as ::es_core::__private::Command>::NAME,
                        },
                        issues: <() as ::es_core::__private::Reaction>::names,
                        services: |_| {},
                        read: ::es_core::__private::read_refusal,
                        keys: ::es_core::__private::no_keys::<
                            <Self as ::es_core::__private::Reactor>::Key,
                        >,
                        execute: ::core::option::Option::Some(
                            ::es_core::__private::execute_refusable::<OfferPromotion>,
                        ),
                        run: |__es_call| ::std::boxed::Box::pin(async move {
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
            impl ::es_core::__private::React for ShippedMail {
                const METHODS: &'static [::es_core::__private::ReactorMethod<Self>] = &[
                    ::es_core::__private::ReactorMethod {
                        name: "shipped",
                        takes: ::es_core::__private::Takes::event::<OrderShipped>(),
                        issues: <Result<(), MailError> as ::es_core::__private::Reaction>::names,
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

#[test]
fn every_fault_of_a_declaration_is_reported_at_once() {
    let args = quote!(
        name = "shipped-mail",
        from = yesterday,
        version = 0,
        on_failure = "park",
        inline = true,
        retries = 3,
        no_derive(Serialize)
    );
    expect![[r#"
        [
            "write `from = now` or `from = start`",
            "`version` starts at 1",
            "write `on_failure = park`",
            "`inline` takes no value",
            "`retries` is not known here: `#[reactor]` takes `name = \"..\"`, `key = CartId`, `version = 2`, `from = start`, `retry(max = 8, backoff = \"100ms..30s\")`, `on_failure = park`, `inline`, `no_derive(Debug)`, `crate = ::path::to::es_core`",
            "a reactor has no generics: name the types that it holds",
            "a stream is `name-id`, so its name cannot hold a `-`: write \"shipped_mail\"",
            "`Serialize` is not derived here; what is: `Clone`, `Debug`, `Default`",
        ]
    "#]].assert_debug_eq(&messages(&expand(
        args,
        quote!(
            struct Mail<T>(T);
        ),
    )));
}

#[test]
fn every_fault_of_a_block_is_reported_at_once() {
    let block = quote!(
        impl Mail {
            fn helper(&self) {}
            fn by_value(&self, e: Shipped) {}
            fn envelope_first(&self, env: &Envelope, e: &Shipped) {}
            fn without_receiver(e: &Shipped) {}
            fn boxed(self: Box<Self>, e: &Shipped) {}
            fn generic<T>(&self, e: &Shipped) {}
            #[key(e.cart)]
            fn key_without_state(&self, e: &Shipped) {}
            #[key]
            fn key_that_says_nothing(&mut self, e: &Shipped) {}
            #[key(e.cart)]
            #[key(e.order)]
            fn two_keys(&mut self, e: &Shipped) {}
            #[key(refused.command.cart)]
            fn key_of_a_refusal(&mut self, refused: &Refused<Ship>) {}
            async fn waits(&mut self, e: &Shipped, mailer: &dyn Mailer) {}
            fn later(&self, e: &Shipped, raw: &RawEvent, rates: Rates) {}
            fn hidden(&self, e: &Shipped) -> impl IntoCommands {}
            #[retry(max = 1)]
            fn again(&self, e: &Shipped) {}
        }
    );
    expect![[r#"
        [
            "`key` is not known here: `#[reactor]` on an `impl` block takes `crate = ::path::to::es_core`",
            "`helper` answers nothing: a reactor's method takes `&Event` first; other functions belong in an ordinary `impl` block",
            "a reactor only looks at what it answers: write `&Shipped`",
            "a reactor's method takes what it answers first: `&Event`, `&RawEvent` or `&Refused<Command>`",
            "a reactor's method changes the state of a key (`&mut self`), ends it (`self`), or has effects and no state (`&self`)",
            "a reactor's method changes the state of a key (`&mut self`), ends it (`self`), or has effects and no state (`&self`)",
            "`generic` cannot be generic: it handles one type, name it",
            "a key separates states, and `&self` has none: its events stay in order by their streams",
            "say which key the event is for: `#[key(e.cart)]`",
            "`#[key(..)]` stands here twice: remove one of them",
            "a refusal is for the key that issued the command: remove `#[key(..)]`",
            "a reactor with a state is not async, its commands are data: issue a command, or put the effect in a reactor of its own, without `key`",
            "a reactor with a state has no effects, so no `&dyn Mailer`: issue a command, or put the effect in a reactor of its own, without `key`",
            "`&RawEvent` is what a method answers: it stands first, and alone",
            "behind its event a method takes `&Envelope`, the key or the stream's id as `&Id`, and for effects `&Context<Self>`, `&App`, and services as `&T` or `&dyn Trait`",
            "name what it returns: the commands that can come out are read from the signature",
            "`#[retry]` belongs in the `#[command_handler]` block",
        ]
    "#]].assert_debug_eq(&messages(&expand(quote!(key = CartId), block)));
}

#[test]
fn it_belongs_on_a_type_or_on_its_block() {
    let on_a_function = messages(&expand(
        quote!(),
        quote!(
            fn mail() {}
        ),
    ));
    let on_a_trait = messages(&expand(quote!(), quote!(impl Send for Mail {})));
    let empty = messages(&expand(quote!(), quote!(impl Mail {})));
    expect![[r#"
        (
            [
                "`#[reactor]` belongs on a struct or an enum, and on its `impl` block",
            ],
            [
                "`#[reactor]` is for the type's own block: write `impl Mail`",
            ],
            [
                "no method here, and a reactor answers events: write `fn added(&mut self, e: &Added) -> Option<Command> { .. }`",
            ],
        )
    "#]].assert_debug_eq(&(on_a_function, on_a_trait, empty));
}
