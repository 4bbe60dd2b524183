//! Inline projections, taken along by a commit.

use super::processors::{self, Processor};
use super::read;
use super::transaction::{Fault, Transaction};
use super::tx::{RolledBack, of_the_file};
use crate::id::Position;
use crate::store::inline::{NEAR, caught, finished, is_in_sight};
use crate::store::{
    AppendError, Checkpoint, DocumentWrite, Filter, InlineBuild, InlineFailure, InlineProjection, ReadError,
    StoredEvent,
};

/// A commit that is written, but for what goes with it.
pub(super) struct Written {
    /// The end of the log in front of it.
    pub before: Position,
    pub events: Vec<StoredEvent>,
}

impl Written {
    /// The checkpoint of whoever has all of it.
    fn end(&self) -> Checkpoint {
        let last = self.events.last();
        last.map_or_else(Checkpoint::default, |last| Checkpoint {
            position: last.position,
            event: Some(last.id),
        })
    }
}

/// Takes the builds of a projection along.
pub(super) fn take_along(
    transaction: &mut Transaction<'_>,
    projection: &dyn InlineProjection,
    commit: &Written,
) -> Result<(), Fault> {
    let (collection, key) = projection.ledger();
    let Some(ledger) = processors::stored(transaction, collection, key)? else { return Ok(()) };
    for build in projection.builds(&ledger) {
        let Some(known) = Processor::find(transaction.guarded, build.processor())? else { continue };
        let from = known.checkpoint;
        let Some(events) = events_for(transaction, projection.filter(), &*build, from, commit)? else {
            continue;
        };
        match write(transaction, &*build, from, &events)? {
            Ok(writes) => {
                for write in writes {
                    processors::put(transaction, write)?;
                }
                processors::reach(transaction, build.processor(), commit.end())?;
            }
            Err(failure) => failure.of_a_commit_behind(commit.before, projection.name())?,
        }
    }
    Ok(())
}

/// The events that a build has not got yet; none if it is too far behind, or if what is there cannot be read.
fn events_for(
    transaction: &Transaction<'_>,
    filter: &Filter,
    build: &dyn InlineBuild,
    from: Checkpoint,
    commit: &Written,
) -> Result<Option<Vec<StoredEvent>>, Fault> {
    if !is_in_sight(build, from, commit.before) {
        return Ok(None);
    }
    let (mut events, mut after) = (Vec::new(), from.position);
    while after < commit.before {
        let limit = u32::try_from(NEAR + 1 - events.len()).unwrap_or(u32::MAX);
        let page = match read::log(transaction.guarded, after, filter, limit) {
            Ok(page) if page.scanned_to > after => page,
            Ok(_) | Err(ReadError::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(unread(error)),
        };
        after = page.scanned_to;
        events.extend(page.events.into_iter().filter(|event| event.position <= commit.before));
        if events.len() > NEAR {
            build.left_behind();
            return Ok(None);
        }
    }
    let own = commit.events.iter();
    events.extend(
        own.filter(|event| filter.accepts(event.stream.as_str(), event.stream.category(), &event.name))
            .cloned(),
    );
    Ok(Some(events))
}

/// What a build makes of some events. Where it fails, its rows are as they were.
fn write(
    transaction: &mut Transaction<'_>,
    build: &dyn InlineBuild,
    from: Checkpoint,
    events: &[StoredEvent],
) -> Result<Result<Vec<DocumentWrite>, InlineFailure>, Fault> {
    let begun = caught(|| {
        let step = build.begin(from.position, events)?;
        let keys = step.keys();
        Ok((step, keys))
    });
    let (step, keys) = match begun {
        Ok(begun) => begun,
        Err(failure) => return Ok(Err(failure)),
    };
    let documents = processors::documents(transaction.guarded, build.processor(), &keys).map_err(unread)?;
    let Some(tables) = build.tables() else {
        return Ok(caught(|| finished(step, documents, None)));
    };
    transaction.execute("SAVEPOINT build")?;
    let written = transaction.guarded.work(tables, |tx| finished(step, documents, Some(tx)));
    if transaction.guarded.is_autocommit() {
        transaction.begin_again()?;
        // What the commit had stored is gone with it, so nothing of it can be kept.
        return Ok(Err(RolledBack.into()));
    }
    if let Err(failure) = &written {
        if let Some(error) = of_the_file(&*failure.cause) {
            return Err(Fault::Sqlite(error));
        }
        transaction.execute("ROLLBACK TO build")?;
    }
    transaction.execute("RELEASE build")?;
    Ok(written)
}

fn unread(error: ReadError) -> Fault {
    AppendError::Unavailable { cause: error.into() }.into()
}
