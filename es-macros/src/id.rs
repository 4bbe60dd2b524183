//! `#[aggregate_id]`: the id of an aggregate, a newtype or several parts.

use crate::args::{self, CRATE, Key, NO_DERIVE};
use crate::ctx::{Common, has_serde_key, refused, type_item};
use crate::diag::Errors;
use crate::fields::refuse_generics;
use crate::names::source_text;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Fields, LitStr, Member, Type};

const KEYS: &[Key] = &[NO_DERIVE, CRATE];

const ROLE: &[&str] =
    &["Clone", "Debug", "PartialEq", "Eq", "Hash", "PartialOrd", "Ord", "Serialize", "Deserialize"];
const COPY_ROLE: &[&str] =
    &["Clone", "Copy", "Debug", "PartialEq", "Eq", "Hash", "PartialOrd", "Ord", "Serialize", "Deserialize"];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let mut common = Common::default();
    args::read("`#[aggregate_id]`", KEYS, args, &errors, |arg| common.read(arg));
    let input = match type_item("#[aggregate_id]", "a struct", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    refuse_generics(&input.generics, "an id", &errors);
    let parts = parts(&input, &errors);
    let role = if parts.iter().all(|part| part.copies) && !parts.is_empty() { COPY_ROLE } else { ROLE };
    let derives = common.derives(role, &input.attrs, &errors);
    if !errors.is_empty() {
        let stub = stub(&input, &common);
        let faults = errors.finish();
        return quote!(#derives #input #stub #faults);
    }
    let faults = errors.finish();
    let code = Code { input: &input, p: common.root.private(), parts: &parts };
    let text = code.text();
    let newtype = code.newtype();
    let transparent = code.transparent().filter(|_| common.has_serde(&input.attrs));
    quote!(#derives #transparent #input #text #newtype #faults)
}

/// One field of an id.
struct Part<'a> {
    member: Member,
    ty: &'a Type,
    /// The last word of the type, such as `Uuid`.
    word: String,
    copies: bool,
}

const INTEGERS: &[&str] =
    &["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

fn parts<'a>(input: &'a DeriveInput, errors: &Errors) -> Vec<Part<'a>> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            errors.at(
                &data.enum_token,
                "an id is a struct around what it consists of, such as `struct AccountId(Uuid);`",
            );
            &Fields::Unit
        }
        Data::Union(_) => &Fields::Unit,
    };
    if fields.is_empty() && errors.is_empty() {
        errors.at(
            &input.ident,
            "an id needs a field that tells one from another, such as `struct AccountId(Uuid);`",
        );
    }
    fields
        .members()
        .zip(fields)
        .map(|(member, field)| {
            let word = last_word(&field.ty);
            let copies = word == "Uuid" || INTEGERS.contains(&word.as_str());
            Part { member, ty: &field.ty, word, copies }
        })
        .collect()
}

fn last_word(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
        // What a `macro_rules!` passes on stands in an invisible group.
        Type::Group(group) => last_word(&group.elem),
        _ => String::new(),
    }
}

/// What is generated for an id without faults.
struct Code<'a> {
    input: &'a DeriveInput,
    p: TokenStream,
    parts: &'a [Part<'a>],
}

impl Code<'_> {
    /// `Display`, `FromStr` and `AggregateId`.
    fn text(&self) -> TokenStream {
        let (p, ident) = (&self.p, &self.input.ident);
        let name = LitStr::new(&source_text(ident), Span::call_site());
        let (write, read) = match self.parts {
            [part] => whole(p, part, &name),
            parts => joined(p, parts, &name),
        };
        let push = match self.parts {
            [Part { member, ty, .. }] => Some(quote! {
                fn push_to(&self, text: &mut ::std::string::String) {
                    <#ty as #p::IdText>::append_to(&self.#member, text);
                }
            }),
            _ => None,
        };
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #ident {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result { #write }
            }
            #[automatically_derived]
            impl ::core::str::FromStr for #ident {
                type Err = #p::ParseIdError;
                fn from_str(text: &str) -> ::core::result::Result<Self, #p::ParseIdError> { #read }
            }
            #[automatically_derived]
            impl #p::AggregateId for #ident { #push }
        }
    }

    /// `From` what is inside, and `new()` over a `Uuid`, for an id with one field.
    fn newtype(&self) -> TokenStream {
        let (p, ident, vis) = (&self.p, &self.input.ident, &self.input.vis);
        let [Part { member, ty, word, .. }] = self.parts else { return TokenStream::new() };
        let from_str = (word == "String").then(|| {
            quote! {
                #[automatically_derived]
                impl ::core::convert::From<&str> for #ident {
                    fn from(id: &str) -> Self { Self { #member: ::core::convert::From::from(id) } }
                }
            }
        });
        let new = (word == "Uuid").then(|| {
            quote! {
                impl #ident {
                    /// A new id, ordered by time (UUID version 7).
                    #[allow(dead_code, clippy::new_without_default)]
                    #[must_use]
                    #vis fn new() -> Self { Self { #member: #p::uuid::Uuid::now_v7() } }
                }
            }
        });
        quote! {
            #[automatically_derived]
            impl ::core::convert::From<#ty> for #ident {
                fn from(id: #ty) -> Self { Self { #member: id } }
            }
            #from_str
            #new
        }
    }

    /// One field is written as if the struct were not there.
    fn transparent(&self) -> Option<TokenStream> {
        let said = has_serde_key(&self.input.attrs, &["transparent", "from", "try_from", "into"]);
        (self.parts.len() == 1 && !said).then(|| quote!(#[serde(transparent)]))
    }
}

/// The text of the only field.
fn whole(p: &TokenStream, part: &Part<'_>, name: &LitStr) -> (TokenStream, TokenStream) {
    let Part { member, ty, .. } = part;
    let text = type_text(ty);
    (
        quote!(<#ty as #p::IdText>::write(&self.#member, f)),
        quote! {
            ::core::result::Result::Ok(Self { #member: <#ty as #p::IdText>::read(text, #name, #text)? })
        },
    )
}

/// The texts of all fields, escaped and joined by `/`.
fn joined(p: &TokenStream, parts: &[Part<'_>], name: &LitStr) -> (TokenStream, TokenStream) {
    let count = parts.len();
    let writes = parts.iter().enumerate().map(|(at, Part { member, ty, .. })| {
        let first = at == 0;
        quote!(<#ty as #p::IdText>::write_part(&self.#member, #first, f)?;)
    });
    let reads = parts.iter().map(|Part { member, ty, .. }| {
        let text = type_text(ty);
        quote!(#member: <#ty as #p::IdText>::read_part(&mut __es_parts, #text)?)
    });
    (
        quote!(#(#writes)* ::core::result::Result::Ok(())),
        quote! {
            let mut __es_parts = #p::IdParts::split(text, #name, #count)?;
            ::core::result::Result::Ok(Self { #(#reads),* })
        },
    )
}

fn type_text(ty: &Type) -> LitStr {
    LitStr::new(&source_text(ty), Span::call_site())
}

/// What a refused id gets, so that only its fault is reported.
fn stub(input: &DeriveInput, common: &Common) -> TokenStream {
    let p = common.root.private();
    let ident = &input.ident;
    let (parameters, ty, conditions) = input.generics.split_for_impl();
    let needs = quote! {
        ::core::clone::Clone + ::core::cmp::Eq + ::core::hash::Hash + ::core::fmt::Debug + ::core::marker::Send
            + ::core::marker::Sync + 'static
    };
    let header = crate::fields::header(input, &quote!(#p::AggregateId), &needs);
    quote! {
        #[automatically_derived]
        impl #parameters ::core::fmt::Display for #ident #ty #conditions {
            fn fmt(&self, _: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result { ::core::unreachable!() }
        }
        #[automatically_derived]
        impl #parameters ::core::str::FromStr for #ident #ty #conditions {
            type Err = #p::ParseIdError;
            fn from_str(_: &str) -> ::core::result::Result<Self, #p::ParseIdError> { ::core::unreachable!() }
        }
        #[automatically_derived]
        #header {}
    }
}

#[cfg(test)]
mod tests;
