//! In what stores differ.

/// What a store can do that not every store can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Commits can take [documents and projections](super::Inline) along. Without this an app with inline
    /// reactors or projections cannot be built.
    pub inline: bool,
    /// The first event has the position 1, and each one the next; else positions only rise.
    pub dense_positions: bool,
    /// How many documents an [advance](super::Advance) may have; one with more may be refused. A projection ends its
    /// steps there, so that this happens only where a single event changes more documents.
    pub writes: usize,
}

impl Default for Capabilities {
    /// All of it.
    fn default() -> Self {
        Self { inline: true, dense_positions: true, writes: usize::MAX }
    }
}
