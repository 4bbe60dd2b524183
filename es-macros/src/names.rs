//! Names: what is stored, and how types are written.

use crate::diag::Errors;
use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::LitStr;
use syn::ext::IdentExt;

/// A name as it is stored, with the token that it comes from.
pub struct Name {
    pub text: String,
    pub span: Span,
}

impl ToTokens for Name {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        LitStr::new(&self.text, self.span).to_tokens(tokens);
    }
}

/// The name of an event or a command: the written one, or the type's.
pub fn type_name(written: Option<&LitStr>, ident: &Ident, errors: &Errors) -> Name {
    let Some(written) = written else {
        return Name { text: ident.unraw().to_string(), span: ident.span() };
    };
    check_free(written, errors);
    Name { text: written.value(), span: written.span() }
}

/// A name that may hold anything that can be seen: of an event, a command, an alias.
pub fn check_free(name: &LitStr, errors: &Errors) {
    let text = name.value();
    if text.is_empty() {
        errors.at(name, "a name cannot be empty");
    } else if text.contains(char::is_control) {
        errors.at(name, "a name cannot hold control characters");
    }
}

/// The name of an aggregate, a reactor or a projection: the written one, or the type's in `snake_case`.
pub fn category(written: Option<&LitStr>, ident: &Ident, errors: &Errors) -> Name {
    let Some(written) = written else {
        return Name { text: snake_case(&ident.unraw().to_string()), span: ident.span() };
    };
    let text = written.value();
    if text.contains('-') {
        let instead = text.replace('-', "_");
        errors.at(
            written,
            format!("a stream is `name-id`, so its name cannot hold a `-`: write \"{instead}\""),
        );
    } else if text.contains(char::is_whitespace) {
        let instead = text.split_whitespace().collect::<Vec<_>>().join("_");
        errors.at(written, format!("a name cannot hold spaces: write \"{instead}\""));
    } else {
        check_free(written, errors);
    }
    Name { text, span: written.span() }
}

/// `RoomNight` as `room_night`, `HTTPServer` as `http_server`.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let starts = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || before.is_uppercase() && letters.get(at + 1).is_some_and(|next| next.is_lowercase())
            });
        if starts {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Tokens as a person writes them: `Option<Vec<u8>>`. It does not depend on the compiler's printer, because
/// it is kept in snapshots' fingerprints and in `events.lock`.
pub fn source_text(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                space(text, open);
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let sign = punct.as_char();
                if matches!(sign, '+' | '=') || sign == '-' && punct.spacing() == proc_macro2::Spacing::Joint
                {
                    text.push(' ');
                }
                if sign == '&' || sign == '\'' {
                    space(text, "&");
                }
                text.push(sign);
            }
            word => {
                let word = word.to_string();
                space(text, &word);
                text.push_str(&word);
            }
        }
    }
}

/// Words are kept apart from each other, and from the signs that a space follows.
fn space(text: &mut String, next: &str) {
    let word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '"');
    let Some(last) = text.chars().last() else { return };
    let after_sign = matches!(last, ',' | ';' | '=' | '+') || text.ends_with("->");
    if after_sign || word(last) && next.starts_with(|first| word(first) || first == '&') {
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn names_become_snake_case() {
        for (name, snake) in [
            ("Account", "account"),
            ("RoomNight", "room_night"),
            ("HTTPServer", "http_server"),
            ("Step2Done", "step2_done"),
            ("ÄmterBüro", "ämter_büro"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn types_are_written_as_people_do() {
        let types = [
            (quote!(Option<Vec<u8>>), "Option<Vec<u8>>"),
            (
                quote!(std::collections::BTreeMap<String, (u8, i64)>),
                "std::collections::BTreeMap<String, (u8, i64)>",
            ),
            (quote!([u8; 4]), "[u8; 4]"),
            (quote!(&'static str), "&'static str"),
            (quote!(Box<dyn Fn(u8) -> u8 + Send>), "Box<dyn Fn(u8) -> u8 + Send>"),
        ];
        for (tokens, text) in types {
            assert_eq!(source_text(tokens), text);
        }
    }
}
