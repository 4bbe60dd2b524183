//! Inline projections, taken along by a commit.

use super::log::Inner;
use crate::id::Position;
use crate::store::inline::{NEAR, caught, finished, is_in_sight};
use crate::store::{
    AppendError, Checkpoint, DocumentWrite, InlineBuild, InlineFailure, InlineProjection, StoredEvent,
};
use std::sync::Arc;

/// How far a commit takes a build, and what is written with that.
pub(super) struct Taken {
    pub processor: Arc<str>,
    pub to: Checkpoint,
    pub writes: Vec<DocumentWrite>,
}

impl Inner {
    /// What projections make of a commit whose events are the log's last ones, behind `before`. Nothing is
    /// changed yet.
    pub fn taken_along(
        &self,
        projections: &[Arc<dyn InlineProjection>],
        before: Position,
    ) -> Result<Vec<Taken>, AppendError> {
        let mut taken = Vec::new();
        for projection in projections {
            let (collection, key) = projection.ledger();
            let ledger = self.processors.documents(collection, &[key.to_owned()]).pop();
            for build in ledger.iter().flat_map(|ledger| projection.builds(ledger)) {
                let Some(from) = self.processors.checkpoint(build.processor()) else { continue };
                let Some(events) = self.events_for(&**projection, &*build, from, before) else { continue };
                match self.written(&*build, from, &events) {
                    Ok(writes) => {
                        let processor = build.processor().clone();
                        taken.push(Taken { processor, to: self.last(), writes });
                    }
                    Err(failure) => failure.of_a_commit_behind(before, projection.name())?,
                }
            }
        }
        Ok(taken)
    }

    /// The events that a build has not got yet; none if it is too far behind.
    fn events_for(
        &self,
        projection: &dyn InlineProjection,
        build: &dyn InlineBuild,
        from: Checkpoint,
        before: Position,
    ) -> Option<Vec<StoredEvent>> {
        if !is_in_sight(build, from, before) {
            return None;
        }
        let filter = projection.filter();
        let accepted = self
            .behind(from.position)
            .iter()
            .filter(|event| filter.accepts(event.stream.as_str(), event.stream.category(), &event.name));
        let events: Vec<_> = accepted.cloned().collect();
        let between = events.partition_point(|event| event.position <= before);
        if between > NEAR {
            build.left_behind();
            return None;
        }
        Some(events)
    }

    fn written(
        &self,
        build: &dyn InlineBuild,
        from: Checkpoint,
        events: &[StoredEvent],
    ) -> Result<Vec<DocumentWrite>, InlineFailure> {
        caught(|| {
            let step = build.begin(from.position, events)?;
            let documents = self.processors.documents(build.processor(), &step.keys());
            finished(step, documents, None)
        })
    }
}
