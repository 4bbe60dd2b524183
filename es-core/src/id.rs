//! What things are called: aggregates, streams, positions, commands.

use crate::scratch;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// The id of an aggregate, as it stands behind the `-` in a stream's name.
///
/// `String`, [`Uuid`], the integers, `Date` and `Timestamp` are ids as they are; `#[aggregate_id]` makes one of your own.
/// The text form must lead back to an equal id.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate id",
    label = "not an aggregate id",
    note = "put `#[aggregate_id]` on `{Self}`, or use `String`, `Uuid`, an integer or a date"
)]
pub trait AggregateId:
    Clone + Eq + std::hash::Hash + fmt::Debug + fmt::Display + FromStr + Send + Sync + 'static
{
    /// Adds the text form to a text. The same as `Display`, which is the slower way for most.
    #[doc(hidden)]
    fn push_to(&self, text: &mut String) {
        use fmt::Write;
        // Writing to a `String` cannot fail, and a `Display` that fails leaves what it has written.
        let _ = write!(text, "{self}");
    }
}

macro_rules! plain_ids {
    ($($ty:ty)*) => { $(impl AggregateId for $ty {})* };
}
plain_ids!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
plain_ids!(jiff::civil::Date jiff::Timestamp);

impl AggregateId for String {
    fn push_to(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl AggregateId for Uuid {
    fn push_to(&self, text: &mut String) {
        text.push_str(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}

/// The name of a stream: `category-id`.
///
/// The category is what stands before the first `-`; for an aggregate's stream it is the aggregate's name.
#[derive(Clone)]
pub struct StreamId {
    full: Arc<str>,
    category: usize,
    /// Of the whole name, computed once: a command looks its stream up in several maps.
    hash: u64,
}

/// Keyed by chance, so that nobody can choose names that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl StreamId {
    /// The stream of the aggregate `name` with this id.
    pub fn of(name: &str, id: &impl AggregateId) -> Self {
        let write = |full: &mut String| {
            full.push_str(name);
            full.push('-');
            id.push_to(full);
        };
        scratch::text(write, |full| Self::named(full))
    }

    /// A stream by its whole name.
    pub fn named(full: impl Into<Arc<str>>) -> Self {
        let full = full.into();
        Self { category: full.find('-').unwrap_or(full.len()), hash: HASHER.hash_one(&*full), full }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The part before the first `-`.
    pub fn category(&self) -> &str {
        &self.full[..self.category]
    }

    /// The hash of the whole name; another one in every process.
    pub(crate) fn hash_code(&self) -> u64 {
        self.hash
    }

    /// The part behind the first `-`; empty if there is none.
    pub fn id_text(&self) -> &str {
        self.full.get(self.category + 1..).unwrap_or("")
    }
}

impl PartialEq for StreamId {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.full == other.full
    }
}
impl Eq for StreamId {}
impl std::hash::Hash for StreamId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
/// Hashes a [`StreamId`] by the hash that it carries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamHasher(u64);

impl std::hash::Hasher for StreamHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Not reached by `StreamId`; right, if slow, for anything else.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(5) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Builds maps over streams.
pub(crate) type ByStream = std::hash::BuildHasherDefault<StreamHasher>;

impl PartialOrd for StreamId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for StreamId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.full.cmp(&other.full)
    }
}
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}
impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.full)
    }
}

/// A place in the whole log: 1 for the first event, dense, in commit order; 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of one intention to change something.
///
/// A command that is repeated under its id is not executed again: it answers as it did the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Uuid);

impl CommandId {
    /// A new id, by chance.
    #[allow(clippy::new_without_default, reason = "an id out of nowhere is not a default")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id that belongs to a name of somebody else's, such as `"stripe:evt_1"`.
    pub fn named(name: &str) -> Self {
        Self(derive(&COMMAND_NAMES, &[name.as_bytes()]))
    }

    /// The id as a UUID.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The id of the `n`-th event that this command raises on `stream`.
    pub(crate) fn event(self, stream: &StreamId, n: u64) -> Uuid {
        derive(&self.0, &[stream.as_str().as_bytes(), &[0], &n.to_be_bytes()])
    }

    /// The id of the `n`-th command of a group that has this id.
    pub(crate) fn part(self, n: u64) -> Self {
        Self(derive(&self.0, &[b"command", &n.to_be_bytes()]))
    }

    /// What the ids are derived from that a reactor uses while it answers an event for one key. Not of its
    /// version: a new one answers nothing twice that the old one has answered.
    pub(crate) fn reaction(reactor: &str, event: Uuid, key: &str) -> Self {
        Self(derive(&event, &[b"reaction", reactor.as_bytes(), &[0], key.as_bytes()]))
    }

    /// The `n`-th command that method `method` issues in this reaction, or in answer to this refused command.
    pub(crate) fn issued(self, method: usize, n: usize) -> Self {
        Self(derive(&self.0, &[b"issued", &(method as u64).to_be_bytes(), &(n as u64).to_be_bytes()]))
    }

    /// The `n`-th id that a handler asks for while it decides this command.
    pub(crate) fn fresh(self, n: u64) -> Uuid {
        derive(&self.0, &[b"new", &n.to_be_bytes()])
    }
}

impl From<Uuid> for CommandId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The namespace of [`CommandId::named`].
const COMMAND_NAMES: Uuid = Uuid::from_u128(0x6573_2d63_6f6d_6d61_6e64_2d6e_616d_6573);

/// A version 5 UUID over a namespace and the parts of a name.
fn derive(namespace: &Uuid, parts: &[&[u8]]) -> Uuid {
    use sha1::{Digest, Sha1};
    let mut hash = Sha1::new_with_prefix(namespace.as_bytes());
    for part in parts {
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_ends_at_the_first_dash() {
        let stream = StreamId::of("account", &"a-b-c".to_owned());
        assert_eq!(
            (stream.as_str(), stream.category(), stream.id_text()),
            ("account-a-b-c", "account", "a-b-c")
        );
        assert_eq!(StreamId::named("account-a-b-c"), stream);
        assert_eq!(StreamId::named("plain").id_text(), "");
    }

    #[test]
    fn derived_ids_are_version_5_and_differ_by_every_part() {
        let command = CommandId::named("stripe:evt_1");
        let (a, b) = (StreamId::named("a-1"), StreamId::named("a-2"));
        assert_eq!(command, CommandId::named("stripe:evt_1"));
        assert_eq!(command.event(&a, 0), command.event(&a, 0));
        assert_ne!(command.event(&a, 0), command.event(&a, 1));
        assert_ne!(command.event(&a, 0), command.event(&b, 0));
        assert_eq!(command.event(&a, 0).get_version_num(), 5);
    }
}
