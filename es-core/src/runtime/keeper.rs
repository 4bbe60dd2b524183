//! Leases: taken, kept, given back.

use super::{Follower, Halt};
use crate::app::App;
use crate::store::{AdvanceError, LEASE, Lease};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// A lease, and until when it is certain to be held by this process's own monotonic clock.
pub(super) struct Held {
    pub lease: Lease,
    until: Instant,
}

/// How long after a call was sent its lease is certain: a fifth less than the store keeps it.
const CERTAIN: Duration = LEASE.checked_sub(LEASE.checked_div(5).unwrap()).unwrap();

/// Takes the lease of a follower; `None` while somebody else holds it.
///
/// # Errors
/// [`Halt::Unavailable`] if the store does not answer in time.
pub(super) async fn take(app: &App, follower: &dyn Follower) -> Result<Option<Held>, Halt> {
    let until = Instant::now() + CERTAIN;
    let acquiring = app.store().acquire(follower.processor(), app.hub().owner(), LEASE);
    match timeout_at(until, acquiring).await {
        Ok(taken) => Ok(taken?.map(|lease| Held { lease, until })),
        Err(late) => Err(Halt::Unavailable(late.into())),
    }
}

/// Renews a lease again and again, and is ready when it is not certain any more that it is held.
pub(super) async fn keep(app: &App, held: &Held) {
    let mut until = held.until;
    loop {
        sleep((LEASE / 3).min(until.saturating_duration_since(Instant::now()))).await;
        let sent = Instant::now();
        match timeout_at(until, app.store().renew(&held.lease, LEASE)).await {
            Ok(Ok(())) => until = sent + CERTAIN,
            Ok(Err(AdvanceError::Fenced { .. })) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::debug!(processor = %held.lease.processor, error = &error as &dyn std::error::Error,
                    "lease not renewed");
                if Instant::now() >= until {
                    return;
                }
                sleep(LEASE / 50).await;
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
