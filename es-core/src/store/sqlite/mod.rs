//! A store in one SQLite file.
/// How much of a power loss a commit survives.
pub enum Durability {}
/// How to open a file.
pub struct SqliteOptions;
/// A store in one SQLite file.
pub struct SqliteStore;
