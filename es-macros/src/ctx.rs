//! What every attribute on a type needs: the path to es-core, the derives of its role, the item itself.

use crate::args::Arg;
use crate::diag::Errors;
use crate::names::source_text;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, LitStr, Meta, Path, Token};

/// Where es-core is: `::es_core`, or what `crate = path` says.
#[derive(Clone)]
pub struct Root(TokenStream);

impl Default for Root {
    fn default() -> Self {
        Self(quote!(::es_core))
    }
}

impl Root {
    pub fn at(path: Path) -> Self {
        Self(path.into_token_stream())
    }

    /// `::es_core::__private`: what generated code may name.
    pub fn private(&self) -> TokenStream {
        let root = &self.0;
        quote!(#root::__private)
    }
}

impl ToTokens for Root {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// What every attribute on a type takes: `crate = path` and `no_derive(..)`.
#[derive(Default)]
pub struct Common {
    pub root: Root,
    no_derive: Vec<Ident>,
}

impl Common {
    /// Reads `crate` or `no_derive`; anything else is somebody else's.
    pub fn read(&mut self, arg: &Arg<'_>) -> syn::Result<()> {
        if arg.key == "crate" {
            self.root = arg.root()?;
        } else if arg.key == "no_derive" {
            self.no_derive = arg.idents()?;
        }
        Ok(())
    }

    /// The attributes that give a type the derives of its role. They stand before the user's own, so that
    /// `#[serde(..)]` on it is known by then.
    pub fn derives(&self, role: &[&'static str], attrs: &[Attribute], errors: &Errors) -> TokenStream {
        for unknown in self.no_derive.iter().filter(|name| !role.iter().any(|derive| *name == derive)) {
            let known = role.join("`, `");
            errors.at(unknown, format!("`{unknown}` is not derived here; what is: `{known}`"));
        }
        let present = derived(attrs);
        let missing: Vec<_> = role
            .iter()
            .copied()
            .filter(|derive| !present.iter().any(|there| there == derive))
            .filter(|derive| !self.no_derive.iter().any(|left| left == derive))
            .collect();
        if missing.is_empty() {
            return TokenStream::new();
        }
        let paths = missing.iter().map(|derive| self.derive_path(derive));
        let uses_serde = missing.iter().any(|derive| is_serde(derive));
        let serde = (uses_serde && !has_serde_key(attrs, &["crate"])).then(|| self.serde_crate());
        quote!(#[derive(#(#paths),*)] #serde)
    }

    /// Whether serde's attributes are known on the type: one of its derives is there or added.
    pub fn has_serde(&self, attrs: &[Attribute]) -> bool {
        let present = derived(attrs);
        ["Serialize", "Deserialize"].iter().any(|derive| {
            present.iter().any(|there| there == derive) || !self.no_derive.iter().any(|left| left == derive)
        })
    }

    /// Users need no serde in their `Cargo.toml`: the derive is told where it is.
    fn serde_crate(&self) -> TokenStream {
        let root = source_text(&self.root);
        let serde = LitStr::new(&format!("{root}::__private::serde"), Span::call_site());
        quote!(#[serde(crate = #serde)])
    }

    fn derive_path(&self, derive: &str) -> TokenStream {
        let name = Ident::new(derive, Span::call_site());
        let p = self.root.private();
        match derive {
            "Clone" => quote!(::core::clone::#name),
            "Copy" => quote!(::core::marker::#name),
            "Debug" => quote!(::core::fmt::#name),
            "Default" => quote!(::core::default::#name),
            "Hash" => quote!(::core::hash::#name),
            derive if is_serde(derive) => quote!(#p::serde::#name),
            _ => quote!(::core::cmp::#name),
        }
    }
}

fn is_serde(derive: &str) -> bool {
    matches!(derive, "Serialize" | "Deserialize")
}

/// The derives that events, commands and values need.
pub const DATA: &[&str] = &["Clone", "Debug", "PartialEq", "Serialize", "Deserialize"];

/// The same without reading, for what was refused because it borrows.
pub const UNREADABLE: &[&str] = &["Clone", "Debug", "PartialEq", "Serialize"];

/// The last names of everything that is derived below the attribute, inside `cfg_attr` too.
fn derived(attrs: &[Attribute]) -> Vec<Ident> {
    let mut found = Vec::new();
    for attr in attrs {
        collect_derived(&attr.meta, &mut found);
    }
    found
}

fn collect_derived(meta: &Meta, found: &mut Vec<Ident>) {
    let Meta::List(list) = meta else { return };
    if list.path.is_ident("derive") {
        let paths = list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        found.extend(
            paths
                .into_iter()
                .flatten()
                .filter_map(|path| path.segments.last().map(|last| last.ident.clone())),
        );
    } else if list.path.is_ident("cfg_attr") {
        let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        metas.into_iter().flatten().skip(1).for_each(|meta| collect_derived(&meta, found));
    }
}

/// Whether a `#[serde(..)]` on the item has one of these keys.
pub fn has_serde_key(attrs: &[Attribute], keys: &[&str]) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident("serde")).any(|attr| {
        let metas = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        metas.into_iter().flatten().any(|meta| keys.iter().any(|key| meta.path().is_ident(key)))
    })
}

/// The `#[cfg(..)]`s of a field, for whatever is generated from it.
pub fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}

/// Reads the item as a type. Where it is none, says so at the word that declares it, and gives it back.
pub fn type_item(
    attribute: &str,
    takes: &str,
    item: TokenStream,
    errors: &Errors,
) -> Result<DeriveInput, TokenStream> {
    let parsed = syn::parse2::<DeriveInput>(item.clone()).ok();
    if let Some(input) = parsed.filter(|input| !matches!(input.data, Data::Union(_))) {
        return Ok(input);
    }
    let span = declaring_word(item.clone()).map_or_else(Span::call_site, |word| word.span());
    errors.at_span(span, format!("`{attribute}` belongs on {takes}"));
    Err(item)
}

/// The item as it was, with what is wrong with it.
pub fn refused(item: &TokenStream, errors: Errors) -> TokenStream {
    let faults = errors.finish();
    quote!(#item #faults)
}

/// The first word of an item that says what it is.
pub fn declaring_word(item: TokenStream) -> Option<Ident> {
    const WORDS: &[&str] = &[
        "struct", "enum", "union", "fn", "impl", "trait", "mod", "const", "static", "type", "use", "extern",
    ];
    item.into_iter().find_map(|token| match token {
        TokenTree::Ident(word) if WORDS.iter().any(|known| word == known) => Some(word),
        _ => None,
    })
}

/// Where tokens begin and where they end. An expression whose first and last token carry these spans is
/// blamed as if it stood there.
pub fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let spans: Vec<Span> = tokens.to_token_stream().into_iter().map(|token| token.span()).collect();
    let first = spans.first().copied().unwrap_or_else(Span::call_site);
    (first, spans.last().copied().unwrap_or(first))
}

/// The tokens as if they stood at `span`.
pub fn at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = |token| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), at(group.stream(), span));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        mut token => {
            token.set_span(span);
            token
        }
    };
    tokens.into_iter().map(moved).collect()
}
