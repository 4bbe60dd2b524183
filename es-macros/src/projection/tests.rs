use super::expand;
use crate::testing::{expanded, messages};
use expect_test::expect;
use quote::quote;

#[test]
fn a_document_has_a_key() {
    let item = quote!(
        pub struct DailyOrders {
            placed: u32,
        }
    );
    expect![[r##"
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::default::Default,
            ::es_core::__private::serde::Serialize,
            ::es_core::__private::serde::Deserialize
        )]
        #[serde(crate = "::es_core::__private::serde")]
        pub struct DailyOrders {
            placed: u32,
        }
        #[automatically_derived]
        impl ::es_core::__private::Projection for DailyOrders {
            const NAME: &'static str = "daily_orders";
            const VERSION: u32 = 1u32;
            type Key = Date;
            const INLINE: bool = false;
            const FINGERPRINT: u64 = 15372418561363713587u64;
        }
        #[automatically_derived]
        impl ::es_core::__private::Kept for DailyOrders {
            type Kind = ::es_core::__private::DocumentKind;
        }
        #[automatically_derived]
        impl<__EsStore> ::es_core::__private::MountOn<__EsStore> for DailyOrders
        where
            ::es_core::__private::DocumentKind: ::es_core::__private::MountKind<Self, __EsStore>,
        {
            type Kind = ::es_core::__private::DocumentKind;
        }
    "##]]
    .assert_eq(&expanded(expand(quote!(key = Date), item)));
}

#[test]
fn rows_have_none() {
    let args = quote!(name = "accounts", version = 2, inline, no_derive(Debug), crate = crate::es);
    expect![[r##"
        #[derive(::core::clone::Clone, ::core::default::Default)]
        pub struct Balances;
        #[automatically_derived]
        impl crate::es::__private::Projection for Balances {
            const NAME: &'static str = "accounts";
            const VERSION: u32 = 2u32;
            type Key = ();
            const INLINE: bool = true;
            const FINGERPRINT: u64 = 5808391946409677969u64;
        }
        #[automatically_derived]
        impl crate::es::__private::Kept for Balances {
            type Kind = crate::es::__private::RowKind;
        }
        #[automatically_derived]
        impl<__EsStore> crate::es::__private::MountOn<__EsStore> for Balances
        where
            crate::es::__private::RowKind: crate::es::__private::MountKind<Self, __EsStore>,
        {
            type Kind = crate::es::__private::RowKind;
        }
    "##]]
    .assert_eq(&expanded(expand(
        args,
        quote!(
            pub struct Balances;
        ),
    )));
}

#[test]
#[allow(clippy::too_many_lines, reason = "what is generated is shown whole")]
fn methods_become_a_table() {
    let block = quote!(
        impl DailyOrders {
            #[key(format!("{cart}/{}", env.version))]
            fn placed(&mut self, e: &shop::OrderPlaced, env: &Envelope, cart: &CartId, other: &Other) -> Result<(), Fault> {}
            #[cfg(later)]
            fn cancelled(self, _: &RawEvent) {}
        }
    );
    expect![[r##"
        #[allow(clippy::ptr_arg)]
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        impl DailyOrders {
            #[allow(unused_variables)]
            fn placed(
                &mut self,
                #[allow(unused_variables)]
                e: &shop::OrderPlaced,
                #[allow(unused_variables)]
                env: &Envelope,
                #[allow(unused_variables)]
                cart: &CartId,
                #[allow(unused_variables)]
                other: &Other,
            ) -> Result<(), Fault> {}
            #[cfg(later)]
            fn cancelled(self, _: &RawEvent) {}
        }
        const _: () = {
            #[allow(unused_imports)]
            use ::es_core::__private::{NoProjection as _, OfStream as _};
            #[automatically_derived]
            impl ::es_core::__private::Document for DailyOrders
            where
                for<'__es_any> DailyOrders: ::core::clone::Clone
                    + ::es_core::__private::serde::Serialize
                    + ::es_core::__private::serde::de::DeserializeOwned,
            {
                #[allow(unused_variables, unused_mut)]
                const METHODS: &'static [::es_core::__private::DocumentMethod<Self>] = &[
                    ::es_core::__private::DocumentMethod::event::<
                        shop::OrderPlaced,
                    >(
                            "placed",
                            |__es_message, __es_event| {
                                let e: &shop::OrderPlaced = ::es_core::__private::message(
                                    __es_message,
                                );
                                let env: &::es_core::__private::Envelope = &__es_event.envelope;
                                let __es_id = ::es_core::__private::IdParam::<
                                    <Self as ::es_core::__private::Projection>::Key,
                                    CartId,
                                >::NEW
                                    .early(&__es_event.envelope)?;
                                let cart: &CartId = &__es_id;
                                ::core::result::Result::Ok(
                                    <_ as ::es_core::__private::IntoKeys<
                                        <Self as ::es_core::__private::Projection>::Key,
                                    >>::into_keys(format!("{cart}/{}", env.version)),
                                )
                            },
                            |__es_change| {
                                let __es_id_2 = ::es_core::__private::IdParam::<
                                    <Self as ::es_core::__private::Projection>::Key,
                                    CartId,
                                >::NEW
                                    .get(__es_change.key, &__es_change.event.envelope)?;
                                let __es_id_3 = ::es_core::__private::IdParam::<
                                    <Self as ::es_core::__private::Projection>::Key,
                                    Other,
                                >::NEW
                                    .get(__es_change.key, &__es_change.event.envelope)?;
                                let __es_document = ::core::option::Option::get_or_insert_with(
                                    __es_change.document,
                                    <Self as ::core::default::Default>::default,
                                );
                                <Result<
                                    (),
                                    Fault,
                                > as ::es_core::__private::Projected>::settle(
                                    Self::placed(
                                        __es_document,
                                        ::es_core::__private::message(__es_change.message),
                                        &__es_change.event.envelope,
                                        &__es_id_2,
                                        &__es_id_3,
                                    ),
                                )
                            },
                        )
                        .with_envelope(),
                    #[cfg(later)]
                    ::es_core::__private::DocumentMethod::any(
                        "cancelled",
                        ::es_core::__private::key_of_stream::<Self>,
                        |__es_change| {
                            let ::core::option::Option::Some(__es_document) = ::core::option::Option::take(
                                __es_change.document,
                            ) else {
                                return ::core::result::Result::Ok(());
                            };
                            Self::cancelled(
                                __es_document,
                                ::es_core::__private::message(__es_change.message),
                            );
                            ::core::result::Result::Ok(())
                        },
                    ),
                ];
            }
            const _: () = ::es_core::__private::assert_keeps_documents::<
                DailyOrders,
                DailyOrders,
            >();
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Followed:: < DailyOrders > ::DOCUMENTS
                .at(::core::concat!(::core::module_path!(), "::DailyOrders"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn methods_that_take_a_transaction_change_rows() {
    let block = quote!(
        impl Balances {
            fn setup(tx: &sqlite::SqliteTx) -> Result<(), Fault> {}
            fn deposited(&self, e: &Deposited, tx: &SqliteTx, account: &AccountId) {}
        }
    );
    expect![[r##"
        #[allow(clippy::ptr_arg)]
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        impl Balances {
            fn setup(tx: &sqlite::SqliteTx) -> Result<(), Fault> {}
            fn deposited(&self, e: &Deposited, tx: &SqliteTx, account: &AccountId) {}
        }
        const _: () = {
            #[allow(unused_imports)]
            use ::es_core::__private::{NoProjection as _, OfStream as _};
            #[automatically_derived]
            impl ::es_core::__private::Rows for Balances {
                type Tx = sqlite::SqliteTx;
                const METHODS: &'static [::es_core::__private::RowMethod<Self>] = &[
                    ::es_core::__private::RowMethod::event::<
                        Deposited,
                    >(
                        "deposited",
                        ::es_core::__private::RowApply::Now(|__es_change| {
                            let __es_id_2 = ::es_core::__private::IdParam::<
                                <Self as ::es_core::__private::Projection>::Key,
                                AccountId,
                            >::NEW
                                .get(&(), &__es_change.event.envelope)?;
                            Self::deposited(
                                __es_change.projection,
                                ::es_core::__private::message(__es_change.message),
                                __es_change.tx,
                                &__es_id_2,
                            );
                            ::core::result::Result::Ok(())
                        }),
                    ),
                ];
                fn setup(
                    __es_tx: &mut sqlite::SqliteTx,
                ) -> ::es_core::__private::BoxFuture<
                    '_,
                    ::core::result::Result<(), ::es_core::__private::BoxError>,
                > {
                    ::std::boxed::Box::pin(async move {
                        <Result<
                            (),
                            Fault,
                        > as ::es_core::__private::Projected>::settle(Self::setup(__es_tx))?;
                        ::core::result::Result::<(), ::es_core::__private::BoxError>::Ok(())
                    })
                }
            }
            const _: () = ::es_core::__private::assert_keeps_rows::<Balances, Balances>();
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Followed:: < Balances > ::ROWS
                .at(::core::concat!(::core::module_path!(), "::Balances"))
            }
        };
    "##]]
    .assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn every_fault_of_a_declaration_is_reported_at_once() {
    let args = quote!(key("day"), name = "daily-orders", version = 0, inline = true, keys = 1, inline);
    expect![[r#"
        write `key = Date`
        `version` starts at 1
        `inline` takes no value
        `keys` is not known here: `#[projection]` takes `key = Date`, `name = ".."`, `version = 2`, `inline`, `no_derive(Debug)`, `crate = ::path::to::es_core`
        `inline` stands here twice: remove one of them
        a projection has no generics: name the types that it holds
        a stream is `name-id`, so its name cannot hold a `-`: write "daily_orders""#]].assert_eq(
        &messages(&expand(
            args,
            quote!(
                struct Days<T>(T);
            ),
        ))
        .join("\n"),
    );
}

#[test]
fn every_fault_of_a_block_of_documents_is_reported_at_once() {
    let block = quote!(
        impl DailyOrders {
            fn nothing(&mut self) {}
            async fn one(&mut self, e: One) {}
            fn two(&self, e: &Two) {}
            fn three(e: &Three) {}
            fn four(&mut self, e: &Four, mailer: &dyn Mailer, cx: &Context<Self>, app: &App, n: u8, raw: &RawEvent) {}
            #[key]
            fn five(&mut self, e: &Five) {}
            #[key(e.a, e.b)]
            #[key(e.c)]
            fn six(&mut self, e: &Six) {}
            fn seven(&mut self, env: &Envelope) {}
            #[retry(max = 1)]
            fn elsewhere(&mut self, e: &Eight) {}
        }
    );
    expect![[r#"
        `version` is not known here: `#[projection]` on an `impl` block takes `crate = ::path::to::es_core`
        `nothing` takes no event: a projection's method takes `&Event` first; other functions belong in an ordinary `impl` block
        a method that keeps documents is not async: it only writes down what has happened; one that keeps rows of its own takes `&mut PgTx`, and what else has to wait is for a reactor
        a projection only looks at its event: write `&One`
        a method changes the document (`&mut self`) or deletes it (`self`); one that keeps rows of its own takes `&self` and `&SqliteTx`, or is async and takes `&mut PgTx`
        a method changes the document (`&mut self`) or deletes it (`self`); one that keeps rows of its own takes `&self` and `&SqliteTx`, or is async and takes `&mut PgTx`
        a projection takes no service, so that it can be built anew from the log at any time: what needs one is for a reactor
        a projection sees the log and nothing else, `&Context<Self>` is for reactors: `&Envelope` knows id, stream, version and `recorded_at`
        a projection sees the log and nothing else, `&App` is for reactors: `&Envelope` knows id, stream, version and `recorded_at`
        behind its event a projection's method takes `&Envelope`, and the key or the stream's id as `&T`
        the event comes first, as itself or as `&RawEvent`
        write `#[key(e.day)]`: an expression over the method's parameters
        `#[key(..)]` stands here twice: give a `Vec` where an event is for several keys
        unexpected token: write `#[key(e.day)]`: an expression over the method's parameters
        a projection's method takes its event first, `&Event`: the name of a type with `#[event]`, or `&RawEvent`
        `#[retry]` belongs in the `#[command_handler]` block"#]].assert_eq(&messages(&expand(quote!(version = 2), block)).join("\n"));
}

#[test]
fn every_fault_of_a_block_of_rows_is_reported_at_once() {
    let block = quote!(
        impl Balances {
            fn setup(tx: &SqliteTx, name: &str) {}
            fn tables(tx: &SqliteTx) -> Result<(), Fault> {}
            fn setup_again(tx: &SqliteTx) -> Result<(), Fault> {}
            fn setup() {}
            fn one(&mut self, e: &One, tx: &SqliteTx) {}
            fn two(&self, e: &Two, tx: &mut PgTx) {}
            #[key(e.day)]
            fn three(&self, e: &Three, tx: &SqliteTx) {}
            async fn four(&self, e: &Four, tx: &SqliteTx) {}
            async fn five(&self, e: &Five, tx: &mut SqliteTx) {}
            fn six(&self, e: &Six, tx: &mut SqliteTx) {}
            fn seven(&self, e: &Seven, tx: SqliteTx) {}
            async fn eight(&self, e: &Eight) {}
        }
    );
    expect![[r#"
        the set-up takes the transaction alone: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        the set-up answers a `Result`: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        a second set-up: one method without receiver makes all tables
        the set-up takes the transaction alone: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        the set-up answers a `Result`: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        a method that keeps rows takes `&self`: what it changes is behind the transaction
        a projection keeps its rows in one database, and another method takes its `SqliteTx`
        rows have no key: the method itself says which of them it changes
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        a projection borrows its transaction: write `&SqliteTx`
        another method here is a plain `fn` with `&SqliteTx`: remove `async`"#]]
    .assert_eq(&messages(&expand(quote!(), block)).join("\n"));
}

#[test]
fn every_fault_of_a_block_of_async_rows_is_reported_at_once() {
    let block = quote!(
        impl Balances {
            async fn setup(tx: &PgTx) -> Result<(), Fault> {}
            async fn one(&self, e: &One, tx: &mut PgTx) {}
            fn two(&self, e: &Two, tx: &PgTx) {}
            fn three(&self, e: &Three, tx: &mut PgTx) {}
            async fn four(&self, e: &Four, tx: PgTx) {}
            fn five(&self, e: &Five) {}
            async fn setup(tx: &mut PgTx) {}
        }
    );
    expect![[r#"
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        a projection borrows its transaction: write `&mut PgTx`
        the set-up answers a `Result`: write `async fn setup(tx: &mut PgTx) -> Result<(), E>`"#]]
    .assert_eq(&messages(&expand(quote!(), block)).join("\n"));
}

#[test]
fn a_transaction_is_taken_in_the_form_of_its_store() {
    let block = |methods| messages(&expand(quote!(), quote!(impl Balances { #methods }))).join("\n");
    let postgres = block(quote!(
        fn one(&self, e: &One, tx: &PgTx) {}
        fn two(&self, e: &Two, tx: PgTx) {}
    ));
    expect![[r#"
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`"#]]
    .assert_eq(&postgres);
    let sqlite = block(quote!(
        async fn one(&self, e: &One, tx: &mut SqliteTx) {}
        async fn two(&self, e: &Two, tx: SqliteTx) {}
    ));
    expect![[r#"
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`"#]]
    .assert_eq(&sqlite);
    let other = block(quote!(
        fn one(&self, e: &One, tx: &mut OtherTx) {}
        async fn two(&self, e: &Two, tx: &OtherTx) {}
    ));
    expect![[r#"
        `&mut OtherTx` is for an `async fn`: write `async`, or `&OtherTx` in a plain one
        `&OtherTx` is for a plain `fn`: remove `async`, or write `&mut OtherTx`"#]]
    .assert_eq(&other);
    assert_eq!(
        block(quote!(
            fn one(&self, e: &One, tx: &OtherTx) {}
        )),
        ""
    );
    assert_eq!(
        block(quote!(
            async fn one(&self, e: &One, tx: &mut OtherTx) {}
        )),
        ""
    );
}

#[test]
#[allow(clippy::too_many_lines, reason = "what is generated is shown whole")]
fn methods_that_take_a_transaction_may_wait_for_it() {
    let block = quote!(
        impl Balances {
            async fn setup(tx: &mut PgTx) -> Result<(), Fault> {}
            async fn deposited(&self, e: &Deposited, tx: &mut PgTx, account: &AccountId) {}
            async fn closed(&self, e: &RawEvent, tx: &mut PgTx) -> Result<(), Fault> {}
            fn opened(&self, e: &Opened) {}
        }
    );
    expect![[r##"
        #[allow(clippy::ptr_arg)]
        #[allow(
            clippy::needless_pass_by_value,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
        impl Balances {
            async fn setup(tx: &mut PgTx) -> Result<(), Fault> {}
            async fn deposited(&self, e: &Deposited, tx: &mut PgTx, account: &AccountId) {}
            async fn closed(&self, e: &RawEvent, tx: &mut PgTx) -> Result<(), Fault> {}
            fn opened(&self, e: &Opened) {}
        }
        const _: () = {
            #[allow(unused_imports)]
            use ::es_core::__private::{NoProjection as _, OfStream as _};
            #[automatically_derived]
            impl ::es_core::__private::Rows for Balances {
                type Tx = PgTx;
                const METHODS: &'static [::es_core::__private::RowMethod<Self>] = &[
                    ::es_core::__private::RowMethod::event::<
                        Deposited,
                    >(
                        "deposited",
                        ::es_core::__private::RowApply::Later(|__es_change| ::std::boxed::Box::pin(async move {
                            let __es_id_2 = ::es_core::__private::IdParam::<
                                <Self as ::es_core::__private::Projection>::Key,
                                AccountId,
                            >::NEW
                                .get(&(), &__es_change.event.envelope)?;
                            ::es_core::__private::Projected::settle(
                                Self::deposited(
                                        __es_change.projection,
                                        ::es_core::__private::message(__es_change.message),
                                        __es_change.tx,
                                        &__es_id_2,
                                    )
                                    .await,
                            )
                        })),
                    ),
                    ::es_core::__private::RowMethod::any(
                        "closed",
                        ::es_core::__private::RowApply::Later(|__es_change| ::std::boxed::Box::pin(async move {
                            <Result<
                                (),
                                Fault,
                            > as ::es_core::__private::Projected>::settle(
                                Self::closed(
                                        __es_change.projection,
                                        ::es_core::__private::message(__es_change.message),
                                        __es_change.tx,
                                    )
                                    .await,
                            )
                        })),
                    ),
                    ::es_core::__private::RowMethod::event::<
                        Opened,
                    >(
                        "opened",
                        ::es_core::__private::RowApply::Now(|__es_change| {
                            Self::opened(
                                __es_change.projection,
                                ::es_core::__private::message(__es_change.message),
                            );
                            ::core::result::Result::Ok(())
                        }),
                    ),
                ];
                fn setup(
                    __es_tx: &mut PgTx,
                ) -> ::es_core::__private::BoxFuture<
                    '_,
                    ::core::result::Result<(), ::es_core::__private::BoxError>,
                > {
                    ::std::boxed::Box::pin(async move {
                        <Result<
                            (),
                            Fault,
                        > as ::es_core::__private::Projected>::settle(
                            Self::setup(__es_tx).await,
                        )?;
                        ::core::result::Result::<(), ::es_core::__private::BoxError>::Ok(())
                    })
                }
            }
            const _: () = ::es_core::__private::assert_keeps_rows::<Balances, Balances>();
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::Followed:: < Balances > ::ROWS
                .at(::core::concat!(::core::module_path!(), "::Balances"))
            }
        };
    "##]].assert_eq(&expanded(expand(quote!(), block)));
}

#[test]
fn a_block_without_methods_says_so() {
    expect!["no method here follows an event: write `fn placed(&mut self, e: &OrderPlaced) { .. }`"]
        .assert_eq(&messages(&expand(quote!(), quote!(impl DailyOrders {}))).join("\n"));
}

#[test]
fn another_item_is_given_back() {
    for item in [
        quote!(
            fn placed() {}
        ),
        quote!(
            enum Days {
                One,
            }
        ),
    ] {
        let given_back = expand(quote!(key = Date), item.clone());
        assert!(given_back.to_string().starts_with(&item.to_string()), "{given_back}");
        assert_eq!(messages(&given_back).len(), 1);
    }
}
