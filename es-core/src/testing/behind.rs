//! What runs behind an app, and what it still has to do.

use crate::app::App;
use crate::id::Position;
use crate::store::Filter;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A reactor that an app runs, with the names of what is stored for it.
#[derive(Clone, Debug)]
pub struct Follows {
    /// Its name.
    pub name: &'static str,
    /// Its lease and its checkpoint.
    pub processor: Arc<str>,
    /// Where it began: the position of the only document.
    pub origin: Arc<str>,
    /// The documents of its keys.
    pub keys: Arc<str>,
    /// What it has set aside.
    pub parked: Arc<str>,
    /// The events that it is for.
    pub filter: Filter,
}

/// The reactors of an app that follow the log.
pub fn reactors(app: &App) -> Vec<Follows> {
    let mounted = app.reactors().iter();
    mounted
        .map(|mount| Follows {
            name: mount.name,
            processor: mount.names.processor.clone(),
            origin: mount.names.origin.clone(),
            keys: mount.names.keys.clone(),
            parked: mount.names.parked.clone(),
            filter: mount.follower.filter().clone(),
        })
        .collect()
}

/// The names of an app's projections.
pub fn projections(app: &App) -> Vec<&'static str> {
    app.projections().iter().map(|projection| projection.name()).collect()
}

/// What a reactor keeps for a key, as far as others than itself look at it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Armed {
    /// Commands that are issued and not carried out yet, in their order.
    #[serde(default)]
    pub pending: Vec<Asked>,
    /// By name.
    #[serde(default)]
    pub timers: BTreeMap<String, Waits>,
}

/// A command that a reactor issues.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    /// The id that it is carried out under.
    pub id: crate::id::CommandId,
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Value,
    /// What it answers.
    pub origin: Origin,
    /// The timer that it comes from, if it does.
    #[serde(default)]
    pub timer: Option<String>,
}

/// The event that a command answers.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Origin {
    /// Its place in the log.
    pub position: Position,
}

/// A timer that is set.
#[derive(Clone, Debug, Deserialize)]
pub struct Waits {
    /// When it fires.
    pub due: Timestamp,
    /// What it issues then.
    pub command: Asked,
}
