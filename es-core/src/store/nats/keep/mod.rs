//! What is beside the log: documents, processors and their leases, snapshots. Each is the last message of a
//! subject; a change of several is one atomic batch.

pub(super) mod documents;
pub(super) mod forget;
pub(super) mod processors;
pub(super) mod snapshots;
