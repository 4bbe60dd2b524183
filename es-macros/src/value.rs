//! `#[value]`: a type that stands inside events, commands, replies and states.

use crate::args::{self, CRATE, Key, NO_DERIVE};
use crate::ctx::{Common, DATA, refused, type_item};
use crate::diag::Errors;
use proc_macro2::TokenStream;
use quote::quote;

const KEYS: &[Key] = &[NO_DERIVE, CRATE];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let mut common = Common::default();
    args::read("`#[value]`", KEYS, args, &errors, |arg| common.read(arg));
    let input = match type_item("#[value]", "a struct or an enum", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    let derives = common.derives(DATA, &input.attrs, &errors);
    let faults = errors.finish();
    quote!(#derives #input #faults)
}

#[cfg(test)]
mod tests {
    use crate::testing::expanded;
    use expect_test::expect;
    use quote::quote;

    #[test]
    fn a_value_gets_what_is_missing() {
        let item = quote! { #[derive(Clone, Copy)] #[serde(rename_all = "lowercase")] enum Currency { Eur } };
        expect![[r##"
            #[derive(
                ::core::cmp::PartialEq,
                ::es_core::__private::serde::Serialize,
                ::es_core::__private::serde::Deserialize
            )]
            #[serde(crate = "::es_core::__private::serde")]
            #[derive(Clone, Copy)]
            #[serde(rename_all = "lowercase")]
            enum Currency {
                Eur,
            }
        "##]]
        .assert_eq(&expanded(super::expand(quote!(no_derive(Debug)), item)));
    }

    #[test]
    fn derives_below_are_seen_inside_cfg_attr_too() {
        let item = quote! {
            #[cfg_attr(all(), derive(Clone, std::fmt::Debug))]
            #[derive(PartialEq, serde::Serialize, serde::Deserialize)]
            struct Pair<T>(T, T);
        };
        expect![[r#"
            #[cfg_attr(all(), derive(Clone, std::fmt::Debug))]
            #[derive(PartialEq, serde::Serialize, serde::Deserialize)]
            struct Pair<T>(T, T);
        "#]]
        .assert_eq(&expanded(super::expand(quote!(), item)));
    }
}
