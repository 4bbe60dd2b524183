//! `#[event]`: something that has happened, as a struct.

use crate::args::{self, CRATE, Key, NAME, NO_DERIVE};
use crate::ctx::{Common, DATA, UNREADABLE, at, ends, refused, type_item};
use crate::diag::Errors;
use crate::fields;
use crate::names::{self, Name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Fields, LitStr, Type};

const KEYS: &[Key] = &[
    NAME,
    Key::new("version", "version = 2"),
    Key::new("from", "from = OlderType"),
    Key::repeated("alias", "alias = \"OldName\""),
    Key::new("retired", "retired"),
    NO_DERIVE,
    CRATE,
];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let args = read(args, &errors);
    let input = match type_item("#[event]", "a struct", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    let borrows = fields::refuse_borrowing(&input, "an event", &errors);
    let derives = args.common.derives(if borrows { UNREADABLE } else { DATA }, &input.attrs, &errors);
    let readable = borrows.then(|| fields::unreadable(&input, &args.common.root));
    let model = Model::of(args, &input, &errors);
    let event = model.event();
    let faults = errors.finish();
    let checked = faults.is_empty().then(|| model.registered());
    quote!(#derives #input #readable #event #checked #faults)
}

/// What stands in `#[event(..)]`.
#[derive(Default)]
struct Written {
    common: Common,
    name: Option<LitStr>,
    version: Option<(u16, Span)>,
    from: Option<(Type, Ident)>,
    aliases: Vec<LitStr>,
    retired: bool,
}

fn read(args: TokenStream, errors: &Errors) -> Written {
    let mut written = Written::default();
    args::read("`#[event]`", KEYS, args, errors, |arg| {
        match arg.key.to_string().as_str() {
            "name" => written.name = Some(arg.value()?),
            "version" => written.version = Some((arg.number(1)?, arg.key.span())),
            "from" => written.from = Some((arg.value()?, arg.key.clone())),
            "alias" => written.aliases.extend(arg.texts()?),
            "retired" => {
                arg.flag()?;
                written.retired = true;
            }
            _ => written.common.read(arg)?,
        }
        Ok(())
    });
    written
}

/// An event as it is generated.
struct Model<'a> {
    input: &'a DeriveInput,
    common: Common,
    name: Name,
    version: u16,
    older: Option<Type>,
    aliases: Vec<LitStr>,
    retired: bool,
    fields: &'a Fields,
}

impl<'a> Model<'a> {
    fn of(written: Written, input: &'a DeriveInput, errors: &Errors) -> Self {
        let name = names::type_name(written.name.as_ref(), &input.ident, errors);
        let version = written.version.map_or(1, |(version, _)| version);
        if let Some((_, key)) = written.from.as_ref().filter(|_| version < 2) {
            let span = written.version.map_or_else(|| key.span(), |(_, span)| span);
            errors.at_span(span, "`from` names the version before this one: write `version = 2` or higher");
        }
        check_aliases(&name, &written.aliases, errors);
        let fields = match &input.data {
            Data::Struct(data) => &data.fields,
            Data::Enum(data) => {
                errors.at(
                    &data.enum_token,
                    "an event is a struct: write one struct per event; a choice inside an event is a `#[value]` enum",
                );
                &Fields::Unit
            }
            Data::Union(_) => &Fields::Unit,
        };
        Self {
            input,
            common: written.common,
            name,
            version,
            older: written.from.map(|(older, _)| older).filter(|_| version > 1),
            aliases: written.aliases,
            retired: written.retired,
            fields,
        }
    }

    /// `impl Event for MoneyDeposited { .. }`.
    fn event(&self) -> TokenStream {
        let p = self.common.root.private();
        let header = fields::header(self.input, &quote!(#p::Event), &fields::data_needs(&self.common.root));
        let Self { name, version, aliases, .. } = self;
        let table = fields::table(self.fields, &self.common.root);
        let older = self.older.as_ref().map_or_else(|| quote!(#p::Oldest), |older| quote!(#older));
        let status = if self.retired { quote!(Retired) } else { quote!(Current) };
        // Each constant is a body that the compiler checks: what is the trait's default is left out.
        let version = (*version > 1).then(|| quote!(const VERSION: u16 = #version;));
        let aliases =
            (!aliases.is_empty()).then(|| quote!(const ALIASES: &'static [&'static str] = &[#(#aliases),*];));
        quote! {
            #[automatically_derived]
            #header {
                const NAME: &'static str = #name;
                #version
                #aliases
                const FIELDS: &'static [#p::Field] = #table;
                type Older = #older;
                type Status = #p::#status;
            }
        }
    }

    /// The registration, and the assertion that an older version is one version older.
    fn registered(&self) -> TokenStream {
        let p = self.common.root.private();
        let (ident, retired) = (&self.input.ident, self.retired);
        let path = fields::source_path(ident);
        let chain = self.older.as_ref().map(|older| {
            let check = at(quote!(#p::assert_upcast::<#ident>()), ends(older).0);
            quote!(const _: () = #check;)
        });
        quote! {
            #p::inventory::submit! { #p::EventRecord::of::<#ident>(#path, #retired) }
            #chain
        }
    }
}

fn check_aliases(name: &Name, aliases: &[LitStr], errors: &Errors) {
    for (at, alias) in aliases.iter().enumerate() {
        names::check_free(alias, errors);
        let text = alias.value();
        if text == name.text {
            errors.at(alias, "this is the event's name; an alias is one that it had before");
        } else if aliases.iter().take(at).any(|earlier| earlier.value() == text) {
            errors.at(alias, format!("the alias \"{text}\" stands here twice: remove one of them"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::testing::{expanded, messages};
    use expect_test::expect;
    use quote::quote;

    #[test]
    fn a_newer_version() {
        let args =
            quote!(name = "account.deposited", version = 2, from = MoneyDepositedV1, alias = "Deposited");
        let item = quote! {
            /// Money came in.
            pub struct MoneyDeposited { pub amount: u64, #[cfg(test)] note: Option<String> }
        };
        expect![[r##"
            #[derive(
                ::core::clone::Clone,
                ::core::fmt::Debug,
                ::core::cmp::PartialEq,
                ::es_core::__private::serde::Serialize,
                ::es_core::__private::serde::Deserialize
            )]
            #[serde(crate = "::es_core::__private::serde")]
            /// Money came in.
            pub struct MoneyDeposited {
                pub amount: u64,
                #[cfg(test)]
                note: Option<String>,
            }
            #[automatically_derived]
            impl ::es_core::__private::Event for MoneyDeposited {
                const NAME: &'static str = "account.deposited";
                const VERSION: u16 = 2u16;
                const ALIASES: &'static [&'static str] = &["Deposited"];
                const FIELDS: &'static [::es_core::__private::Field] = &[
                    ::es_core::__private::Field {
                        name: "amount",
                        ty: "u64",
                    },
                    #[cfg(test)]
                    ::es_core::__private::Field {
                        name: "note",
                        ty: "Option<String>",
                    },
                ];
                type Older = MoneyDepositedV1;
                type Status = ::es_core::__private::Current;
            }
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::EventRecord::of:: < MoneyDeposited >
                (::core::concat!(::core::module_path!(), "::", "MoneyDeposited"), false)
            }
            const _: () = ::es_core::__private::assert_upcast::<MoneyDeposited>();
        "##]]
        .assert_eq(&expanded(expand(args, item)));
    }

    #[test]
    fn a_retired_event_cannot_be_raised() {
        expect![[r##"
            #[derive(
                ::core::clone::Clone,
                ::core::fmt::Debug,
                ::core::cmp::PartialEq,
                ::es_core::__private::serde::Serialize,
                ::es_core::__private::serde::Deserialize
            )]
            #[serde(crate = "::es_core::__private::serde")]
            struct Frozen;
            #[automatically_derived]
            impl ::es_core::__private::Event for Frozen {
                const NAME: &'static str = "Frozen";
                const FIELDS: &'static [::es_core::__private::Field] = &[];
                type Older = ::es_core::__private::Oldest;
                type Status = ::es_core::__private::Retired;
            }
            ::es_core::__private::inventory::submit! {
                ::es_core::__private::EventRecord::of:: < Frozen >
                (::core::concat!(::core::module_path!(), "::", "Frozen"), true)
            }
        "##]]
        .assert_eq(&expanded(expand(
            quote!(retired),
            quote!(
                struct Frozen;
            ),
        )));
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let args =
            quote!(nmae = "x", version = 0, retired = true, alias = 3, from = Old, name = "", name = "y");
        let faults = messages(&expand(
            args,
            quote!(
                enum Moved<T> {
                    To(T),
                }
            ),
        ));
        expect![[r#"
            [
                "`nmae` is not known here: `#[event]` takes `name = \"..\"`, `version = 2`, `from = OlderType`, `alias = \"OldName\"`, `retired`, `no_derive(Debug)`, `crate = ::path::to::es_core`",
                "`version` starts at 1",
                "`retired` takes no value",
                "write `alias = \"OldName\"`",
                "`name` stands here twice: remove one of them",
                "an event has no generics: name the types that it holds",
                "a name cannot be empty",
                "`from` names the version before this one: write `version = 2` or higher",
                "an event is a struct: write one struct per event; a choice inside an event is a `#[value]` enum",
            ]
        "#]].assert_debug_eq(&faults);
        let faults = messages(&expand(
            quote!(crate = es_core),
            quote!(
                struct Moved {
                    to: Option<&'static str>,
                }
            ),
        ));
        expect![[r#"
            [
                "an absolute path is needed: `crate = ::path::to::es_core` or `crate = crate::path`",
                "an event owns its data: write `String`",
            ]
        "#]]
        .assert_debug_eq(&faults);
        expect![[r#"
            [
                "`#[event]` belongs on a struct",
            ]
        "#]]
        .assert_debug_eq(&messages(&expand(
            quote!(),
            quote!(
                pub fn moved() {}
            ),
        )));
    }
}
