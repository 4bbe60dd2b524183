//! What travels beside an event's data: who, why, under which command.

use crate::id::CommandId;
use crate::scratch;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use uuid::Uuid;

/// Who caused an event, in answer to what, and whatever else was said about it.
///
/// ```
/// use es_core::prelude::*;
///
/// let metadata = Metadata::new().with("channel", "app").with("attempt", 2);
/// assert_eq!(metadata.get::<String>("channel").as_deref(), Some("app"));
/// assert_eq!(metadata.get::<u32>("attempt"), Some(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The name of the command that raised the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Cow<'static, str>>,
    /// The id of that command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What all that followed from one request shares; the first command's id where nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// The id of the event or message that the command answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The reply that the command gave, on its first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Value>,
    /// Why the payload, or the reply, was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    extra: Map<String, Value>,
}

impl Metadata {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value under a key of your own; a second one under the same key replaces the first.
    ///
    /// A value that JSON cannot express (a map with keys that are no strings) is kept as `null`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.extra.insert(key.into(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// The value under a key, if there is one and it is a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.extra.get(key).and_then(|value| T::deserialize(value).ok())
    }

    /// What correlates a command with what follows from it, where nothing else is said. Not stored.
    fn first_of_all(&self) -> Option<Uuid> {
        self.command_id.map(CommandId::as_uuid)
    }

    /// The same with a reply.
    pub(crate) fn with_reply(&self, reply: Option<Value>) -> Self {
        Self { reply, ..self.clone() }
    }

    /// The bytes that a store keeps: JSON, in the order of the fields.
    ///
    /// Written by hand, since every commit pays for it, and what it says is a name and an id as a rule.
    pub(crate) fn encode(&self) -> Result<Bytes, serde_json::Error> {
        scratch::bytes(|json| {
            let mut json = Fields(json);
            json.value("command", self.command.as_deref())?;
            json.id("command_id", self.command_id.map(CommandId::as_uuid));
            json.value("actor", self.actor.as_deref())?;
            json.id("correlation_id", self.correlation_id.filter(|id| self.first_of_all() != Some(*id)));
            json.id("causation_id", self.causation_id);
            json.value("reply", self.reply.as_ref())?;
            json.value("redacted", self.redacted.as_deref())?;
            json.value("extra", (!self.extra.is_empty()).then_some(&self.extra))?;
            json.finish();
            Ok(())
        })
    }

    /// Reads what a store kept.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut metadata = match Self::decode_plain(bytes) {
            Some(metadata) => metadata,
            None => serde_json::from_slice(bytes)?,
        };
        metadata.correlation_id = metadata.correlation_id.or(metadata.first_of_all());
        Ok(metadata)
    }

    /// Reads what [`encode`](Self::encode) writes as a rule, by hand, since whatever follows the log pays for it
    /// with each event: names and ids, nothing escaped. `None` leaves everything else to serde.
    fn decode_plain(bytes: &[u8]) -> Option<Self> {
        let mut metadata = Self::default();
        let mut left = std::str::from_utf8(bytes).ok()?.strip_prefix('{')?;
        loop {
            let (name, rest) = plain(left)?;
            let (value, rest) = plain(rest.strip_prefix(':')?)?;
            let id = || if value.len() == 36 { Uuid::try_parse(value).ok() } else { None };
            let is_first = match name {
                "command" => metadata.command.replace(value.to_owned().into()).is_none(),
                "command_id" => metadata.command_id.replace(id()?.into()).is_none(),
                "actor" => metadata.actor.replace(value.to_owned()).is_none(),
                "correlation_id" => metadata.correlation_id.replace(id()?).is_none(),
                "causation_id" => metadata.causation_id.replace(id()?).is_none(),
                _ => false,
            };
            match rest {
                "}" => return is_first.then_some(metadata),
                _ if !is_first => return None,
                _ => left = rest.strip_prefix(',')?,
            }
        }
    }
}

/// The text at the beginning, if nothing is escaped in it, and what is left behind it.
fn plain(json: &str) -> Option<(&str, &str)> {
    let text = json.strip_prefix('"')?;
    let end = text.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
    let rest = text[end..].strip_prefix('"')?;
    Some((&text[..end], rest))
}

/// A JSON object as it is written.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn value(
        &mut self,
        name: &str,
        value: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<(), serde_json::Error> {
        let Some(value) = value else { return Ok(()) };
        self.name(name);
        serde_json::to_writer(&mut *self.0, value)
    }

    fn id(&mut self, name: &str, id: Option<Uuid>) {
        let Some(id) = id else { return };
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
        self.0.push(b'"');
    }

    fn finish(self) {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_is_what_serde_writes() {
        let full = Metadata {
            command: Some("say \"hi\"".into()),
            command_id: Some(CommandId::new()),
            actor: Some("ann\n".to_owned()),
            correlation_id: Some(Uuid::now_v7()),
            causation_id: Some(Uuid::now_v7()),
            reply: Some(serde_json::json!({ "left": 7 })),
            redacted: Some("asked for".to_owned()),
            ..Metadata::new().with("channel", "app")
        };
        for metadata in [full, Metadata::new(), Metadata::new().with("n", 1)] {
            let bytes = metadata.encode().unwrap();
            assert_eq!(bytes, serde_json::to_vec(&metadata).unwrap());
            assert_eq!(Metadata::decode(&bytes).unwrap(), metadata);
        }
    }

    #[test]
    fn what_is_read_by_hand_is_what_serde_reads() {
        let id = Uuid::now_v7();
        let plain = [
            format!(r#"{{"command":"Pay","command_id":"{id}"}}"#),
            format!(r#"{{"command":"Käufe","actor":"ann","correlation_id":"{id}","causation_id":"{id}"}}"#),
        ];
        for json in &plain {
            let read = Metadata::decode_plain(json.as_bytes());
            assert_eq!(read, Some(serde_json::from_str(json).unwrap()), "{json}");
        }
        let other = [
            "{}",
            "",
            r#"{"command":"Pay" }"#,
            r#"{ "command":"Pay"}"#,
            r#"{"command":"Pay"} "#,
            r#"{"command":"Pay"},"#,
            r#"{"command":"Pay","command":"Pay"}"#,
            r#"{"command":"say \"hi\""}"#,
            r#"{"command":"a\\"}"#,
            "{\"command\":\"a\nb\"}",
            r#"{"command":null}"#,
            r#"{"command_id":"7"}"#,
            r#"{"extra":"Pay"}"#,
            r#"{"command":"Pay","extra":{"n":"1"}}"#,
            r#"{"a":{"command":"Pay"}"#,
        ];
        for json in
            other.into_iter().map(str::to_owned).chain([format!(r#"{{"command_id":"{}"}}"#, id.simple())])
        {
            assert_eq!(Metadata::decode_plain(json.as_bytes()), None, "{json}");
        }
    }
}
