//! Text in columns. PostgreSQL's has no NUL, ours may: it is written as two characters, and so is the one that
//! these begin with. The order of texts, and what begins with what, stays the same.

use std::borrow::Cow;

/// What the two characters begin with.
const ESCAPE: char = '\u{1}';
const NUL: char = '\u{1}';
const ITSELF: char = '\u{2}';

/// A text as it is written in a column.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\0' => escaped.extend([ESCAPE, NUL]),
            ESCAPE => escaped.extend([ESCAPE, ITSELF]),
            char => escaped.push(char),
        }
    }
    Cow::Owned(escaped)
}

/// The text that is written so in a column.
pub(super) fn unescaped(column: &str) -> Cow<'_, str> {
    if !column.contains(ESCAPE) {
        return Cow::Borrowed(column);
    }
    let mut text = String::with_capacity(column.len());
    let mut chars = column.chars();
    while let Some(char) = chars.next() {
        match char {
            ESCAPE if chars.next() == Some(NUL) => text.push('\0'),
            char => text.push(char),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    const TEXTS: [&str; 10] =
        ["", "\0", "\0\0", "\0\u{1}", "\0a", "\u{1}", "\u{1}\0", "\u{1}\u{1}", "\u{2}", "order-ä\0"];

    #[test]
    fn what_is_written_leads_back_and_has_no_nul() {
        for text in TEXTS {
            assert!(!escaped(text).contains('\0'), "{text:?}");
            assert_eq!(unescaped(&escaped(text)), text);
        }
    }

    #[test]
    fn the_order_of_texts_and_what_they_begin_with_stay() {
        for one in TEXTS {
            for other in TEXTS {
                assert_eq!(escaped(one).cmp(&escaped(other)), one.cmp(other), "{one:?} {other:?}");
                assert_eq!(escaped(one).starts_with(&*escaped(other)), one.starts_with(other));
            }
        }
    }
}
