//! Reactors in the model: which event leads to which command.

use super::registry::{ReactionRecord, ReactorRecord};
use crate::incoming::Takes;
use serde::Serialize;
use std::collections::HashSet;

/// One reactor.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReactorModel {
    /// Its name.
    pub name: &'static str,
    /// The type's path in the source.
    pub path: &'static str,
    /// The version of its state and keys.
    pub version: u32,
    /// Whether its commands join the commit that they answer.
    pub inline: bool,
    reactions: Vec<ReactionModel>,
}

/// One method of a reactor: the edge from what it answers to the commands that it issues.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReactionModel {
    /// The method's name.
    pub method: &'static str,
    /// What it answers.
    pub on: Trigger,
    /// The names of the commands that its signature can issue, at once or by a timer, each once.
    pub issues: Vec<&'static str>,
    /// Whether these are all: `Commands` does not say what it will hold.
    pub known: bool,
    /// The services that it takes.
    pub services: Vec<&'static str>,
}

/// What a reactor's method answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trigger {
    /// The event of this name.
    Event(&'static str),
    /// Every event.
    AnyEvent,
    /// That a command of this name, which the reactor issued, was refused.
    Refused(&'static str),
}

impl ReactorModel {
    /// Its methods, in written order.
    pub fn reactions(&self) -> impl Iterator<Item = &ReactionModel> {
        self.reactions.iter()
    }

    pub(super) fn of(record: &ReactorRecord) -> Self {
        Self {
            name: record.name,
            path: record.path,
            version: record.version,
            inline: record.inline,
            reactions: (record.reactions)().into_iter().map(ReactionModel::of).collect(),
        }
    }
}

impl ReactionModel {
    fn of(record: ReactionRecord) -> Self {
        let mut issues = record.issues;
        let mut seen = HashSet::new();
        issues.retain(|name| seen.insert(*name));
        Self {
            method: record.method,
            on: match record.takes {
                Takes::Event { info, .. } => Trigger::Event(info.name),
                Takes::Any => Trigger::AnyEvent,
                Takes::Refused { command } => Trigger::Refused(command),
            },
            issues,
            known: record.known,
            services: record.services.iter().map(|need| need.name).collect(),
        }
    }
}
