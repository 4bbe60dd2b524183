//! The append: settled when its outcome was unknown, and remembered.

use super::App;
use crate::aggregate::Applier;
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::id::StreamId;
use crate::store::{AppendError, Appended, Commit, StreamHead};
use std::sync::Arc;
use std::time::Duration;

/// How often a commit of unknown outcome is sent again, and the longest pause in between: 10 s in all.
const RESENDS: u32 = 14;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Appends. Where it stays unknown whether the commit was stored, the same commit is made and sent again;
/// the store recognises it by its event ids.
pub(super) async fn settled(
    app: &App,
    commit: impl Fn() -> Result<Commit, StoreError> + Send,
) -> Result<Appended, StoreError> {
    let mut unknown = match app.store().append(commit()?).await {
        Err(unknown @ AppendError::Ambiguous { .. }) => unknown,
        known => return known.map_err(StoreError::Append),
    };
    let mut pause = Duration::from_millis(10);
    for _ in 0..RESENDS {
        tracing::warn!("a commit's outcome is unknown; sending it again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match app.store().append(commit()?).await {
            // An attempt that was certainly not stored says nothing of the one before.
            Err(error @ AppendError::Ambiguous { .. }) => unknown = error,
            Err(AppendError::Unavailable { .. }) => {}
            known => return known.map_err(StoreError::Append),
        }
    }
    Err(unknown.into())
}

/// Keeps the state behind an append, for the next command and the next start.
pub(super) async fn keep<A: Applier>(
    app: &App,
    stream: &StreamId,
    from: u64,
    next: Folded<A>,
    head: Option<StreamHead>,
) -> Arc<Folded<A>> {
    let next = Arc::new(next);
    if head.is_some_and(|head| head.edits == next.edits) {
        app.cache().put(stream, &next);
        app.keep_snapshot(stream, from, &next).await;
    } else {
        // The state still knows what was redacted or truncated in the meantime.
        app.cache().drop_state(stream);
    }
    next
}

/// Whether somebody else was faster.
pub(super) fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Append(AppendError::Conflict { .. }))
}

/// What the caller of a command hears of a failed append.
pub(super) fn refused<E>(error: StoreError) -> CommandError<E> {
    match error {
        StoreError::Append(AppendError::Closed { stream }) => CommandError::Ended { stream },
        StoreError::Append(AppendError::TooLarge { what, size, limit }) => {
            CommandError::TooLarge { what, size, limit }
        }
        other => CommandError::Store(other),
    }
}
