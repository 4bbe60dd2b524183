//! How a processor and its documents are forgotten: collection by collection, the processor last.

use super::super::server::Server;
use super::processor::Known;
use super::{Keep, leases, many, subjects, unread};
use crate::store::processor::belongs;
use crate::store::{AdvanceError, LEASE, Lease};
use uuid::Uuid;

/// In whose name processors are forgotten: everybody's.
const FORGETTER: Uuid = Uuid::max();

/// Its lease is held from the first step on, so that nobody writes for it any more; whoever forgets goes on where
/// another one was interrupted.
pub(in super::super) async fn forget(server: &Server, keep: &Keep, name: &str) -> Result<(), AdvanceError> {
    let lease = take(server, keep, name).await?;
    for collection in collections(server, name).await? {
        if let Some(lease) = &lease {
            leases::renew(server, keep, lease, LEASE).await?;
        }
        drop_documents(server, &collection).await?;
    }
    let Some(lease) = lease else { return Ok(()) };
    // What is purged leaves the stream as long as it was. From this message on a replica that has not purged yet is
    // known to be behind, and is not believed by whoever reads documents.
    leases::renew(server, keep, &lease, LEASE).await?;
    drop_processor(server, keep, &lease).await
}

/// None where there is no such processor, but there may be documents.
async fn take(server: &Server, keep: &Keep, name: &str) -> Result<Option<Lease>, AdvanceError> {
    if Known::read(server, name).await.map_err(unread)?.is_none() {
        return Ok(None);
    }
    let lease = leases::acquire(server, keep, name, FORGETTER, LEASE).await.map_err(unread)?;
    lease.map(Some).ok_or_else(|| AdvanceError::Fenced { processor: name.into() })
}

/// The collections that go with a processor, and may have documents.
async fn collections(server: &Server, name: &str) -> Result<Vec<String>, AdvanceError> {
    let pattern = subjects::collections(server.names());
    let all = many::subjects(server, &pattern).await.map_err(unread)?;
    let names = all.iter().filter_map(|subject| subjects::last_name(subject));
    Ok(names.filter(|collection| belongs(collection, name)).collect())
}

/// What says that there are documents goes last, and only if none was added meanwhile.
async fn drop_documents(server: &Server, collection: &str) -> Result<(), AdvanceError> {
    let names = server.names();
    let mark = subjects::collection(names, collection);
    let Some(last) = many::one(server, &mark).await.map_err(unread)? else { return Ok(()) };
    many::purge(server, &subjects::documents(names, collection), u64::MAX).await.map_err(unread)?;
    many::purge(server, &mark, last.sequence).await.map_err(unread)
}

async fn drop_processor(server: &Server, keep: &Keep, lease: &Lease) -> Result<(), AdvanceError> {
    let name = &lease.processor;
    let lane = keep.lanes.of(name);
    let mut turn = lane.turn(server).await.map_err(AdvanceError::Unavailable)?;
    *turn = None;
    keep.lanes.forget(name);
    let known = Known::read(server, name).await.map_err(unread)?;
    let Some(known) = known else { return Ok(()) };
    if !known.processor.is_under(lease.epoch) {
        return Err(AdvanceError::Fenced { processor: name.clone() });
    }
    many::purge(server, &subjects::processor(server.names(), name), known.sequence).await.map_err(unread)
}
