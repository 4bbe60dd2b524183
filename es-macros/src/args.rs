//! The grammar of what stands in an attribute: `key`, `key = value` and `key(list)`, separated by commas.

use crate::ctx::Root;
use crate::diag::Errors;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, LitInt, LitStr, Path, Result, Token, token};

/// A key that an attribute knows.
#[derive(Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    form: &'static str,
    repeats: bool,
}

impl Key {
    /// A key and how it is written, such as `name = ".."`.
    pub const fn new(name: &'static str, form: &'static str) -> Self {
        Self { name, form, repeats: false }
    }

    /// A key that may stand more than once.
    pub const fn repeated(name: &'static str, form: &'static str) -> Self {
        Self { name, form, repeats: true }
    }
}

/// `crate = path`, which every attribute knows.
pub const CRATE: Key = Key::new("crate", "crate = ::path::to::es_core");
/// `name = ".."`.
pub const NAME: Key = Key::new("name", "name = \"..\"");
/// `no_derive(..)`, which every attribute on a type knows.
pub const NO_DERIVE: Key = Key::new("no_derive", "no_derive(Debug)");

/// One argument while it is read: its key, and the tokens behind it.
pub struct Arg<'a> {
    pub key: Ident,
    form: &'static str,
    input: ParseStream<'a>,
}

/// Reads every argument. `read` is called for each key that is known and stands where it may; what it
/// cannot read is noted, and reading goes on behind the next comma.
pub fn read(
    attribute: &str,
    keys: &[Key],
    args: TokenStream,
    errors: &Errors,
    mut read: impl FnMut(&Arg<'_>) -> Result<()>,
) {
    let mut seen: Vec<Ident> = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let one = one(attribute, keys, &mut seen, input).and_then(|arg| {
                read(&arg)?;
                let rest = input.is_empty() || input.peek(Token![,]);
                if rest { Ok(()) } else { Err(input.error("expected `,`")) }
            });
            if errors.keep(one).is_none() {
                skip(input)?;
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    errors.keep(all.parse2(args));
}

/// The key of the next argument, if it may stand there.
fn one<'a>(attribute: &str, keys: &[Key], seen: &mut Vec<Ident>, input: ParseStream<'a>) -> Result<Arg<'a>> {
    let key =
        input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), expected(attribute, keys)))?;
    let Some(known) = keys.iter().find(|known| key == known.name) else {
        return Err(Error::new(
            key.span(),
            format!("`{key}` is not known here: {}", expected(attribute, keys)),
        ));
    };
    if !known.repeats && seen.contains(&key) {
        return Err(Error::new(key.span(), format!("`{key}` stands here twice: remove one of them")));
    }
    seen.push(key.clone());
    Ok(Arg { key, form: known.form, input })
}

fn expected(attribute: &str, keys: &[Key]) -> String {
    let forms: Vec<_> = keys.iter().map(|key| format!("`{}`", key.form)).collect();
    format!("{attribute} takes {}", forms.join(", "))
}

/// Goes on to the next comma, or to the end.
fn skip(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

impl Arg<'_> {
    /// `key` alone.
    pub fn flag(&self) -> Result<()> {
        if self.input.is_empty() || self.input.peek(Token![,]) {
            return Ok(());
        }
        Err(self.input.error(format!("`{}` takes no value", self.key)))
    }

    /// `key = value`.
    pub fn value<T: Parse>(&self) -> Result<T> {
        if !self.input.peek(Token![=]) {
            return Err(self.wrong());
        }
        self.input.parse::<Token![=]>()?;
        if self.input.is_empty() {
            return Err(self.wrong());
        }
        let at = self.input.span();
        self.input.parse().map_err(|_| Error::new(at, self.advice()))
    }

    /// The tokens in `key(..)`.
    pub fn list(&self) -> Result<TokenStream> {
        if !self.input.peek(token::Paren) {
            return Err(self.wrong());
        }
        let content;
        syn::parenthesized!(content in self.input);
        content.parse()
    }

    /// `key("a", "b")` or `key = "a"`.
    pub fn texts(&self) -> Result<Vec<LitStr>> {
        if self.input.peek(Token![=]) {
            return Ok(vec![self.value()?]);
        }
        let all = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(self.list()?);
        all.map(|texts| texts.into_iter().collect()).map_err(|error| Error::new(error.span(), self.advice()))
    }

    /// `key(A, B)`.
    pub fn idents(&self) -> Result<Vec<Ident>> {
        let all = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(self.list()?);
        all.map(|idents| idents.into_iter().collect())
            .map_err(|error| Error::new(error.span(), self.advice()))
    }

    /// `key = 5`, at least `least`.
    pub fn number<N>(&self, least: N) -> Result<N>
    where
        N: Copy + std::str::FromStr + PartialOrd + std::fmt::Display,
        N::Err: std::fmt::Display,
    {
        let literal: LitInt = self.value()?;
        let number = literal.base10_parse::<N>().map_err(|error| Error::new(literal.span(), error))?;
        if number < least {
            return Err(Error::new(literal.span(), format!("`{}` starts at {least}", self.key)));
        }
        Ok(number)
    }

    /// `crate = path`: an absolute one, because generated code stands in modules that we do not know.
    pub fn root(&self) -> Result<Root> {
        let path: Path = self.value()?;
        let first = path.segments.first().map(|segment| segment.ident.clone());
        let absolute = path.leading_colon.is_some()
            || first.is_some_and(|first| {
                first == "crate" || first == format_ident!("crate") || first == "$crate"
            });
        if absolute {
            Ok(Root::at(path))
        } else {
            Err(Error::new_spanned(
                &path,
                "an absolute path is needed: `crate = ::path::to::es_core` or `crate = crate::path`",
            ))
        }
    }

    /// The argument is not written as it must be.
    pub fn wrong(&self) -> Error {
        Error::new(self.key.span(), self.advice())
    }

    fn advice(&self) -> String {
        format!("write `{}`", self.form)
    }
}
