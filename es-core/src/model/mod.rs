//! The model as data: what is declared, and what leads to what.

mod check;
mod export;
mod reactor;
pub(crate) mod registry;

pub use check::Finding;
pub use reactor::{ReactionModel, ReactorModel, Trigger};

use crate::event::Field;
use crate::incoming::Takes;
use registry::{AggregateRecord, ApplierRecord, EventRecord, HandlerRecord, ProjectionRecord, Role};
use serde::Serialize;

/// Everything that is declared in the linked program.
///
/// A crate that nothing names is not linked, and what it declares is not here.
pub fn model() -> Model {
    Model {
        reactors: registry::reactors().into_iter().map(ReactorModel::of).collect(),
        projections: registry::projections().into_iter().map(ProjectionModel::of).collect(),
        ..Model::of(&registry::aggregates(), &registry::handlers(), &registry::events())
    }
}

/// Aggregates, their events and commands, the reactors and projections that follow, and the edges between them.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    aggregates: Vec<AggregateModel>,
    projections: Vec<ProjectionModel>,
    /// Events that are read and belong to no applier: older versions, and retired ones.
    past: Vec<PastEvent>,
    reactors: Vec<ReactorModel>,
}

/// One aggregate.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AggregateModel {
    /// Its name: the category of its streams.
    pub name: &'static str,
    /// The type's path in the source.
    pub path: &'static str,
    events: Vec<EventModel>,
    commands: Vec<CommandModel>,
}

/// One event of an aggregate.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EventModel {
    /// The stored name.
    pub name: &'static str,
    /// The newest version.
    pub version: u16,
    /// The lowest version that its upcasts read.
    pub oldest: u16,
    /// What it does: `birth`, `life` or `end`.
    pub role: &'static str,
    /// Whether it is declared `retired`: it is applied, and nothing raises it.
    pub retired: bool,
    /// Its fields.
    pub fields: &'static [Field],
    /// The type, with its path.
    #[serde(rename = "type")]
    pub type_name: &'static str,
}

/// One command of an aggregate.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CommandModel {
    /// Its name.
    pub name: &'static str,
    /// What it needs of the aggregate: `absent`, `living` or `either`.
    pub needs: &'static str,
    /// The names of the events that its handler's signature can raise, each once.
    pub raises: Vec<&'static str>,
    /// The services that its handler takes.
    pub services: Vec<&'static str>,
    /// Its fields.
    pub fields: &'static [Field],
    /// The type's path in the source.
    pub path: &'static str,
}

/// One projection.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProjectionModel {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// What it keeps: `documents` or `rows`.
    pub keeps: &'static str,
    /// Whether it is written in the transaction of the commit itself.
    pub inline: bool,
    /// The names of the events that its methods take, each once.
    pub events: Vec<&'static str>,
    /// Whether a method takes every event, whatever its name.
    pub every_event: bool,
    /// The type's path in the source.
    pub path: &'static str,
}

/// An event that nothing raises any more.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PastEvent {
    /// The stored name.
    pub name: &'static str,
    /// Its version.
    pub version: u16,
    /// Whether it is declared `retired`.
    pub retired: bool,
    /// Its fields.
    pub fields: &'static [Field],
    /// The type's path in the source.
    pub path: &'static str,
    /// The lowest version that its upcasts read.
    pub oldest: u16,
}

impl Model {
    /// The aggregates, in the order of their names.
    pub fn aggregates(&self) -> impl Iterator<Item = &AggregateModel> {
        self.aggregates.iter()
    }

    /// The aggregate of this name.
    pub fn aggregate(&self, name: &str) -> Option<&AggregateModel> {
        self.aggregates.iter().find(|aggregate| aggregate.name == name)
    }

    /// The projections, in the order of their names.
    pub fn projections(&self) -> impl Iterator<Item = &ProjectionModel> {
        self.projections.iter()
    }

    /// Older versions and retired events.
    pub fn past_events(&self) -> impl Iterator<Item = &PastEvent> {
        self.past.iter()
    }

    /// The reactors, in the order of their names.
    pub fn reactors(&self) -> impl Iterator<Item = &ReactorModel> {
        self.reactors.iter()
    }

    /// The reactor of this name.
    pub fn reactor(&self, name: &str) -> Option<&ReactorModel> {
        self.reactors.iter().find(|reactor| reactor.name == name)
    }

    fn of(aggregates: &[&AggregateRecord], handlers: &[&HandlerRecord], events: &[&EventRecord]) -> Self {
        let applied = |event: &EventRecord| {
            let appliers = aggregates.iter().flat_map(|aggregate| aggregate.appliers);
            appliers.into_iter().any(|applier| applier.event == event.info)
        };
        Self {
            aggregates: aggregates
                .iter()
                .map(|record| AggregateModel::of(record, handlers, events))
                .collect(),
            projections: Vec::new(),
            past: events.iter().filter(|event| !applied(event)).map(|event| PastEvent::of(event)).collect(),
            reactors: Vec::new(),
        }
    }
}

impl AggregateModel {
    /// Its events, in the order of their appliers.
    pub fn events(&self) -> impl Iterator<Item = &EventModel> {
        self.events.iter()
    }

    /// Its commands, in the order of their names.
    pub fn commands(&self) -> impl Iterator<Item = &CommandModel> {
        self.commands.iter()
    }

    fn of(record: &AggregateRecord, handlers: &[&HandlerRecord], events: &[&EventRecord]) -> Self {
        let retired =
            |applier: &ApplierRecord| events.iter().any(|event| event.retired && event.info == applier.event);
        let own = handlers.iter().filter(|handler| handler.type_id == record.type_id);
        Self {
            name: record.name,
            path: record.path,
            events: record.appliers.iter().map(|applier| EventModel::of(applier, retired(applier))).collect(),
            commands: own.map(|handler| CommandModel::of(handler)).collect(),
        }
    }
}

impl EventModel {
    fn of(applier: &ApplierRecord, retired: bool) -> Self {
        Self {
            name: applier.event.name,
            version: applier.event.version,
            oldest: applier.oldest,
            role: match applier.role {
                Role::Birth => "birth",
                Role::Life => "life",
                Role::End => "end",
            },
            retired,
            fields: applier.event.fields,
            type_name: (applier.type_name)(),
        }
    }
}

impl CommandModel {
    fn of(handler: &HandlerRecord) -> Self {
        let mut raises = Vec::new();
        (handler.raises)(&mut raises);
        let mut seen = std::collections::HashSet::new();
        raises.retain(|name| seen.insert(*name));
        Self {
            name: handler.command,
            needs: handler.needs,
            raises,
            services: handler.services.iter().map(|need| need.name).collect(),
            fields: handler.fields,
            path: handler.path,
        }
    }
}

impl ProjectionModel {
    fn of(record: &ProjectionRecord) -> Self {
        let mut takes = Vec::new();
        (record.takes)(&mut takes);
        let (mut events, mut every_event) = (Vec::new(), false);
        for one in takes {
            match one {
                Takes::Event { info, .. } if !events.contains(&info.name) => events.push(info.name),
                Takes::Event { .. } | Takes::Refused { .. } => {}
                Takes::Any => every_event = true,
            }
        }
        Self {
            name: record.name,
            version: record.version,
            keeps: record.keeps,
            inline: record.inline,
            events,
            every_event,
            path: record.path,
        }
    }

    /// Whether one of its methods takes events of this name.
    pub fn follows(&self, event: &str) -> bool {
        self.every_event || self.events.contains(&event)
    }
}

impl PastEvent {
    fn of(event: &EventRecord) -> Self {
        Self {
            name: event.info.name,
            version: event.info.version,
            retired: event.retired,
            fields: event.info.fields,
            path: event.path,
            oldest: event.oldest,
        }
    }
}
