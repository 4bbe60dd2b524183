//! The application: commands in, states out, over a store.

mod all;
mod answer;
mod append;
mod attempt;
mod builder;
mod cache;
mod clock;
mod copies;
mod decide;
mod edit;
mod execute;
mod follow;
mod group;
mod inline;
mod json;
mod load;
mod loaded;
mod lost;
mod offer;
mod queue;
mod share;
mod subscribe;
mod would;

pub use all::CommandGroup;
pub use builder::{AppBuilder, BuildError};
pub use clock::{Clock, SystemClock};
pub use edit::EditError;
pub(crate) use execute::run;
pub use execute::{Committed, Execute, Options};
pub use inline::DecideInner;
pub(crate) use inline::{Inlines, decide_inner};
pub use json::JsonCommand;
pub(crate) use json::execute_value;
pub use load::AsOf;
pub use loaded::Loaded;
pub use subscribe::{SubscribeFrom, Subscription, SubscriptionError};

use crate::aggregate::Aggregate;
use crate::error::LoadError;
use crate::model::registry::HandlerRecord;
use crate::runtime::{Follower, Hub, Mount, Projecting};
use crate::service::Services;
use crate::store::EventStore;
use builder::Mounted;
use cache::StateCache;
use jiff::Timestamp;
use queue::Queues;
use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

/// An application over a store: it carries out commands and answers what became of them.
///
/// Cheap to clone, without type parameters, and every future it returns can be spawned. The futures run on a
/// tokio runtime with its timers on: retries and queues wait by them.
#[derive(Clone)]
pub struct App {
    core: Arc<Core>,
    services: ServicesHandle,
}

struct Core {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    cache: StateCache,
    queues: Arc<Queues>,
    mounted: Vec<Mounted>,
    handlers: HashMap<&'static str, &'static HandlerRecord>,
    reactors: Vec<Mount>,
    inlines: Inlines,
    hub: Hub,
    projections: Vec<Arc<dyn Projecting>>,
}

/// The services, and whether this app keeps them. An app inside of a service does not: the two would keep
/// each other alive for ever.
#[derive(Clone)]
enum ServicesHandle {
    Owned(Arc<OnceLock<Services>>),
    Inside(Weak<OnceLock<Services>>),
}

impl App {
    /// Begins an app over this store.
    pub fn builder<S: EventStore>(store: S) -> AppBuilder<S> {
        AppBuilder::new(store)
    }

    pub(crate) fn store(&self) -> &dyn EventStore {
        &*self.core.store
    }

    fn cache(&self) -> &StateCache {
        &self.core.cache
    }

    fn queues(&self) -> &Arc<Queues> {
        &self.core.queues
    }

    pub(crate) fn handlers(&self) -> &HashMap<&'static str, &'static HandlerRecord> {
        &self.core.handlers
    }

    /// The projections that run here.
    pub(crate) fn projections(&self) -> &[Arc<dyn Projecting>] {
        &self.core.projections
    }

    pub(crate) fn now(&self) -> Timestamp {
        clock::whole_micros(self.core.clock.now())
    }

    pub(crate) fn services(&self) -> Arc<OnceLock<Services>> {
        match &self.services {
            ServicesHandle::Owned(services) => services.clone(),
            ServicesHandle::Inside(services) => services.upgrade().unwrap_or_default(),
        }
    }

    /// The reactors that answer events before they are appended.
    fn inlines(&self) -> &Inlines {
        &self.core.inlines
    }

    /// What runs behind this app, and where.
    pub(crate) fn hub(&self) -> &Hub {
        &self.core.hub
    }

    pub(crate) fn reactors(&self) -> &[Mount] {
        &self.core.reactors
    }

    /// Everything that follows the log for this app, at this moment.
    pub(crate) fn followers(&self) -> Vec<Arc<dyn Follower>> {
        let reactors = self.core.reactors.iter().map(|mount| mount.follower.clone());
        reactors.chain(self.core.projections.iter().flat_map(|projection| projection.followers())).collect()
    }

    fn inside_of_a_service(&self) -> Self {
        let services = match &self.services {
            ServicesHandle::Owned(services) => Arc::downgrade(services),
            ServicesHandle::Inside(services) => services.clone(),
        };
        Self { core: self.core.clone(), services: ServicesHandle::Inside(services) }
    }

    /// Makes sure that an aggregate runs here.
    fn mounted<A: Aggregate>(&self) -> Result<(), LoadError> {
        let wanted = TypeId::of::<A>();
        if self.core.mounted.iter().any(|mounted| mounted.type_id == wanted) {
            Ok(())
        } else {
            Err(LoadError::NotMounted { aggregate: A::NAME })
        }
    }

    fn mounted_by_name(&self, name: &str) -> Option<&Mounted> {
        self.core.mounted.iter().find(|mounted| mounted.name == name)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounted: Vec<_> = self.core.mounted.iter().map(|mounted| mounted.name).collect();
        f.debug_struct("App").field("aggregates", &mounted).finish_non_exhaustive()
    }
}
