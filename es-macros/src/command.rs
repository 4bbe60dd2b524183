//! `#[command(Account)]`: a wish to change one aggregate, as a struct.

use crate::args::{self, CRATE, Key, NAME, NO_DERIVE};
use crate::ctx::{Common, DATA, UNREADABLE, at, ends, refused, type_item};
use crate::diag::Errors;
use crate::fields;
use crate::names;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Member, Meta, Token, Type, token};

const KEYS: &[Key] = &[NAME, NO_DERIVE, CRATE];

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let written = read(args, &errors);
    let mut input = match type_item("#[command]", "a struct", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    let id = take_id(&mut input, written.aggregate.as_ref(), &errors);
    let borrows = fields::refuse_borrowing(&input, "a command", &errors);
    let derives = written.common.derives(if borrows { UNREADABLE } else { DATA }, &input.attrs, &errors);
    let readable = borrows.then(|| fields::unreadable(&input, &written.common.root));
    let command = emit(&written, &input, id.as_ref(), &errors);
    let faults = errors.finish();
    quote!(#derives #input #readable #command #faults)
}

/// What stands in `#[command(..)]`.
#[derive(Default)]
struct Written {
    common: Common,
    aggregate: Option<Type>,
    name: Option<LitStr>,
}

fn read(args: TokenStream, errors: &Errors) -> Written {
    let mut written = Written::default();
    let split = |input: ParseStream<'_>| {
        let key = input.peek2(Token![=]) || input.peek2(token::Paren);
        let aggregate = if input.is_empty() || key { None } else { Some(input.parse::<Type>()?) };
        if aggregate.is_some() && !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok((aggregate, input.parse::<TokenStream>()?))
    };
    let Some((aggregate, rest)) = errors.keep(split.parse2(args)) else { return written };
    if aggregate.is_none() {
        let (span, _) = ends(&rest);
        errors.at_span(span, "say which aggregate decides it: write `#[command(Account)]`");
    }
    written.aggregate = aggregate;
    args::read("`#[command]`", KEYS, rest, errors, |arg| {
        if arg.key == "name" {
            written.name = Some(arg.value()?);
            return Ok(());
        }
        written.common.read(arg)
    });
    written
}

/// The field that names the aggregate.
struct Id {
    member: Member,
    ty: Type,
}

/// Finds the field with `#[id]` and takes the attribute off, since rustc does not know it.
fn take_id(input: &mut DeriveInput, aggregate: Option<&Type>, errors: &Errors) -> Option<Id> {
    let fields = match &mut input.data {
        Data::Struct(data) => &mut data.fields,
        Data::Enum(data) => {
            errors.at(&data.enum_token, "a command is a struct: write one struct per command");
            return None;
        }
        Data::Union(_) => return None,
    };
    let members: Vec<Member> = fields.members().collect();
    let mut found: Option<Id> = None;
    for (field, member) in fields.iter_mut().zip(members) {
        let (marks, others) = std::mem::take(&mut field.attrs).into_iter().partition(is_id);
        field.attrs = others;
        for mark in marks {
            check_mark(&mark, found.is_some(), errors);
            found.get_or_insert_with(|| Id { member: member.clone(), ty: field.ty.clone() });
        }
    }
    if found.is_none() {
        let aggregate =
            aggregate.map_or_else(|| "aggregate".to_owned(), |ty| format!("`{}`", names::source_text(ty)));
        errors.at(
            &input.ident,
            format!("which {aggregate} is it for? put `#[id]` on the field that holds its id"),
        );
    }
    found
}

fn is_id(attr: &Attribute) -> bool {
    attr.path().is_ident("id")
}

fn check_mark(mark: &Attribute, second: bool, errors: &Errors) {
    if second {
        errors.at(mark, "a command is for one aggregate: `#[id]` stands on one field");
    } else if !matches!(mark.meta, Meta::Path(_)) {
        errors.at(&mark.meta, "write `#[id]`");
    }
}

/// `impl Command for Withdraw { .. }`. Without an aggregate there is nothing to implement.
fn emit(written: &Written, input: &DeriveInput, id: Option<&Id>, errors: &Errors) -> TokenStream {
    let Some(aggregate) = &written.aggregate else { return TokenStream::new() };
    let root = &written.common.root;
    let p = root.private();
    let name = names::type_name(written.name.as_ref(), &input.ident, errors);
    let table = match &input.data {
        Data::Struct(data) => fields::table(&data.fields, root),
        _ => fields::table(&Fields::Unit, root),
    };
    let header = fields::header(input, &quote!(#p::Command), &fields::data_needs(root));
    let id = id_method(&p, aggregate, id);
    quote! {
        #[automatically_derived]
        #header {
            type Aggregate = #aggregate;
            const NAME: &'static str = #name;
            const FIELDS: &'static [#p::Field] = #table;
            #id
        }
    }
}

/// `fn id(&self) -> &AccountId { &self.account }`. The body carries the span of the field's type, which is what
/// is wrong if it is not the aggregate's id; the signature that of the aggregate, which may be none.
fn id_method(p: &TokenStream, aggregate: &Type, id: Option<&Id>) -> TokenStream {
    let (first, last) = id.map_or_else(|| ends(aggregate), |id| ends(&id.ty));
    let this = quote_spanned!(first=> self);
    let body = match id {
        None => quote!({ ::core::unreachable!() }),
        Some(Id { member, .. }) => {
            let mut member = member.clone();
            match &mut member {
                // The name keeps where it is looked up; only the place to blame changes.
                Member::Named(name) => name.set_span(name.span().located_at(last)),
                Member::Unnamed(index) => index.span = last,
            }
            quote_spanned!(first=> { & #this.#member })
        }
    };
    let signature = quote!(-> &<Self::Aggregate as #p::Aggregate>::Id);
    let (keyword, signature) = (at(quote!(fn id), ends(aggregate).0), at(signature, ends(aggregate).0));
    quote!(#keyword (& #this) #signature #body)
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::testing::{expanded, messages};
    use expect_test::expect;
    use quote::quote;

    #[test]
    fn a_command_is_for_the_aggregate_of_its_id() {
        let item = quote!(
            pub struct Withdraw {
                #[id]
                pub account: AccountId,
                pub amount: u64,
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
            pub struct Withdraw {
                pub account: AccountId,
                pub amount: u64,
            }
            #[automatically_derived]
            impl ::es_core::__private::Command for Withdraw {
                type Aggregate = Account;
                const NAME: &'static str = "withdraw";
                const FIELDS: &'static [::es_core::__private::Field] = &[
                    ::es_core::__private::Field {
                        name: "account",
                        ty: "AccountId",
                    },
                    ::es_core::__private::Field {
                        name: "amount",
                        ty: "u64",
                    },
                ];
                fn id(&self) -> &<Self::Aggregate as ::es_core::__private::Aggregate>::Id {
                    &self.account
                }
            }
        "##]]
        .assert_eq(&expanded(expand(quote!(Account, name = "withdraw"), item)));
    }

    #[test]
    fn the_id_is_needed_once() {
        let faults = |args, item| messages(&expand(args, item));
        let none = faults(
            quote!(Account),
            quote!(
                struct Withdraw {
                    account: AccountId,
                }
            ),
        );
        let two = faults(
            quote!(Account),
            quote!(
                struct Move(#[id] AccountId, #[id] AccountId);
            ),
        );
        let form = faults(
            quote!(Account),
            quote!(
                struct Close(#[id(1)] AccountId);
            ),
        );
        let nobody = faults(
            quote!(name = "close"),
            quote!(
                struct Close(#[id] AccountId);
            ),
        );
        let choice = faults(
            quote!(Account, Bank),
            quote!(
                enum Close {
                    Now,
                }
            ),
        );
        expect![[r#"
            [
                [
                    "which `Account` is it for? put `#[id]` on the field that holds its id",
                ],
                [
                    "a command is for one aggregate: `#[id]` stands on one field",
                ],
                [
                    "write `#[id]`",
                ],
                [
                    "say which aggregate decides it: write `#[command(Account)]`",
                ],
                [
                    "`Bank` is not known here: `#[command]` takes `name = \"..\"`, `no_derive(Debug)`, `crate = ::path::to::es_core`",
                    "a command is a struct: write one struct per command",
                ],
            ]
        "#]].assert_debug_eq(&[none, two, form, nobody, choice]);
    }
}
