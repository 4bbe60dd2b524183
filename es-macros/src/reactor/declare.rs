//! On a type: a reactor, with its state if it has one.

use crate::args::{self, Arg, CRATE, Key, NAME, NO_DERIVE};
use crate::ctx::{Common, refused, type_item};
use crate::diag::Errors;
use crate::fields;
use crate::fingerprint;
use crate::names::{self, Name};
use crate::retry::Retry;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Error, LitStr, Result, Type};

const KEYS: &[Key] = &[
    NAME,
    Key::new("key", "key = CartId"),
    Key::new("version", "version = 2"),
    Key::new("from", "from = start"),
    Key::new("retry", "retry(max = 8, backoff = \"100ms..30s\")"),
    Key::new("on_failure", "on_failure = park"),
    Key::new("inline", "inline"),
    NO_DERIVE,
    CRATE,
];

/// The derives of a state, which is kept.
const STATE: &[&str] = &["Clone", "Debug", "PartialEq", "Default", "Serialize", "Deserialize"];
/// Why an inline reactor begins where it is.
const PAST: &str =
    "an inline reactor answers what its commits raise, and folds the past silently: remove `from`";
/// Why an inline reactor is not tried again by itself.
const RETRY: &str = "an inline reactor is part of the command that it answers and tried again with it: \
                     remove `retry`, and write it at the command's handler, `#[command_handler(retry(..))]`";
/// Why an inline reactor does not fail by itself.
const FAILURE: &str = "where an inline reactor fails, the command that it answers fails: remove `on_failure`";

/// The derives of a reactor that has none.
const STATELESS: &[&str] = &["Clone", "Debug", "Default"];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let written = read(args, &errors);
    let input = match type_item("#[reactor]", "a struct or an enum, and on its `impl` block", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    fields::refuse_generics(&input.generics, "a reactor", &errors);
    let name = names::category(written.name.as_ref(), &input.ident, &errors);
    let role = if written.key.is_some() { STATE } else { STATELESS };
    let derives = written.common.derives(role, &input.attrs, &errors);
    let reactor = emit(&written, &input, &name);
    let faults = errors.finish();
    quote!(#derives #input #reactor #faults)
}

/// What stands in `#[reactor(..)]`.
struct Written {
    common: Common,
    name: Option<LitStr>,
    key: Option<Type>,
    version: u32,
    from: &'static str,
    retry: Retry,
    on_failure: &'static str,
    inline: bool,
    /// Those of its keys that say something of what runs behind the commit.
    about_later: Vec<(Ident, &'static str)>,
}

fn read(args: TokenStream, errors: &Errors) -> Written {
    let mut written = Written {
        common: Common::default(),
        name: None,
        key: None,
        version: 1,
        from: "Now",
        retry: Retry::default(),
        on_failure: "Park",
        inline: false,
        about_later: Vec::new(),
    };
    args::read("`#[reactor]`", KEYS, args, errors, |arg| {
        match arg.key.to_string().as_str() {
            "name" => written.name = Some(arg.value()?),
            "key" => written.key = Some(arg.value()?),
            "version" => written.version = arg.number(1)?,
            "from" => {
                written.from = one_of(arg, &[("now", "Now"), ("start", "Start")])?;
                if written.from == "Start" {
                    written.about_later.push((arg.key.clone(), PAST));
                }
            }
            "retry" => {
                written.about_later.push((arg.key.clone(), RETRY));
                written.retry = Retry::read(arg.list()?, &arg.key, errors);
            }
            "on_failure" => {
                written.about_later.push((arg.key.clone(), FAILURE));
                written.on_failure = one_of(arg, &[("park", "Park"), ("skip", "Skip"), ("stop", "Stop")])?;
            }
            "inline" => {
                arg.flag()?;
                written.inline = true;
            }
            _ => written.common.read(arg)?,
        }
        Ok(())
    });
    if written.inline {
        written.about_later.iter().for_each(|(key, why)| errors.at(key, why));
    }
    written
}

/// `key = word`, as the variant that the word stands for.
fn one_of(arg: &Arg<'_>, words: &[(&str, &'static str)]) -> Result<&'static str> {
    let written: Ident = arg.value()?;
    let variant = words.iter().find(|(word, _)| written == word).map(|(_, variant)| *variant);
    variant.ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{} = {word}`", arg.key)).collect();
        Error::new(written.span(), format!("write {}", known.join(" or ")))
    })
}

/// `impl Reactor for Offer { .. }`, and what it may do: `impl Keyed for Offer {}`.
fn emit(written: &Written, input: &DeriveInput, name: &Name) -> TokenStream {
    let p = written.common.root.private();
    let surrounded = fields::header(input, &quote!(#p::Surrounded), &TokenStream::new());
    let needs = quote!(::core::default::Default + ::core::marker::Send + ::core::marker::Sync + 'static);
    let reactor = fields::header(input, &quote!(#p::Reactor), &needs);
    let forms: &[TokenStream] = match (&written.key, written.inline) {
        (Some(_), _) => &[quote!(Keyed)],
        (None, true) => &[quote!(Stateless)],
        (None, false) => &[quote!(Stateless), quote!(Effects)],
    };
    let forms = forms.iter().map(|form| fields::header(input, &quote!(#p::#form), &needs));
    let key = written.key.as_ref().map_or_else(|| quote!(#p::StreamId), |key| quote!(#key));
    let (version, spec) = (written.version, spec(written, input));
    let mode = if written.inline { quote!(Inline) } else { quote!(Follows) };
    quote! {
        #(#[automatically_derived] #forms {})*
        #[automatically_derived]
        #surrounded {
            type Around = #p::Delivery;
        }
        #[automatically_derived]
        #reactor {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            type Key = #key;
            type Mode = #p::#mode;
            const SPEC: #p::ReactorSpec<Self> = #spec;
        }
    }
}

/// `ReactorSpec { from: From::Now, .. }`
fn spec(written: &Written, input: &DeriveInput) -> TokenStream {
    let p = written.common.root.private();
    let word = |word| Ident::new(word, Span::call_site());
    let (from, on_failure) = (word(written.from), word(written.on_failure));
    let retry = written.retry.policy(&p, "REACTOR");
    // Without a state there is no shape that could change. A refused generic one is kept nowhere.
    let kept = written.key.as_ref().filter(|_| input.generics.params.is_empty());
    let (state, fingerprint) = match kept {
        Some(key) => (
            quote!(::core::option::Option::Some(#p::StateCodec::json())),
            fingerprint::keyed(input, Some(key)),
        ),
        None => (quote!(::core::option::Option::None), 0),
    };
    quote! {
        #p::ReactorSpec {
            from: #p::From::#from,
            retry: #retry,
            on_failure: #p::OnFailure::#on_failure,
            state: #state,
            fingerprint: #fingerprint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::testing::expanded;
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
                type Mode = ::es_core::__private::Follows;
                const SPEC: ::es_core::__private::ReactorSpec<Self> = ::es_core::__private::ReactorSpec {
                    from: ::es_core::__private::From::Now,
                    retry: ::es_core::__private::RetryPolicy::REACTOR,
                    on_failure: ::es_core::__private::OnFailure::Park,
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
                type Mode = ::es_core::__private::Follows;
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
                    state: ::core::option::Option::Some(::es_core::__private::StateCodec::json()),
                    fingerprint: 15367933507662765198u64,
                };
            }
        "##]]
        .assert_eq(&expanded(expand(args, item)));
    }
}
