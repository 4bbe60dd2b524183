//! Leases: taken, kept, given back.

use super::{Follower, Halt};
use crate::app::App;
use crate::store::{AdvanceError, LEASE, Lease};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// A lease, and since when it is held by this process's own monotonic clock: since the call for it was sent.
pub(super) struct Held {
    pub lease: Lease,
    since: Instant,
}

/// How long a lease is certain: a fifth less than the store keeps it.
const CERTAIN: Duration = LEASE.checked_sub(LEASE.checked_div(5).unwrap()).unwrap();

/// When it is renewed. Counted from when the last call was sent, too, so that a store may take its time to answer.
const RENEWED: Duration = LEASE.checked_div(3).unwrap();

/// The pause before it is tried again to renew a lease.
const AGAIN: Duration = LEASE.checked_div(50).unwrap();

/// Takes the lease of a follower; `None` while somebody else holds it.
///
/// # Errors
/// [`Halt::Unavailable`] if the store does not answer in time.
pub(super) async fn take(app: &App, follower: &dyn Follower) -> Result<Option<Held>, Halt> {
    let since = Instant::now();
    let acquiring = app.store().acquire(follower.processor(), app.hub().owner(), LEASE);
    match timeout_at(since + CERTAIN, acquiring).await {
        Ok(taken) => Ok(taken?.map(|lease| Held { lease, since })),
        Err(late) => Err(Halt::Unavailable(late.into())),
    }
}

/// Renews a lease again and again, and is ready when it is not certain any more that it is held.
pub(super) async fn keep(app: &App, held: &Held) {
    let mut since = held.since;
    let mut next = since + RENEWED;
    loop {
        let until = since + CERTAIN;
        sleep_until(next.min(until)).await;
        let sent = Instant::now();
        match timeout_at(until, app.store().renew(&held.lease, LEASE)).await {
            Ok(Ok(())) => (since, next) = (sent, sent + RENEWED),
            Ok(Err(AdvanceError::Fenced { .. })) | Err(_) => return,
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(processor = %held.lease.processor, error, "lease not renewed");
                next = Instant::now() + AGAIN;
                if next >= until {
                    return;
                }
            }
        }
    }
}

/// Gives a lease back. Where that fails, it runs out.
pub(super) async fn give_back(app: &App, lease: &Lease) {
    if let Err(error) = app.store().release(lease).await {
        let error: &dyn std::error::Error = &error;
        tracing::debug!(processor = %lease.processor, error, "lease not given back: it runs out");
    }
}
