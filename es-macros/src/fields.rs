//! What events and commands have in common: they are plain structs, and their fields are data of the model.

use crate::ctx::{Root, cfgs};
use crate::diag::Errors;
use crate::names::source_text;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{
    Attribute, Data, DeriveInput, Fields, GenericArgument, Generics, LitStr, PathArguments, Type,
    TypeReference,
};

/// One field: its name (in a tuple struct its index), and its type as written.
struct FieldModel<'a> {
    cfgs: Vec<&'a Attribute>,
    name: String,
    ty: String,
}

/// The fields as data: `&[Field { name: "amount", ty: "u64" }]`.
pub fn table(fields: &Fields, root: &Root) -> TokenStream {
    let p = root.private();
    let rows = model(fields).map(|FieldModel { cfgs, name, ty }| {
        let (name, ty) = (text(&name), text(&ty));
        quote!(#(#cfgs)* #p::Field { name: #name, ty: #ty })
    });
    quote!(&[#(#rows),*])
}

fn model(fields: &Fields) -> impl Iterator<Item = FieldModel<'_>> {
    fields.iter().enumerate().map(|(index, field)| FieldModel {
        cfgs: cfgs(&field.attrs).collect(),
        name: field.ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string()),
        ty: source_text(&field.ty),
    })
}

fn text(text: &str) -> LitStr {
    LitStr::new(text, Span::call_site())
}

/// Notes type parameters and lifetimes on a type that is stored.
pub fn refuse_generics(generics: &Generics, what: &str, errors: &Errors) {
    if !generics.params.is_empty() {
        errors.at(&generics.params, format!("{what} has no generics: name the types that it holds"));
    }
}

/// Notes generics and references in a type that is stored, and says whether it borrows. Of a lifetime
/// parameter nothing more is said: what it is there for goes with it.
pub fn refuse_borrowing(input: &DeriveInput, what: &str, errors: &Errors) -> bool {
    refuse_generics(&input.generics, what, errors);
    if !input.generics.params.is_empty() {
        return input.generics.lifetimes().next().is_some();
    }
    let Data::Struct(data) = &input.data else { return false };
    let found: Vec<_> = data.fields.iter().filter_map(|field| reference(&field.ty)).collect();
    for reference in &found {
        let owned = match &*reference.elem {
            Type::Slice(slice) => format!("Vec<{}>", source_text(&slice.elem)),
            elem if source_text(elem) == "str" => "String".to_owned(),
            elem => source_text(elem),
        };
        errors.at(reference, format!("{what} owns its data: write `{owned}`"));
    }
    !found.is_empty()
}

/// A stand-in for `Deserialize` on a type that was refused because it borrows: rustc need not say so again.
pub fn unreadable(input: &DeriveInput, root: &Root) -> TokenStream {
    let p = root.private();
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    generics.params.insert(0, syn::parse_quote!('__es_de));
    let (parameters, ..) = generics.split_for_impl();
    let (_, ty, conditions) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #p::serde::Deserialize<'__es_de> for #ident #ty #conditions {
            fn deserialize<D: #p::serde::Deserializer<'__es_de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                ::core::unreachable!()
            }
        }
    }
}

/// The first reference in a type.
fn reference(ty: &Type) -> Option<&TypeReference> {
    match ty {
        Type::Reference(reference) => Some(reference),
        Type::Array(array) => reference(&array.elem),
        Type::Slice(slice) => reference(&slice.elem),
        Type::Paren(paren) => reference(&paren.elem),
        Type::Group(group) => reference(&group.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(reference),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => {
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => reference(ty),
                    _ => None,
                })
            }
            _ => None,
        }),
        _ => None,
    }
}

/// The header of a generated impl, `impl Event for MoneyDeposited`. A refused generic type gets it too, with
/// what the trait asks for as its condition, so that no other error follows from the first.
pub fn header(input: &DeriveInput, of: &TokenStream, needs: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    if input.generics.params.is_empty() {
        return quote!(impl #of for #ident);
    }
    let mut generics = input.generics.clone();
    let (_, ty, _) = input.generics.split_for_impl();
    // What holds for every lifetime needs no condition, and must not have one.
    let only_lifetimes = generics.params.len() == generics.lifetimes().count();
    let needs = if only_lifetimes { &quote!('static) } else { needs };
    if let Ok(condition) = syn::parse2(quote!(#ident #ty: #needs)) {
        generics.make_where_clause().predicates.push(condition);
    }
    let (parameters, ty, conditions) = generics.split_for_impl();
    quote!(impl #parameters #of for #ident #ty #conditions)
}

/// What `Event` and `Command` ask of their types.
pub fn data_needs(root: &Root) -> TokenStream {
    let p = root.private();
    quote! {
        ::core::clone::Clone + ::core::fmt::Debug + ::core::cmp::PartialEq + #p::serde::Serialize
            + #p::serde::de::DeserializeOwned + ::core::marker::Send + ::core::marker::Sync + 'static
    }
}

/// The path of a type in the source, for the registry.
pub fn source_path(ident: &impl ToTokens) -> TokenStream {
    let name = text(&source_text(ident));
    quote!(::core::concat!(::core::module_path!(), "::", #name))
}
