//! The one grammar of handler blocks: a method handles the type of its first message parameter; its receiver
//! and its further parameters say what it needs.

use crate::ctx::declaring_word;
use crate::diag::Errors;
use crate::names::source_text;
use crate::sig::{self, Block, Method};
use proc_macro2::{Span, TokenStream};
use syn::{FnArg, GenericParam, PatType, Receiver, ReceiverKind, Type};

/// How a method takes `self`.
#[derive(Clone, Copy)]
pub enum Takes<'m> {
    Nothing,
    /// `&self`
    Shared(&'m Receiver),
    /// `&mut self`
    Unique(&'m Receiver),
    /// `self`, `mut self`
    Value(&'m Receiver),
    /// `self: Box<Self>` and the like
    Odd(&'m Receiver),
}

/// How a parameter is taken.
#[derive(Clone, Copy)]
pub enum Passed<'m> {
    /// `T`
    Owned(&'m Type),
    /// `&T`
    Shared(&'m Type),
    /// `&mut T`
    Unique(&'m Type),
}

impl Method {
    pub fn takes(&self) -> Takes<'_> {
        let Some(receiver) = self.sig.receiver() else { return Takes::Nothing };
        match &receiver.kind {
            ReceiverKind::Value => Takes::Value(receiver),
            ReceiverKind::Reference(_, _, None) => Takes::Shared(receiver),
            ReceiverKind::Reference(_, _, Some(_)) => Takes::Unique(receiver),
            _ => Takes::Odd(receiver),
        }
    }

    /// The parameters behind the receiver.
    pub fn params(&self) -> Vec<&PatType> {
        let typed = self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(param) => Some(param),
            FnArg::Receiver(_) => None,
        });
        typed.collect()
    }

    /// Whether it is nothing that no method of any handler block may be.
    pub fn is_plain(&self, errors: &Errors) -> bool {
        let before = errors.count();
        let generic = |param: &&GenericParam| !matches!(param, GenericParam::Lifetime(_));
        if let Some(param) = self.sig.generics.params.iter().find(generic) {
            errors
                .at(param, format_args!("`{}` cannot be generic: it handles one type, name it", self.name()));
        }
        if let syn::Safety::Unsafe(token) = &self.sig.safety {
            errors.at(token, "a handler is called by the framework, it cannot be `unsafe`");
        }
        if let Some(abi) = &self.sig.abi {
            errors.at(abi, "a handler is called by the framework, it has Rust's own calling convention");
        }
        errors.count() == before
    }

    /// Whether an attribute says that the method belongs in another block.
    pub fn is_elsewhere(&self, errors: &Errors, elsewhere: &[(&str, &str)]) -> bool {
        let mut found = false;
        for (name, home) in elsewhere {
            for attr in self.attrs_named(name) {
                errors.at(attr.path(), format_args!("`#[{name}]` belongs in the `#[{home}]` block"));
                found = true;
            }
        }
        found
    }
}

pub fn passed(param: &PatType) -> Passed<'_> {
    match bare(&param.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Passed::Unique(bare(&reference.elem)),
        Type::Reference(reference) => Passed::Shared(bare(&reference.elem)),
        ty => Passed::Owned(ty),
    }
}

/// A type without parentheses, and without the invisible ones that a `macro_rules!` puts around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

impl Block {
    /// Whether a type is this block's: `Self`, or the type's name.
    pub fn is_self(&self, ty: &Type) -> bool {
        let own = sig::last_segment(&self.self_ty);
        sig::last_segment(ty).is_some_and(|segment| {
            segment.ident == "Self" || own.is_some_and(|own| own.ident == segment.ident)
        })
    }

    /// Whether it is a type's own block, whose methods can be read.
    pub fn is_own(&self, errors: &Errors, attribute: &str) -> bool {
        if let Some(of_trait) = &self.of_trait {
            let own = source_text(&self.self_ty);
            errors.at(
                of_trait,
                format_args!("`#[{attribute}]` is for the type's own block: write `impl {own}`"),
            );
            return false;
        }
        if let Some(param) = self.generics.params.first() {
            errors.at(
                param,
                format_args!("`#[{attribute}]` cannot be on a generic `impl`: it is about one type"),
            );
        }
        if let Some(unsafety) = &self.unsafety {
            errors.at(unsafety, "an `impl` block of a type's own methods cannot be `unsafe`");
        }
        if sig::last_segment(&self.self_ty).is_none() {
            errors.at(&self.self_ty, format_args!("`#[{attribute}]` needs a type that has a name"));
        }
        self.generics.params.is_empty()
    }
}

/// Reads a handler block. What is none is given back as it is, with the reason.
pub fn block(attribute: &str, example: &str, item: TokenStream) -> Result<Block, TokenStream> {
    let error = match syn::parse2(item.clone()) {
        Ok(block) => return Ok(block),
        Err(error) => error,
    };
    let error = match declaring_word(item.clone()) {
        Some(word) if word == "impl" => error,
        word => {
            let span = word.map_or_else(Span::call_site, |word| word.span());
            syn::Error::new(span, format_args!("`#[{attribute}]` belongs on an `impl` block: `{example}`"))
        }
    };
    let mut given_back = item;
    given_back.extend(error.to_compile_error());
    Err(given_back)
}

/// The `E` of a `Result<(), E>`.
pub fn result_error<'m>(method: &'m Method, errors: &Errors, message: &str) -> Option<&'m Type> {
    let Some(returned) = sig::returned(&method.sig) else {
        errors.at(method.name(), message);
        return None;
    };
    match sig::arguments(returned, "Result").as_deref() {
        Some([Type::Tuple(ok), error]) if ok.elems.is_empty() => Some(*error),
        _ => {
            errors.at(returned, message);
            None
        }
    }
}

/// Whether a type may be an error, as far as its name tells. rustc would point elsewhere, and more than once.
pub fn is_error(error: &Type, errors: &Errors) -> bool {
    let fits = !sig::is_called(error, "String") && sig::last_segment(error).is_some();
    if !fits {
        let text = source_text(error);
        errors.at(
            error,
            format_args!(
                "`{text}` is no error type: answer a type of your own, with `#[derive(Debug, thiserror::Error)]`"
            ),
        );
    }
    fits
}
