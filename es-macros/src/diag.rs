//! The accumulator: every fault of an item is reported at once.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::cell::RefCell;
use std::fmt::Display;

/// The faults that were found so far. It has to be [finished](Errors::finish): a fault that nobody
/// reports would make an invalid model compile.
pub struct Errors {
    found: RefCell<Option<Vec<syn::Error>>>,
}

impl Errors {
    pub fn new() -> Self {
        Self { found: RefCell::new(Some(Vec::new())) }
    }

    /// A fault in these tokens.
    pub fn at(&self, tokens: &impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// A fault at this place.
    pub fn at_span(&self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    /// A fault that the parser found.
    pub fn add(&self, error: syn::Error) {
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.push(error);
        }
    }

    /// The value, or `None` with the fault noted.
    pub fn keep<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.borrow().as_ref().map_or(0, Vec::len)
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// All faults as `compile_error!`s; empty if there are none.
    pub fn finish(self) -> TokenStream {
        let found = self.found.borrow_mut().take().unwrap_or_default();
        found.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            std::thread::panicking() || self.found.borrow().is_none(),
            "faults were found and not reported"
        );
    }
}
