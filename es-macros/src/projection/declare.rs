//! `#[projection]` on a type: what is kept, and under which key.

use crate::args::{self, CRATE, Key, NAME, NO_DERIVE};
use crate::ctx::{Common, refused, type_item};
use crate::diag::Errors;
use crate::fields;
use crate::fingerprint;
use crate::names::{self, Name};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, LitStr, Type};

const KEYS: &[Key] = &[
    Key::new("key", "key = Date"),
    NAME,
    Key::new("version", "version = 2"),
    Key::new("inline", "inline"),
    NO_DERIVE,
    CRATE,
];

/// The derives of a document.
const DOCUMENT: &[&str] = &["Clone", "Debug", "PartialEq", "Default", "Serialize", "Deserialize"];
/// The derives of what keeps rows: nothing of it is stored.
const ROWS: &[&str] = &["Clone", "Debug", "Default"];

/// What stands in `#[projection(..)]`.
#[derive(Default)]
struct Written {
    common: Common,
    key: Option<Type>,
    name: Option<LitStr>,
    version: Option<u32>,
    inline: bool,
}

pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let written = read(args, &errors);
    let input = match type_item("#[projection]", "a struct, and on its `impl` block", item, &errors) {
        Ok(input) => input,
        Err(item) => return refused(&item, errors),
    };
    if let Data::Enum(data) = &input.data {
        errors.at(
            &data.enum_token,
            "a projection is a struct, which starts from its `Default`: a choice inside it is a `#[value]` enum",
        );
        return refused(&input.into_token_stream(), errors);
    }
    fields::refuse_generics(&input.generics, "a projection", &errors);
    let name = names::category(written.name.as_ref(), &input.ident, &errors);
    let role = if written.key.is_some() { DOCUMENT } else { ROWS };
    let derives = written.common.derives(role, &input.attrs, &errors);
    let projection = emit(&written, &input, &name);
    let faults = errors.finish();
    quote!(#derives #input #projection #faults)
}

fn read(args: TokenStream, errors: &Errors) -> Written {
    let mut written = Written::default();
    args::read("`#[projection]`", KEYS, args, errors, |arg| {
        match arg.key.to_string().as_str() {
            "key" => written.key = Some(arg.value()?),
            "name" => written.name = Some(arg.value()?),
            "version" => written.version = Some(arg.number(1)?),
            "inline" => {
                arg.flag()?;
                written.inline = true;
            }
            _ => written.common.read(arg)?,
        }
        Ok(())
    });
    written
}

/// `impl Projection for DailyOrders { .. }`, and what tells its kind.
fn emit(written: &Written, input: &DeriveInput, name: &Name) -> TokenStream {
    let p = written.common.root.private();
    let needs = quote!(::core::default::Default + ::core::marker::Send + ::core::marker::Sync + 'static);
    let header = fields::header(input, &quote!(#p::Projection), &needs);
    let (version, inline) = (written.version.unwrap_or(1), written.inline);
    let shape = fingerprint::keyed(input, written.key.as_ref());
    // Followers of a build that is not inline do not look at what commits have taken: both ways at once, as in a
    // rolling deploy, would count events twice.
    let fingerprint = if inline { !shape } else { shape };
    let key = written.key.as_ref().map_or_else(|| quote!(()), |key| quote!(#key));
    let kind = kind(written, input);
    quote! {
        #[automatically_derived]
        #header {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            type Key = #key;
            const INLINE: bool = #inline;
            const FINGERPRINT: u64 = #fingerprint;
        }
        #kind
    }
}

/// `impl Kept for DailyOrders { .. }` and `impl MountOn<S> for DailyOrders { .. }`; a refused generic type has
/// no methods, and is mounted nowhere.
fn kind(written: &Written, input: &DeriveInput) -> Option<TokenStream> {
    if !input.generics.params.is_empty() {
        return None;
    }
    let (p, ident) = (written.common.root.private(), &input.ident);
    let kind = if written.key.is_some() { quote!(#p::DocumentKind) } else { quote!(#p::RowKind) };
    Some(quote! {
        #[automatically_derived]
        impl #p::Kept for #ident {
            type Kind = #kind;
        }
        #[automatically_derived]
        impl<__EsStore> #p::MountOn<__EsStore> for #ident
        where
            #kind: #p::MountKind<Self, __EsStore>,
        {
            type Kind = #kind;
        }
    })
}
