//! The append: settled when its outcome was unknown, and remembered.

use super::App;
use super::load::due_snapshot;
use crate::aggregate::Applier;
use crate::error::{CommandError, StoreError};
use crate::fold::Folded;
use crate::id::StreamId;
use crate::store::{AppendError, Appended, BoxError, Commit, StoredSnapshot, StreamHead};
use std::sync::Arc;
use std::time::Duration;

/// How often a commit of unknown outcome is sent again, and the longest pause in between: 10 s in all.
const RESENDS: u32 = 14;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Appends. Where it stays unknown whether the commit was stored, the same commit is made and sent again;
/// the store recognises it by its event ids.
pub(super) async fn settled(
    app: &App,
    commit: impl Fn() -> Result<Commit, StoreError> + Send + Sync,
) -> Result<Appended, StoreError> {
    let commit = || commit().map(|commit| with_projections(app, commit));
    match app.store().append(commit()?).await {
        // Boxed, so that a commit that is stored at once does not carry what it takes to send it again.
        Err(unknown @ AppendError::Ambiguous { .. }) => Box::pin(resent(app, &commit, unknown)).await,
        known => known.map_err(StoreError::Append),
    }
}

/// Lets the inline projections go with a commit that take some of its events.
fn with_projections(app: &App, mut commit: Commit) -> Commit {
    for projection in app.projections() {
        let Some(projection) = projection.inline() else { continue };
        let filter = projection.filter();
        let mut parts = commit.parts.iter();
        let is_taken = parts.any(|part| {
            let (stream, category) = (part.stream.as_str(), part.stream.category());
            part.events.iter().any(|event| filter.accepts(stream, category, &event.name))
        });
        if is_taken {
            commit.inline.get_or_insert_default().projections.push(projection);
        }
    }
    commit
}

/// Sends a commit until its outcome is known, or for so long that it has to be answered as unknown.
async fn resent(
    app: &App,
    commit: &(impl Fn() -> Result<Commit, StoreError> + Send + Sync),
    mut unknown: AppendError,
) -> Result<Appended, StoreError> {
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

/// Keeps the state behind an append for the next command; with the snapshot that is due.
pub(super) fn keep<A: Applier>(
    app: &App,
    stream: &StreamId,
    from: u64,
    next: Folded<A>,
    head: Option<StreamHead>,
) -> (Arc<Folded<A>>, Option<StoredSnapshot>) {
    let next = Arc::new(next);
    if head.is_some_and(|head| head.edits == next.edits) {
        app.cache().put_newest(stream, &next);
        let snapshot = due_snapshot(stream, from, &next);
        (next, snapshot)
    } else {
        // The state still knows what was redacted or truncated in the meantime.
        app.cache().drop_state(stream);
        (next, None)
    }
}

/// What the caller hears where a commit is stored and cannot be read back: not that nothing was recorded.
pub(super) fn unanswered<E>(error: CommandError<E>) -> CommandError<E> {
    match error {
        CommandError::Store(error) => stored_and_unread(error.into()),
        other => other,
    }
}

/// As [`unanswered`], where the store does not find what it said to have.
pub(super) fn lost<E>() -> CommandError<E> {
    stored_and_unread("the store recognised the commit, and does not find its events".into())
}

fn stored_and_unread<E>(cause: BoxError) -> CommandError<E> {
    CommandError::Store(StoreError::Append(AppendError::Ambiguous { cause }))
}

/// Whether somebody else was faster.
pub(super) fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Append(AppendError::Conflict { .. } | AppendError::Changed { .. }))
}

/// What the caller of a command hears of a failed append.
pub(super) fn refused<E>(error: StoreError) -> CommandError<E> {
    match error {
        StoreError::Append(AppendError::Closed { stream }) => CommandError::Ended { stream },
        StoreError::Append(AppendError::TooLarge { what, size, limit }) => {
            CommandError::TooLarge { what, size, limit }
        }
        StoreError::Append(AppendError::Inline { projection, cause }) => {
            CommandError::Inline { reactor: projection, source: cause }
        }
        other => CommandError::Store(other),
    }
}
