//! How much of a power loss a commit survives, on stores that leave the choice.

/// How much of a power loss a commit survives. A crash of the process alone loses nothing either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on the disk before it is answered.
    #[default]
    Full,
    /// A commit reaches the disk soon after it is answered: many times faster for a single caller, and the
    /// last moments before a power loss, or before a database server crashes, may be gone. What is left is
    /// whole, and the log goes on from there: its next positions are used again.
    Relaxed,
}
