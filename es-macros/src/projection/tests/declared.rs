//! What is generated for a declaration.

use crate::projection::expand;
use crate::testing::expanded;
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
