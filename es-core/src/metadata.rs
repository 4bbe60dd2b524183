//! What travels beside an event's data: who, why, under which command.

use crate::id::CommandId;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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
    pub command: Option<String>,
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
    /// Why the payload was taken away.
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

    /// The same with a reply.
    pub(crate) fn with_reply(&self, reply: Value) -> Self {
        Self { reply: Some(reply), ..self.clone() }
    }

    /// The bytes that a store keeps.
    pub(crate) fn encode(&self) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(self).map(Bytes::from)
    }

    /// Reads what a store kept.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.is_empty() { Ok(Self::default()) } else { serde_json::from_slice(bytes) }
    }
}
