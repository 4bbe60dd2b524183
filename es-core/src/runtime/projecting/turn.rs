//! What an advance of a build means for the others: which of them is read from then on.

use super::control::{Control, Known};
use super::error::ProjectionError;
use super::ledger::BuildId;
use crate::store::DocumentWrite;

/// What readers of a build's rows see of it, from this write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// What they have seen before.
    Nothing,
    /// This build, if it is only made now: it is the live one.
    IfNew,
    /// This build, and not that one any more.
    InsteadOf(BuildId),
}

/// What an advance has to say about the builds, beside the documents.
pub(super) struct Turn {
    /// The ledger, as it shall be.
    pub write: Option<DocumentWrite>,
    pub shows: Shows,
}

impl Turn {
    /// A build that waits becomes the live one in the advance that takes it as far as that has come. While
    /// one waits, each advance of the live one touches the ledger: so a switch cannot go by a position of it
    /// that is out of date, and readers never go back.
    pub fn of(
        control: &Control,
        known: &Known,
        build: BuildId,
        is_as_far: bool,
    ) -> Result<Self, ProjectionError> {
        let ledger = &known.ledger;
        if build == ledger.live {
            let touch = ledger.is_switching().then(|| known.replace(control.name, ledger)).transpose()?;
            return Ok(Self { write: touch, shows: Shows::IfNew });
        }
        if build == ledger.target && is_as_far {
            let switch = known.replace(control.name, &ledger.clone().switched(build))?;
            return Ok(Self { write: Some(switch), shows: Shows::InsteadOf(ledger.live) });
        }
        Ok(Self { write: None, shows: Shows::Nothing })
    }
}
