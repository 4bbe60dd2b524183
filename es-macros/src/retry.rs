//! `retry(max = 5, backoff = "5ms..200ms")`: how often, and the first and the longest pause.

use crate::args::{self, Key};
use crate::diag::Errors;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use std::time::Duration;
use syn::{LitStr, Meta};

const KEYS: &[Key] = &[Key::new("max", "max = 5"), Key::new("backoff", "backoff = \"5ms..200ms\"")];

/// What was said about repeating; the rest is the default policy's.
#[derive(Clone, Copy, Default)]
pub struct Retry {
    max: Option<u32>,
    backoff: Option<(Duration, Duration)>,
}

impl Retry {
    /// Reads `max = .., backoff = ".."`. `place` is what an empty list is blamed on.
    pub fn read(list: TokenStream, place: &impl ToTokens, errors: &Errors) -> Self {
        let mut retry = Self::default();
        if list.is_empty() {
            errors.at(place, "say how often: `retry(max = 5)`, or `retry(max = 0)` for never");
        }
        args::read("`retry`", KEYS, list, errors, |arg| {
            if arg.key == "max" {
                retry.max = Some(arg.number(0)?);
            } else {
                retry.backoff = Some(backoff(&arg.value()?)?);
            }
            Ok(())
        });
        retry
    }

    /// Reads a method's `#[retry(..)]`.
    pub fn of_attribute(meta: &Meta, errors: &Errors) -> Self {
        match meta {
            Meta::List(list) => Self::read(list.tokens.clone(), &list.path, errors),
            meta => Self::read(TokenStream::new(), meta.path(), errors),
        }
    }

    /// What is left open here is as it is there.
    pub fn or(self, block: Self) -> Self {
        Self { max: self.max.or(block.max), backoff: self.backoff.or(block.backoff) }
    }

    /// Whether anything was said.
    pub fn is_stated(self) -> bool {
        self.max.is_some() || self.backoff.is_some()
    }

    /// The policy as an expression: what was said, over a constant of `RetryPolicy`.
    pub fn policy(self, p: &TokenStream, default: &str) -> TokenStream {
        let default = Ident::new(default, Span::call_site());
        let mut policy = quote!(#p::RetryPolicy::#default);
        if let Some(max) = self.max {
            policy = quote!(#p::RetryPolicy::max(#policy, #max));
        }
        if let Some((base, cap)) = self.backoff {
            let (base, cap) = (duration(base), duration(cap));
            policy = quote!(#p::RetryPolicy::backoff(#policy, #base, #cap));
        }
        policy
    }
}

fn duration(duration: Duration) -> TokenStream {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_micros(#micros))
}

fn backoff(written: &LitStr) -> syn::Result<(Duration, Duration)> {
    let text = written.value();
    let pauses = text.split_once("..").and_then(|(base, cap)| Some((pause(base)?, pause(cap)?)));
    match pauses {
        Some((base, cap)) if base <= cap => Ok((base, cap)),
        Some(_) => {
            Err(syn::Error::new(written.span(), "the first pause is longer than the longest: swap them"))
        }
        None => Err(syn::Error::new(
            written.span(),
            "write the first and the longest pause, \"5ms..200ms\"; units are `us`, `ms`, `s` and `m`",
        )),
    }
}

/// `5ms` as a duration.
fn pause(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    let micros = match text[unit..].trim() {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        _ => return None,
    };
    number.checked_mul(micros).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_units() {
        for (text, micros) in [("7us", 7), ("5ms", 5_000), ("2 s", 2_000_000), (" 1m", 60_000_000)] {
            assert_eq!(pause(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "5", "ms", "5h", "5.5ms", "-1s", "99999999999999999999s"] {
            assert_eq!(pause(text), None, "{text}");
        }
    }
}
