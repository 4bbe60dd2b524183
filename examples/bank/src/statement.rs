//! Statements: lines of JSON, read one by one.
//!
//! ```json
//! {"id": "stmt-7", "command": "Deposit", "account": "ann", "amount": 100}
//! ```

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, BufRead};

/// The longest line, in bytes. A command takes a hundred.
pub const LONGEST_LINE: usize = 64 * 1024;

/// One line: a command with the id that makes it count once.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The name of the command.
    pub command: String,
    /// The command's fields.
    pub fields: Map<String, Value>,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("not UTF-8 behind byte {}", error.valid_up_to()))?;
        let Object(mut fields) = serde_json::from_str(text).map_err(|error| {
            error.to_string().replace(" at line 1 column ", " at column ").replace(" at column 0", "")
        })?;
        let id = take_text(&mut fields, "id")?;
        let command = take_text(&mut fields, "command")?;
        Ok(Self { id, command, fields })
    }

    /// The accounts that it may change, each once.
    pub fn accounts(&self) -> Vec<&str> {
        let named = |field: &&str| self.fields.get(*field).and_then(Value::as_str);
        let mut accounts: Vec<_> = ["account", "from", "to"].iter().filter_map(named).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}

/// All that it says, the same text for the same content.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = Value::Object(self.fields.clone());
        write!(f, "[{:?},{:?},{fields}]", self.id, self.command)
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match fields.remove(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(Value::String(_)) => Err(format!("`{name}` is empty")),
        Some(_) => Err(format!("`{name}` has to be a text")),
        None => Err(format!("`{name}` is missing")),
    }
}

/// A JSON object. One that says a thing twice is refused: a bank does not choose which of them was meant.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
            fields.insert(name, value);
        }
        Ok(Object(fields))
    }
}

/// A line as it comes out of a file.
#[derive(Debug)]
pub struct RawLine {
    /// Which one, from 1; empty lines count.
    pub number: u64,
    /// Where it ends, in bytes from the start.
    pub end: u64,
    /// What it says, or why that cannot be read.
    pub line: Result<Line, String>,
}

/// The lines of a statement, read one at a time; empty ones are passed over.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    number: u64,
    end: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of this source.
    pub fn of(source: R) -> Self {
        Self { source, number: 0, end: 0 }
    }

    /// The bytes of the next line, its end included, or `None` behind a line that is too long.
    fn bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut is_too_long = false;
        loop {
            let there = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                there => there?,
            };
            let end = there.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(there.len(), |at| at + 1);
            is_too_long |= bytes.len() + taken > LONGEST_LINE;
            if !is_too_long {
                bytes.extend_from_slice(&there[..taken]);
            }
            self.source.consume(taken);
            self.end += taken as u64;
            if end.is_some() || taken == 0 {
                return Ok((!is_too_long).then_some(bytes));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<RawLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.end;
            let bytes = match self.bytes() {
                Ok(bytes) => bytes,
                Err(error) => return Some(Err(error)),
            };
            if self.end == start {
                return None;
            }
            self.number += 1;
            let line = match &bytes {
                None => Err(format!("longer than {LONGEST_LINE} bytes")),
                Some(bytes) => {
                    // Some editors put a mark before the first line.
                    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| start == 0).unwrap_or(bytes);
                    if text.trim_ascii().is_empty() {
                        continue;
                    }
                    Line::parse(text.trim_ascii())
                }
            };
            return Some(Ok(RawLine { number: self.number, end: self.end, line }));
        }
    }
}
