//! What holds for all that follows it in a scenario: the time, the actor, the metadata.

use super::{World, broken};
use crate::clock::VirtualClock;
use crate::fault::Fault;
use es_core::jiff::Timestamp;
use es_core::{Metadata, serde_json};
use std::time::Duration;

/// One change of what holds.
pub(crate) enum Setting {
    At(Timestamp),
    By(String),
    Said(Metadata),
    Pass(Duration),
}

impl Setting {
    /// When a scenario with these settings starts: at the first time that is said, if that is earlier than
    /// the usual.
    pub(crate) fn start<'a>(settings: impl IntoIterator<Item = &'a Self>) -> Timestamp {
        let mut said = settings.into_iter().filter_map(|setting| match setting {
            Self::At(time) => Some(*time),
            _ => None,
        });
        said.next().map_or(VirtualClock::START, |first| first.min(VirtualClock::START))
    }
}

impl World {
    /// From here on this holds.
    pub(crate) fn hold(&mut self, setting: Setting) -> Result<(), Fault> {
        match setting {
            Setting::At(time) => {
                self.clock.set(time);
                self.tale.tell("at", &time.to_string());
            }
            Setting::By(actor) => {
                self.tale.tell("by", &actor);
                self.said.actor = Some(actor);
            }
            Setting::Said(metadata) => {
                self.tale.tell("metadata", &serde_json::to_string(&metadata).map_err(broken)?);
                let actor = self.said.actor.take();
                self.said = metadata;
                self.said.actor = self.said.actor.take().or(actor);
            }
            Setting::Pass(time) => self.pass(time)?,
        }
        Ok(())
    }
}
