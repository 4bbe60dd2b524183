//! An `impl` block as its signatures. Bodies are never parsed: they stay the one group of tokens they are.

use crate::names::source_text;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, GenericArgument, Generics, PathArguments, PathSegment, ReturnType, Signature, Token,
    Type, Visibility, braced, parse_quote,
};

/// An `impl` block: what stands before its braces, and its members.
pub struct Block {
    pub attrs: Vec<Attribute>,
    pub unsafety: Option<Token![unsafe]>,
    pub impl_token: Token![impl],
    pub generics: Generics,
    /// `Trait for`, where it is not an inherent block.
    pub of_trait: Option<Type>,
    pub self_ty: Type,
    pub members: Vec<Member>,
}

/// A member of an `impl` block.
#[expect(clippy::large_enum_variant, reason = "almost every member is a method")]
pub enum Member {
    Method(Method),
    /// A constant, a type, a macro call: passed on as it is.
    Other(TokenStream),
}

/// A function with its body unread.
pub struct Method {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub sig: Signature,
    pub body: Group,
}

impl Parse for Block {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let unsafety = input.parse()?;
        let impl_token = input.parse()?;
        let mut generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
        let first: Type = input.parse()?;
        let (of_trait, self_ty) = match input.parse::<Option<Token![for]>>()? {
            Some(_) => (Some(first), input.parse()?),
            None => (None, first),
        };
        generics.where_clause = input.parse()?;
        let content;
        braced!(content in input);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self { attrs, unsafety, impl_token, generics, of_trait, self_ty, members })
    }
}

impl Parse for Member {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if starts_function(&ahead)? { input.parse().map(Self::Method) } else { other(input).map(Self::Other) }
    }
}

impl Parse for Method {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let (vis, sig) = (input.parse()?, input.parse()?);
        match input.parse()? {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                Ok(Self { attrs, vis, sig, body })
            }
            token => Err(syn::Error::new(token.span(), "expected the body of the function")),
        }
    }
}

/// Whether a function stands here, behind any `const`, `async`, `unsafe` and `extern`.
fn starts_function(ahead: ParseStream) -> syn::Result<bool> {
    while !ahead.is_empty() && !ahead.peek(Token![fn]) {
        match ahead.parse()? {
            TokenTree::Ident(word)
                if ["const", "async", "unsafe", "extern"].iter().any(|known| word == known) => {}
            TokenTree::Literal(_) => {}
            _ => return Ok(false),
        }
    }
    Ok(ahead.peek(Token![fn]))
}

/// Takes the tokens of any other member: up to its semicolon, or up to the braces of a macro call.
fn other(input: ParseStream) -> syn::Result<TokenStream> {
    let mut taken = TokenStream::new();
    let mut in_braces = true;
    while !input.is_empty() {
        let next: TokenTree = input.parse()?;
        in_braces &= !matches!(&next, TokenTree::Ident(word) if word == "const" || word == "type");
        let last = match &next {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => in_braces && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        taken.extend([next]);
        if last {
            break;
        }
    }
    Ok(taken)
}

impl Block {
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.members.iter().filter_map(|member| match member {
            Member::Method(method) => Some(method),
            Member::Other(_) => None,
        })
    }

    /// The block's `#[cfg]`s, for everything that is generated beside it.
    pub fn cfgs(&self) -> Vec<&Attribute> {
        cfgs(&self.attrs)
    }

    /// The block as it was written, without the attributes of these names on its methods.
    ///
    /// What its signatures look like is for the grammar to say, not for lints.
    pub fn without(&self, ours: &[&str]) -> TokenStream {
        let Self { attrs, unsafety, impl_token, generics, of_trait, self_ty, members } = self;
        let of_trait = of_trait.as_ref().map(|of_trait| quote!(#of_trait for));
        let members = members.iter().map(|member| match member {
            Member::Method(method) => method.without(ours),
            Member::Other(tokens) => tokens.clone(),
        });
        let where_clause = &generics.where_clause;
        quote! {
            #(#attrs)*
            #[allow(
                clippy::needless_pass_by_value, clippy::ptr_arg, clippy::too_many_arguments,
                clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps, clippy::unused_async,
                clippy::unused_self
            )]
            #unsafety #impl_token #generics #of_trait #self_ty #where_clause { #(#members)* }
        }
    }
}

impl Method {
    pub fn name(&self) -> &Ident {
        &self.sig.ident
    }

    /// The method's `#[cfg]`s, for everything that is generated from it.
    pub fn cfgs(&self) -> Vec<&Attribute> {
        cfgs(&self.attrs)
    }

    /// The attributes of this name.
    pub fn attrs_named<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m Attribute> {
        self.attrs.iter().filter(move |attr| is_named(attr, name))
    }

    fn without(&self, ours: &[&str]) -> TokenStream {
        let Self { attrs, vis, sig, body } = self;
        let kept = attrs.iter().filter(|attr| !ours.iter().any(|name| is_named(attr, name)));
        let sig = if self.attrs_named("key").next().is_some() { &used_by_key(sig) } else { sig };
        quote!(#(#kept)* #vis #sig #body)
    }
}

/// The signature of a method with `#[key(..)]`: a parameter that only the key looks at is used.
fn used_by_key(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        if let FnArg::Typed(param) = input {
            param.attrs.push(parse_quote!(#[allow(unused_variables)]));
        }
    }
    sig
}

fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == name)
}

fn cfgs(attrs: &[Attribute]) -> Vec<&Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect()
}

/// The last segment of a path type: what types are compared and called by.
pub fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether a type's last segment is `name`.
pub fn is_called(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The type arguments of `Name<A, B>`; `None` if the type is called otherwise.
pub fn arguments<'t>(ty: &'t Type, name: &str) -> Option<Vec<&'t Type>> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Some(Vec::new()) };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// The type behind the arrow; `None` for `()`, written or not.
pub fn returned(sig: &Signature) -> Option<&Type> {
    match &sig.output {
        ReturnType::Type(_, ty) if !matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()) => Some(ty),
        _ => None,
    }
}

/// The same tokens with the same meaning, all where rustc is to put its finger.
pub fn respan(tokens: &impl ToTokens, span: Span) -> TokenStream {
    let moved = tokens.to_token_stream().into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), respan(&group.stream(), span));
            moved.set_span(group.span().located_at(span));
            TokenTree::Group(moved)
        }
        mut token => {
            token.set_span(token.span().located_at(span));
            token
        }
    });
    moved.collect()
}

/// Whether two types are one, as far as their last names tell.
pub fn is_same(one: &Type, other: &Type) -> bool {
    match (last_segment(one), last_segment(other)) {
        (Some(one), Some(other)) => source_text(one) == source_text(other),
        _ => source_text(one) == source_text(other),
    }
}

/// Braces that stand there, around tokens that stay where they are.
pub fn braced_at(tokens: TokenStream, span: Span) -> Group {
    let mut braced = Group::new(Delimiter::Brace, tokens);
    braced.set_span(span);
    braced
}
