//! The text form of ids: what `#[aggregate_id]` generates calls this.

use crate::id::AggregateId;
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::Split;

/// A text that is not an id of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a valid {id}: {reason}")]
pub struct ParseIdError {
    id: &'static str,
    text: String,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("not a {0}")]
    Whole(&'static str),
    #[error("\"{part}\" is not a {ty}")]
    Part { part: String, ty: &'static str },
    #[error("it has {found} parts instead of {expected}")]
    Count { found: usize, expected: usize },
    #[error("`%` is followed by neither 25 nor 2F")]
    Escape,
}

/// An id, or a part of one, as text.
///
/// That it is an id stands on the `impl` alone: so whatever is none is said to be none once.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an id, or a part of one",
    label = "not an aggregate id",
    note = "put `#[aggregate_id]` on `{Self}`, or use `String`, `Uuid`, an integer or a date"
)]
pub trait IdText: Sized {
    /// The only field of an id.
    ///
    /// # Errors
    /// Those of the formatter.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// The only field of an id, added to a text.
    fn append_to(&self, text: &mut String);
    /// The only field of an id.
    ///
    /// # Errors
    /// [`ParseIdError`] if the text is none.
    fn read(text: &str, id: &'static str, ty: &'static str) -> Result<Self, ParseIdError>;
    /// One of several fields: behind a `/` unless it is the first, with `%` and `/` in it escaped.
    ///
    /// # Errors
    /// Those of the formatter.
    fn write_part(&self, first: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// One of several fields.
    ///
    /// # Errors
    /// [`ParseIdError`] if the part is none.
    fn read_part(parts: &mut IdParts<'_>, ty: &'static str) -> Result<Self, ParseIdError>;
}

impl<K: AggregateId> IdText for K {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }

    #[inline]
    fn append_to(&self, text: &mut String) {
        self.push_to(text);
    }

    fn read(text: &str, id: &'static str, ty: &'static str) -> Result<Self, ParseIdError> {
        text.parse().map_err(|_| ParseIdError { id, text: text.to_owned(), reason: Reason::Whole(ty) })
    }

    fn write_part(&self, first: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !first {
            f.write_char('/')?;
        }
        write!(Escaped(f), "{self}")
    }

    fn read_part(parts: &mut IdParts<'_>, ty: &'static str) -> Result<Self, ParseIdError> {
        let part = unescape(parts.rest.next().unwrap_or("")).ok_or_else(|| parts.fails(Reason::Escape))?;
        part.parse().map_err(|_| parts.fails(Reason::Part { part: part.into_owned(), ty }))
    }
}

/// The parts of a text that are still to be read.
#[doc(hidden)]
#[derive(Debug)]
pub struct IdParts<'a> {
    id: &'static str,
    text: &'a str,
    rest: Split<'a, char>,
}

impl<'a> IdParts<'a> {
    /// The parts of `text`, of which there must be `expected`.
    ///
    /// # Errors
    /// [`ParseIdError`] if there are more or fewer.
    pub fn split(text: &'a str, id: &'static str, expected: usize) -> Result<Self, ParseIdError> {
        let parts = Self { id, text, rest: text.split('/') };
        match text.split('/').count() {
            found if found == expected => Ok(parts),
            found => Err(parts.fails(Reason::Count { found, expected })),
        }
    }

    fn fails(&self, reason: Reason) -> ParseIdError {
        ParseIdError { id: self.id, text: self.text.to_owned(), reason }
    }
}

struct Escaped<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| match letter {
            '%' => self.0.write_str("%25"),
            '/' => self.0.write_str("%2F"),
            letter => self.0.write_char(letter),
        })
    }
}

/// The text before it was escaped. What no id is written as is refused, so that one id has one text.
fn unescape(part: &str) -> Option<Cow<'_, str>> {
    let mut pieces = part.split('%');
    let first = pieces.next()?;
    if first.len() == part.len() {
        return Some(Cow::Borrowed(part));
    }
    let mut text = String::with_capacity(part.len());
    text.push_str(first);
    for piece in pieces {
        let (letter, rest) = if let Some(rest) = piece.strip_prefix("25") {
            ('%', rest)
        } else {
            ('/', piece.strip_prefix("2F")?)
        };
        text.push(letter);
        text.push_str(rest);
    }
    Some(Cow::Owned(text))
}
