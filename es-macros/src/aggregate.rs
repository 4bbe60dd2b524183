//! `#[aggregate]`: a state that is the fold of its events.

use crate::args::{self, Arg, CRATE, Key, NAME, NO_DERIVE};
use crate::ctx::{Common, DATA, at, refused, type_item};
use crate::diag::Errors;
use crate::fields;
use crate::fingerprint;
use crate::names::{self, Name};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{DeriveInput, LitStr, Result, Type};

const KEYS: &[Key] = &[
    Key::new("id", "id = AccountId"),
    NAME,
    Key::new("default", "default"),
    Key::new("snapshot", "snapshot(every = 500, version = 1)"),
    NO_DERIVE,
    CRATE,
];
const SNAPSHOT_KEYS: &[Key] = &[Key::new("every", "every = 500"), Key::new("version", "version = 1")];

/// The derives of a state that is not kept as a snapshot.
const STATE: &[&str] = &["Clone", "Debug", "PartialEq"];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let written = read(args, &errors);
    let input = match type_item("#[aggregate]", "a struct or an enum", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    if written.id.is_none() {
        errors.at(&input.ident, "say what tells one from another: write `#[aggregate(id = AccountId)]`");
    }
    fields::refuse_generics(&input.generics, "an aggregate", &errors);
    let name = names::category(written.name.as_ref(), &input.ident, &errors);
    let role = if written.snapshot.is_some() { DATA } else { STATE };
    let derives = written.common.derives(role, &input.attrs, &errors);
    let aggregate = emit(&written, &input, &name);
    let faults = errors.finish();
    quote!(#derives #input #aggregate #faults)
}

/// What stands in `#[aggregate(..)]`.
#[derive(Default)]
struct Written {
    common: Common,
    id: Option<Type>,
    name: Option<LitStr>,
    default: Option<Ident>,
    snapshot: Option<Snapshot>,
}

/// `snapshot(every = 500, version = 1)`.
#[derive(Clone, Copy)]
struct Snapshot {
    every: u64,
    version: u32,
}

fn read(args: TokenStream, errors: &Errors) -> Written {
    let mut written = Written::default();
    args::read("`#[aggregate]`", KEYS, args, errors, |arg| {
        match arg.key.to_string().as_str() {
            "id" => written.id = Some(arg.value()?),
            "name" => written.name = Some(arg.value()?),
            "default" => {
                arg.flag()?;
                written.default = Some(arg.key.clone());
            }
            "snapshot" => written.snapshot = Some(snapshot(arg, errors)?),
            _ => written.common.read(arg)?,
        }
        Ok(())
    });
    written
}

fn snapshot(arg: &Arg<'_>, errors: &Errors) -> Result<Snapshot> {
    let (mut every, mut version, before) = (None, 1, errors.count());
    args::read("`snapshot`", SNAPSHOT_KEYS, arg.list()?, errors, |arg| {
        if arg.key == "every" {
            every = Some(arg.number(1)?);
        } else {
            version = arg.number(0)?;
        }
        Ok(())
    });
    if every.is_none() && errors.count() == before {
        errors.add(arg.wrong());
    }
    Ok(Snapshot { every: every.unwrap_or(1), version })
}

/// `impl Aggregate for Account { .. }`.
fn emit(written: &Written, input: &DeriveInput, name: &Name) -> TokenStream {
    let p = written.common.root.private();
    let needs = quote! {
        ::core::clone::Clone + ::core::fmt::Debug + ::core::cmp::PartialEq + ::core::marker::Send
            + ::core::marker::Sync + 'static
    };
    let header = fields::header(input, &quote!(#p::Aggregate), &needs);
    let id = written.id.as_ref().map_or_else(|| quote!(::std::string::String), |id| quote!(#id));
    // The word `default` is blamed where the type has none.
    let default = written.default.as_ref().map(|default| at(quote!(#p::FromDefault), default.span()));
    let start = default.unwrap_or_else(|| quote!(#p::FromBirth));
    let snapshot = snapshots(written, input);
    quote! {
        #[automatically_derived]
        #header {
            const NAME: &'static str = #name;
            type Id = #id;
            type Start = #start;
            const SNAPSHOT: ::core::option::Option<#p::Snapshots<Self>> = #snapshot;
        }
    }
}

/// `Some(Snapshots::every(500, 0x5a..))`, or `None`; a refused generic state has none.
fn snapshots(written: &Written, input: &DeriveInput) -> TokenStream {
    let p = written.common.root.private();
    let kept = written.snapshot.filter(|_| input.generics.params.is_empty());
    let Some(Snapshot { every, version }) = kept else { return quote!(::core::option::Option::None) };
    let fingerprint = fingerprint::of(input, version);
    quote!(::core::option::Option::Some(#p::Snapshots::every(#every, #fingerprint)))
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::testing::{expanded, messages};
    use expect_test::expect;
    use quote::quote;

    #[test]
    fn an_aggregate_begins_with_a_birth() {
        let item = quote!(
            pub struct RoomBooking {
                night: Date,
            }
        );
        expect![[r##"
            #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
            pub struct RoomBooking {
                night: Date,
            }
            #[automatically_derived]
            impl ::es_core::__private::Aggregate for RoomBooking {
                const NAME: &'static str = "room_booking";
                type Id = RoomId;
                type Start = ::es_core::__private::FromBirth;
                const SNAPSHOT: ::core::option::Option<::es_core::__private::Snapshots<Self>> = ::core::option::Option::None;
            }
        "##]].assert_eq(&expanded(expand(quote!(id = RoomId), item)));
    }

    #[test]
    fn one_with_default_and_snapshots() {
        let args = quote!(id = String, name = "counter", default, snapshot(every = 4));
        let item = quote!(
            #[derive(Default)]
            pub struct Counter {
                value: u64,
            }
        );
        expect![[r##"
            #[derive(
                ::core::clone::Clone,
                ::core::fmt::Debug,
                ::core::cmp::PartialEq,
                ::es_core::__private::serde::Serialize,
                ::es_core::__private::serde::Deserialize
            )]
            #[serde(crate = "::es_core::__private::serde")]
            #[derive(Default)]
            pub struct Counter {
                value: u64,
            }
            #[automatically_derived]
            impl ::es_core::__private::Aggregate for Counter {
                const NAME: &'static str = "counter";
                type Id = String;
                type Start = ::es_core::__private::FromDefault;
                const SNAPSHOT: ::core::option::Option<::es_core::__private::Snapshots<Self>> = ::core::option::Option::Some(
                    ::es_core::__private::Snapshots::every(4u64, 10362357880321318733u64),
                );
            }
        "##]].assert_eq(&expanded(expand(args, item)));
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let args = quote!(name = "bank-account", default = 3, snapshot(version = 1, evry = 2), no_derive(Eq));
        expect![[r#"
            [
                "`default` takes no value",
                "`evry` is not known here: `snapshot` takes `every = 500`, `version = 1`",
                "say what tells one from another: write `#[aggregate(id = AccountId)]`",
                "an aggregate has no generics: name the types that it holds",
                "a stream is `name-id`, so its name cannot hold a `-`: write \"bank_account\"",
                "`Eq` is not derived here; what is: `Clone`, `Debug`, `PartialEq`, `Serialize`, `Deserialize`",
            ]
        "#]].assert_debug_eq(&messages(&expand(
            args,
            quote!(
                struct Account<T>(T);
            ),
        )));
    }
}
