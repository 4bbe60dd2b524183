//! Two futures at once, and what becomes of a future that panics.

use crate::foreign;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Which of two was ready first.
pub(super) enum First<A, B> {
    One(A),
    Other(B),
}

/// Runs both until one of them is ready; the other is dropped. The first one is asked first.
pub(super) async fn race<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> First<A, B> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        if let Poll::Ready(done) = one.as_mut().poll(context) {
            return Poll::Ready(First::One(done));
        }
        other.as_mut().poll(context).map(First::Other)
    })
    .await
}

/// Runs a future of somebody else's.
///
/// # Errors
/// What it panicked with. It is not polled again.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let said = |panic: &_| format!("panicked: {}", foreign::said(panic).unwrap_or("without a message"));
    foreign::caught(future).await.map_err(|panic| said(&*panic))
}
