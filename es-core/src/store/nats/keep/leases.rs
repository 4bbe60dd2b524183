//! Who may write for a processor.
//!
//! There is no clock that all processes share, so none is asked. Whoever holds a lease writes the processor again and
//! again; whoever wants it takes it once the processor has stood still for as long as it was leased for, by the own
//! clock of the process that watches. So a process that starts waits a whole lease for one that has ended without
//! giving its leases back. The epoch of a lease is the sequence of the message by which it was taken, and decides
//! alone who may write.

use super::super::server::Server;
use super::Keep;
use super::change::{self, Failed};
use super::processor::{Holder, Known, Processor};
use crate::store::{AdvanceError, Lease, ReadError};
use std::time::Duration;
use uuid::Uuid;

pub(in super::super) async fn acquire(
    server: &Server,
    keep: &Keep,
    name: &str,
    owner: Uuid,
    ttl: Duration,
) -> Result<Option<Lease>, ReadError> {
    let lane = keep.lanes.of(name);
    let mut turn = lane.turn(server).await.map_err(ReadError::Unavailable)?;
    let mut tries = server.tries();
    *turn = None;
    loop {
        let Some(known) = Known::read(server, name).await? else {
            keep.lanes.forget(name);
            return Ok(None);
        };
        if known.owner(&lane).is_some_and(|holder| holder != owner) {
            return Ok(None);
        }
        let checkpoint = known.processor.checkpoint;
        let taken = Processor { checkpoint, holder: Some(Holder::new(owner, ttl)) };
        let cause = match change::send(server, vec![taken.draft(server, name, known.sequence)]).await {
            Ok(epoch) => {
                lane.stands(epoch);
                *turn = Some(taken.stored(epoch));
                return Ok(Some(Lease { processor: name.into(), owner, epoch, checkpoint }));
            }
            // Perhaps somebody else has it now.
            Err(Failed::Outdated) => "others write it all the time".into(),
            Err(Failed::Busy(cause)) => cause,
            Err(Failed::For(error)) => return Err(error.into()),
        };
        if server.is_closed() || !tries.again().await {
            return Err(ReadError::Unavailable(cause));
        }
    }
}

pub(in super::super) async fn renew(
    server: &Server,
    keep: &Keep,
    lease: &Lease,
    ttl: Duration,
) -> Result<(), AdvanceError> {
    let renewed = |found: &Processor| match &found.holder {
        Some(holder) if holder.epoch == lease.epoch => {
            let holder = Some(Holder { lease: ttl, ..holder.clone() });
            Ok(Processor { holder, ..found.clone() })
        }
        _ => Err(AdvanceError::Fenced { processor: lease.processor.clone() }),
    };
    change::make(server, keep, &lease.processor, &[], renewed).await
}

pub(in super::super) async fn release(
    server: &Server,
    keep: &Keep,
    lease: &Lease,
) -> Result<(), AdvanceError> {
    let released = |found: &Processor| {
        if found.is_under(lease.epoch) {
            return Ok(Processor { holder: None, ..found.clone() });
        }
        Err(AdvanceError::Fenced { processor: lease.processor.clone() })
    };
    match change::make(server, keep, &lease.processor, &[], released).await {
        Err(AdvanceError::Fenced { .. }) => Ok(()),
        done => done,
    }
}
