//! What is generated for a block of documents.

use crate::projection::expand;
use crate::testing::expanded;
use expect_test::expect;
use quote::quote;

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
