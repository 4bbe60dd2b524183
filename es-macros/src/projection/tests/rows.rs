//! What is generated for blocks of rows.

use crate::projection::expand;
use crate::testing::expanded;
use expect_test::expect;
use quote::quote;

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
