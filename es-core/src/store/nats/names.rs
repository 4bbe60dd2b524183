//! Streams, documents and processors as subjects.
//!
//! A subject is a row of tokens with dots between them. A name becomes one token: letters, digits, `_` and `-` stay,
//! every other byte is `%` and two digits, and a name of nothing is `%` alone. So each name has a token of its own,
//! and the token leads back to it.

use crate::id::StreamId;
use std::fmt::Write;

/// The longest subject. With what stands beside it, it has to fit into one line of the protocol, 4,096 bytes.
pub(super) const MAX_SUBJECT: usize = 3_600;

/// The longest namespace, in bytes. It has to fit into a subject beside the longest name of a stream, of which each byte
/// may become three.
pub(super) const MAX_NAMESPACE: usize = 64;

/// Whether this can be a namespace: some letters, digits and `_`.
pub(super) fn is_namespace(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=MAX_NAMESPACE).contains(&name.len()) && name.bytes().all(plain)
}

/// A name as one token.
pub(super) fn token(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    escaped(name, is_plain)
}

/// The name behind a token; `None` if [`token`] has not made it.
pub(super) fn name(token: &str) -> Option<String> {
    if token == "%" {
        return Some(String::new());
    }
    if token.is_empty() { None } else { unescaped(token, is_plain) }
}

/// A text as the value of a header, which is one line and is trimmed. Readable, since it is for people, too.
pub(super) fn header_value(text: &str) -> String {
    escaped(text, is_visible)
}

/// The text behind a header's value; `None` if [`header_value`] has not made it.
pub(super) fn header_text(value: &str) -> Option<String> {
    unescaped(value, is_visible)
}

/// Where the messages of a namespace are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    namespace: String,
}

impl Names {
    pub fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned() }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The JetStream stream of the log.
    pub fn log(&self) -> String {
        format!("ES_{}", self.namespace)
    }

    /// The JetStream stream of what is beside the log.
    pub fn keep(&self) -> String {
        format!("KEEP_{}", self.namespace)
    }

    /// The subjects of all events.
    pub fn events(&self) -> String {
        format!("{}.ev.>", self.namespace)
    }

    /// The subject of what was redacted and truncated, wherever in the log.
    pub fn edits(&self) -> String {
        format!("{}.edit", self.namespace)
    }

    /// The subjects of what is beside the log.
    pub fn kept(&self) -> String {
        format!("{}.keep.>", self.namespace)
    }

    /// The subject of one thing beside the log.
    pub fn kept_as(&self, tokens: &[&str]) -> String {
        format!("{}.keep.{}", self.namespace, tokens.join("."))
    }

    /// The subject on which those who wait are told that the log has grown. No stream keeps it.
    pub fn grown(&self) -> String {
        format!("{}.grown", self.namespace)
    }

    /// The subject of a stream. One without a `-` in its name has a token less than the others.
    pub fn stream(&self, stream: &StreamId) -> String {
        let category = token(stream.category());
        if stream.category().len() == stream.as_str().len() {
            return format!("{}.ev.{category}", self.namespace);
        }
        format!("{}.ev.{category}.{}", self.namespace, token(stream.id_text()))
    }

    /// The stream behind a subject; `None` if it is no stream's.
    pub fn stream_of(&self, subject: &str) -> Option<StreamId> {
        let tokens = subject.strip_prefix(&self.namespace)?.strip_prefix(".ev.")?;
        let full = match tokens.split_once('.') {
            None => name(tokens)?,
            Some((category, id)) => format!("{}-{}", name(category)?, name(id)?),
        };
        let stream = StreamId::named(full);
        // A dash in a token that holds the category alone would be another stream's.
        (self.stream(&stream) == subject).then_some(stream)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%'
}

fn escaped(text: &str, stays: fn(u8) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn unescaped(text: &str, stays: fn(u8) -> bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        if *byte == b'%' {
            let [high, low, behind @ ..] = behind else { return None };
            let decoded = digit(*high)? << 4 | digit(*low)?;
            if stays(decoded) {
                return None;
            }
            bytes.push(decoded);
            rest = behind;
        } else {
            bytes.push(stays(*byte).then_some(*byte)?);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MAX_STREAM_BYTES;

    const ODD: [&str; 14] = [
        "",
        "-",
        "--",
        "plain",
        "a-1",
        "a-",
        "-a",
        "a\0b-\0",
        "a.b-c.d",
        "*->",
        "größe-日本語-🦀",
        "%-%25",
        " \t\r\n",
        "\u{feff}",
    ];

    #[test]
    fn every_name_has_a_subject_of_its_own_that_leads_back() {
        let names = Names::new("es");
        let subjects: Vec<_> = ODD.iter().map(|name| names.stream(&StreamId::named(*name))).collect();
        for (index, subject) in subjects.iter().enumerate() {
            assert_eq!(
                names.stream_of(subject).as_ref().map(StreamId::as_str),
                Some(ODD[index]),
                "{subject}"
            );
            assert!(!subjects[..index].contains(subject), "{subject} is there twice");
            assert!(subject.bytes().all(|byte| byte.is_ascii_graphic()) && !subject.contains(['*', '>']));
            assert!(subject.split('.').all(|token| !token.is_empty()), "{subject}");
        }
    }

    #[test]
    fn what_no_name_has_become_is_no_name() {
        let names = Names::new("es");
        let foreign = [
            "es.ev.a b",
            "es.ev.%2",
            "es.ev.%41",
            "es.ev.%2e",
            "es.ev.a.b.c",
            "es.ev.a-b",
            "es.ev.%FF",
            "es.ev.",
            "es.edit",
            "other.ev.a",
        ];
        for subject in foreign {
            assert_eq!(names.stream_of(subject), None, "{subject}");
        }
    }

    #[test]
    fn every_text_fits_into_a_header() {
        for text in ODD {
            let value = header_value(text);
            assert!(value.bytes().all(|byte| byte.is_ascii_graphic()));
            assert_eq!(header_text(&value).as_deref(), Some(text));
        }
        assert_eq!(header_value("account.opened"), "account.opened");
    }

    #[test]
    fn the_longest_stream_fits_into_a_subject() {
        let names = Names::new(&"n".repeat(MAX_NAMESPACE));
        let stream = StreamId::named("日".repeat(MAX_STREAM_BYTES / 3));
        for subject in [names.stream(&stream), names.kept_as(&["snap", &token(stream.as_str())])] {
            assert!(subject.len() <= MAX_SUBJECT, "{}", subject.len());
        }
    }
}
