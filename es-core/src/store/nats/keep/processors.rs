//! What follows the log: places and leases. A lease ends by the database's clock; the epoch alone decides who
//! may write.

use super::super::server::Server;
use crate::store::{Advance, AdvanceError, Checkpoint, Lease, ReadError, StoredProcessor};
use std::time::Duration;
use uuid::Uuid;

pub(in super::super) async fn register(
    _server: &Server,
    _processor: &str,
    _start: Checkpoint,
) -> Result<Checkpoint, ReadError> {
    todo!()
}

pub(in super::super) async fn list(
    _server: &Server,
    _prefix: &str,
) -> Result<Vec<StoredProcessor>, ReadError> {
    todo!()
}

pub(in super::super) async fn acquire(
    _server: &Server,
    _processor: &str,
    _owner: Uuid,
    _ttl: Duration,
) -> Result<Option<Lease>, ReadError> {
    todo!()
}

pub(in super::super) async fn renew(
    _server: &Server,
    _lease: &Lease,
    _ttl: Duration,
) -> Result<(), AdvanceError> {
    todo!()
}

pub(in super::super) async fn release(_server: &Server, _lease: &Lease) -> Result<(), AdvanceError> {
    todo!()
}

pub(in super::super) async fn advance(_server: &Server, _advance: Advance) -> Result<(), AdvanceError> {
    todo!()
}
