//! Events of any types on their way into the streams of a scenario.

use crate::diff;
use crate::fault::Fault;
use crate::laws;
use crate::world::Setting;
use es_core::__testing::{self as inside, EventList, EventVisitor};
use es_core::jiff::Timestamp;
use es_core::{AggregateId, Event, StreamId, serde_json};

/// An event as it will be stored.
pub(crate) struct Happening {
    pub(crate) stream: StreamId,
    pub(crate) name: &'static str,
    pub(crate) schema: u16,
    pub(crate) payload: Vec<u8>,
    /// As it prints itself.
    pub(crate) shown: String,
}

/// One thing that is given to what follows the log.
pub(crate) enum Step {
    Events(Result<Vec<Happening>, Fault>),
    Setting(Setting),
}

impl Step {
    /// When a scenario with these steps starts.
    pub(crate) fn start(steps: &[Self]) -> Timestamp {
        Setting::start(steps.iter().filter_map(|step| match step {
            Self::Setting(setting) => Some(setting),
            Self::Events(_) => None,
        }))
    }
}

/// The events of a list, on the stream with this id: the one of the aggregate that applies them, or one named
/// `otherwise` if none is known.
pub(crate) fn on_stream(
    id: &impl AggregateId,
    otherwise: &str,
    events: impl EventList,
) -> Result<Vec<Happening>, Fault> {
    let mut found = Collector { id, otherwise, happenings: Vec::new(), fault: None };
    events.visit(&mut found);
    match found.fault {
        None => Ok(found.happenings),
        Some(fault) => Err(fault),
    }
}

struct Collector<'a, K> {
    id: &'a K,
    otherwise: &'a str,
    happenings: Vec<Happening>,
    fault: Option<Fault>,
}

impl<K: AggregateId> EventVisitor for Collector<'_, K> {
    fn event<E: Event>(&mut self, event: &E) {
        match written(event) {
            Ok(payload) => self.happenings.push(Happening {
                stream: StreamId::of(inside::category::<E>().unwrap_or(self.otherwise), self.id),
                name: E::NAME,
                schema: E::VERSION,
                payload,
                shown: format!("{event:?}"),
            }),
            Err(fault) => _ = self.fault.get_or_insert(fault),
        }
    }
}

/// The payload, from which the same event is read back.
fn written<E: Event>(event: &E) -> Result<Vec<u8>, Fault> {
    let broken = |what: String| laws::broken_law(laws::ROUND_TRIP, [format!("{event:?} {what}")]);
    let payload = serde_json::to_vec(event).map_err(|error| broken(format!("cannot be written: {error}")))?;
    let read: E =
        serde_json::from_slice(&payload).map_err(|error| broken(format!("cannot be read back: {error}")))?;
    if read == *event {
        return Ok(payload);
    }
    let mut fields = diff::debug(&read, event);
    if fields.is_empty() {
        fields.push(format!("{event:?} is not equal to itself"));
    }
    Err(broken(format!("is read back with another value: {}", fields.join(", "))))
}
