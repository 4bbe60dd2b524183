//! What looks wrong in a model although it compiles.

use super::{AggregateModel, Model};
use std::collections::BTreeMap;

/// Something in the model that is most likely a mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// Several aggregate types have one name, and so their streams mix.
    #[error("aggregates {} share the name \"{name}\"", types.join(" and "))]
    SharedAggregateName {
        /// The name.
        name: &'static str,
        /// The types.
        types: Vec<&'static str>,
    },
    /// Several command types have one name.
    #[error("commands {} share the name \"{name}\"", types.join(" and "))]
    SharedCommandName {
        /// The name.
        name: &'static str,
        /// The types.
        types: Vec<&'static str>,
    },
    /// Several projection types have one name, and so share what they have kept.
    #[error("projections {} share the name \"{name}\"", types.join(" and "))]
    SharedProjectionName {
        /// The name.
        name: &'static str,
        /// The types.
        types: Vec<&'static str>,
    },
    /// Several reactor types have one name, and so their places in the log mix.
    #[error("reactors {} share the name \"{name}\"", types.join(" and "))]
    SharedReactorName {
        /// The name.
        name: &'static str,
        /// The types.
        types: Vec<&'static str>,
    },
    /// Several event types are stored under one name and version.
    #[error("events {} are both stored as \"{name}\", version {version}", types.join(" and "))]
    SharedEventName {
        /// The name.
        name: &'static str,
        /// The version.
        version: u16,
        /// The types.
        types: Vec<&'static str>,
    },
    /// An applier waits for an event that no command raises.
    #[error("no command of {aggregate} raises \"{event}\"")]
    NeverRaised {
        /// The aggregate's name.
        aggregate: &'static str,
        /// The event's name.
        event: &'static str,
    },
    /// An event that nothing applies, that is no older version of one that is applied, and not retired.
    #[error(
        "no aggregate applies \"{event}\", version {version} ({path}); declare it `#[event(retired)]` if it is only read any more"
    )]
    NeverApplied {
        /// The event's name.
        event: &'static str,
        /// Its version.
        version: u16,
        /// The type's path in the source.
        path: &'static str,
    },
    /// A command that can never change anything.
    #[error("the command {command} of {aggregate} raises nothing")]
    RaisesNothing {
        /// The aggregate's name.
        aggregate: &'static str,
        /// The command's name.
        command: &'static str,
    },
}

impl Model {
    /// Duplicates and dead ends: what compiles and is most likely a mistake.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = self.shared_names();
        for aggregate in &self.aggregates {
            findings.extend(dead_ends(aggregate));
        }
        let orphans =
            self.past.iter().filter(|past| !past.retired && !self.is_upcast(past.name, past.version));
        findings.extend(orphans.map(|past| Finding::NeverApplied {
            event: past.name,
            version: past.version,
            path: past.path,
        }));
        findings
    }

    fn shared_names(&self) -> Vec<Finding> {
        let aggregates = self.aggregates.iter().map(|aggregate| (aggregate.name, aggregate.path));
        let commands = self.aggregates.iter().flat_map(AggregateModel::commands);
        let commands = commands.map(|command| (command.name, command.path));
        let events = self.aggregates.iter().flat_map(AggregateModel::events);
        let events = events.map(|event| ((event.name, event.version), event.type_name));
        let past = self.past.iter().map(|past| ((past.name, past.version), past.path));
        let projections = self.projections.iter().map(|projection| (projection.name, projection.path));
        let mut findings = Vec::new();
        let shared = several(aggregates);
        findings.extend(shared.map(|(name, types)| Finding::SharedAggregateName { name, types }));
        findings.extend(several(commands).map(|(name, types)| Finding::SharedCommandName { name, types }));
        let shared = several(projections);
        findings.extend(shared.map(|(name, types)| Finding::SharedProjectionName { name, types }));
        let reactors = self.reactors.iter().map(|reactor| (reactor.name, reactor.path));
        findings.extend(several(reactors).map(|(name, types)| Finding::SharedReactorName { name, types }));
        let shared = several(events.chain(past));
        findings.extend(shared.map(|((name, version), types)| Finding::SharedEventName {
            name,
            version,
            types,
        }));
        findings
    }

    /// Whether an applied event, or a retired one, is read from this older version.
    fn is_upcast(&self, name: &str, version: u16) -> bool {
        let applied = self.aggregates.iter().flat_map(AggregateModel::events);
        let applied = applied.map(|event| (event.name, event.oldest, event.version));
        let past = self.past.iter().map(|past| (past.name, past.oldest, past.version));
        applied
            .chain(past)
            .any(|(newer, oldest, newest)| newer == name && (oldest..newest).contains(&version))
    }
}

fn dead_ends(aggregate: &AggregateModel) -> Vec<Finding> {
    let raised = |event: &str| aggregate.commands.iter().any(|command| command.raises.contains(&event));
    let unraised = aggregate.events.iter().filter(|event| !event.retired && !raised(event.name));
    let silent = aggregate.commands.iter().filter(|command| command.raises.is_empty());
    let unraised =
        unraised.map(|event| Finding::NeverRaised { aggregate: aggregate.name, event: event.name });
    let silent =
        silent.map(|command| Finding::RaisesNothing { aggregate: aggregate.name, command: command.name });
    unraised.chain(silent).collect()
}

/// The keys that stand for several types, each with its types.
fn several<K: Ord>(
    named: impl Iterator<Item = (K, &'static str)>,
) -> impl Iterator<Item = (K, Vec<&'static str>)> {
    let mut types: BTreeMap<K, Vec<&'static str>> = BTreeMap::new();
    for (key, ty) in named {
        let known = types.entry(key).or_default();
        if !known.contains(&ty) {
            known.push(ty);
        }
    }
    types.into_iter().filter(|(_, types)| types.len() > 1)
}
