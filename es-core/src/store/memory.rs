//! A store in memory.
/// A store in memory.
pub struct MemoryStore;
