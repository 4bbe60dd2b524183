//! What follows the log: places and leases. A lease ends by the database's clock; the epoch alone decides who
//! may write.

use super::database::Database;
use crate::store::{Advance, AdvanceError, Checkpoint, Lease, ReadError, StoredProcessor};
use std::time::Duration;
use uuid::Uuid;

pub(super) async fn register(
    _database: &Database,
    _processor: &str,
    _start: Checkpoint,
) -> Result<Checkpoint, ReadError> {
    todo!()
}

pub(super) async fn list(_database: &Database, _prefix: &str) -> Result<Vec<StoredProcessor>, ReadError> {
    todo!()
}

pub(super) async fn acquire(
    _database: &Database,
    _processor: &str,
    _owner: Uuid,
    _ttl: Duration,
) -> Result<Option<Lease>, ReadError> {
    todo!()
}

pub(super) async fn renew(_database: &Database, _lease: &Lease, _ttl: Duration) -> Result<(), AdvanceError> {
    todo!()
}

pub(super) async fn release(_database: &Database, _lease: &Lease) -> Result<(), AdvanceError> {
    todo!()
}

pub(super) async fn advance(_database: &Database, _advance: Advance) -> Result<(), AdvanceError> {
    todo!()
}
