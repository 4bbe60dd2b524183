//! From a store to an app: what runs here is listed here, and checked before anything runs.

use super::cache::StateCache;
use super::clock::{Clock, SystemClock};
use super::edit::{self, TryEdit};
use super::inline::Inlines;
use super::queue::Queues;
use super::{App, Core, ServicesHandle};
use crate::aggregate::Applier;
use crate::model::registry::{self, ApplierRecord, HandlerRecord};
use crate::projection::{MountKind, MountOn};
use crate::reactor::React;
use crate::runtime::{self, Hub, Mount, Mounted as MountedProjection};
use crate::service::{Service, ServiceNeed, Services};
use crate::store::EventStore;
use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// How many states an app keeps in memory unless it is told otherwise.
const DEFAULT_CACHE: usize = 10_000;

/// An app before it is built. Made by [`App::builder`].
#[must_use = "an app is there once `build` was awaited"]
pub struct AppBuilder<S> {
    store: S,
    clock: Arc<dyn Clock>,
    cache: usize,
    mounted: Vec<Mounted>,
    reactors: Vec<Mount>,
    projections: Vec<fn(&Arc<S>) -> MountedProjection>,
    services: Services,
    late: Vec<LateService>,
    /// The commands whose services have to be there; all of them if it does not say.
    pub(crate) services_of: Option<Vec<&'static str>>,
}

/// A service that is made from the app itself.
struct LateService {
    type_id: TypeId,
    make: MakeService,
}

/// Handlers by the names of their commands.
type Handlers = HashMap<&'static str, &'static HandlerRecord>;

type MakeService = Box<dyn FnOnce(App, &mut Services) + Send>;

/// An aggregate that runs in this app.
pub(crate) struct Mounted {
    pub(super) name: &'static str,
    pub(super) type_id: TypeId,
    type_name: &'static str,
    pub(super) try_edit: TryEdit,
}

impl<S: EventStore> AppBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            cache: DEFAULT_CACHE,
            mounted: Vec::new(),
            reactors: Vec::new(),
            projections: Vec::new(),
            services: Services::default(),
            late: Vec::new(),
            services_of: None,
        }
    }

    /// Mounts an aggregate, with its appliers and all its handlers.
    pub fn aggregate<A: Applier>(mut self) -> Self {
        if !self.mounted.iter().any(|mounted| mounted.type_id == TypeId::of::<A>()) {
            self.mounted.push(Mounted {
                name: A::NAME,
                type_id: TypeId::of::<A>(),
                type_name: std::any::type_name::<A>(),
                try_edit: edit::try_edit::<A>,
            });
        }
        self
    }

    /// Mounts a reactor. It runs once the app is [started](App::start) or [drained](App::drain).
    pub fn reactor<R: React>(mut self) -> Self {
        let mount = Mount::of::<R>();
        if !self.reactors.iter().any(|other| other.type_name == mount.type_name) {
            self.reactors.push(mount);
        }
        self
    }

    /// Runs a projection: a read model that follows the log.
    pub fn projection<P: MountOn<S>>(mut self) -> Self {
        self.projections.push(<P::Kind as MountKind<P, S>>::mount);
        self
    }

    /// Provides a service to the handlers that take a `&T`; a second one of the same type replaces it.
    pub fn service<T: ?Sized + Service>(mut self, service: Arc<T>) -> Self {
        self.services.insert(service);
        self
    }

    /// Provides a service that is made from the app. It gets an app that does not keep the app alive.
    pub fn service_with<T: ?Sized + Service>(
        mut self,
        make: impl FnOnce(App) -> Arc<T> + Send + 'static,
    ) -> Self {
        let make = Box::new(|app, services: &mut Services| services.insert(make(app)));
        self.late.push(LateService { type_id: TypeId::of::<T>(), make });
        self
    }

    /// Takes the time from this clock instead of the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Keeps at most this many states in memory; 0 keeps none. The default is 10,000.
    pub fn cache(mut self, states: usize) -> Self {
        self.cache = states;
        self
    }

    /// Checks the model, and enters in the store what is not known to it: where reactors begin, and the builds
    /// that projections are kept in. Starts nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] with every fault that was found.
    pub async fn build(self) -> Result<App, BuildError> {
        let mut faults = Vec::new();
        let appliers = self.check_aggregates(&mut faults);
        check_events(&appliers, &mut faults);
        let handlers = self.check_handlers(&mut faults);
        self.check_reactors(&handlers, &mut faults);
        let store = Arc::new(self.store);
        let projections: Vec<_> = self.projections.iter().map(|mount| mount(&store).into_inner()).collect();
        runtime::check(&projections, &mut faults);
        runtime::check_names(&self.reactors, &projections, &mut faults);
        if !store.capabilities().inline {
            runtime::check_inline(&self.reactors, &projections, &mut faults);
        }
        if faults.is_empty() {
            for mount in &self.reactors {
                faults.extend(mount.register(&*store).await.err());
            }
            runtime::open(&projections, &mut faults).await;
        }
        if !faults.is_empty() {
            return Err(BuildError { faults });
        }
        let inlines = inlines(&self.reactors, &self.mounted);
        let core = Core {
            store,
            clock: self.clock,
            cache: StateCache::new(self.cache),
            queues: Queues::new(),
            mounted: self.mounted,
            handlers,
            reactors: self.reactors,
            inlines,
            hub: Hub::new(),
            projections,
        };
        let services = Arc::new(OnceLock::new());
        let app = App { core: Arc::new(core), services: ServicesHandle::Owned(services.clone()) };
        let mut provided = self.services;
        for late in self.late {
            (late.make)(app.inside_of_a_service(), &mut provided);
        }
        // Set once, here; nobody else has the lock yet but apps inside of services, which only read it.
        let _ = services.set(provided);
        let mut faults = Vec::new();
        for mount in app.reactors().iter().filter(|mount| mount.folds_first()) {
            faults.extend(mount.fold_past(&app).await.err());
        }
        if faults.is_empty() { Ok(app) } else { Err(BuildError { faults }) }
    }

    /// Names that two mounted aggregates share, and the appliers of all.
    fn check_aggregates(&self, faults: &mut Vec<String>) -> Vec<(&'static str, ApplierRecord)> {
        let mut names: HashMap<&str, &str> = HashMap::new();
        for mounted in &self.mounted {
            if let Some(other) = names.insert(mounted.name, mounted.type_name) {
                let (name, this) = (mounted.name, mounted.type_name);
                faults.push(format!(
                    "aggregates {other} and {this} are both named \"{name}\": give one another name, \
                     as in `#[aggregate(name = \"other_{name}\")]`"
                ));
            }
        }
        let records = registry::aggregates();
        let mounted = records.iter().filter(|record| self.mounts(record.type_id));
        mounted.flat_map(|record| record.appliers.iter().map(|applier| (record.name, *applier))).collect()
    }

    /// The handlers of what is mounted, by command name; and services that nobody provided.
    fn check_handlers(&self, faults: &mut Vec<String>) -> Handlers {
        let mut handlers = Handlers::new();
        for handler in registry::handlers().into_iter().filter(|handler| self.mounts(handler.type_id)) {
            if let Some(other) = handlers.insert(handler.command, handler) {
                let (name, a, b) = (handler.command, other.path, handler.path);
                let proposal = format!("{}.{name}", handler.aggregate);
                faults.push(format!(
                    "commands {a} and {b} are both named \"{name}\": give one another name, \
                     as in `#[command(.., name = \"{proposal}\")]`"
                ));
            }
            if self.services_of.as_ref().is_some_and(|asked| !asked.contains(&handler.command)) {
                continue;
            }
            for need in handler.services {
                if !self.provides(need) {
                    let (service, command, aggregate) = (need.name, handler.command, handler.aggregate);
                    faults.push(format!(
                        "the handler of {command} in {aggregate} takes `&{service}` and nobody provides it: \
                         add `.service::<{service}>(Arc::new(..))`"
                    ));
                }
            }
        }
        handlers
    }

    fn provides(&self, need: &ServiceNeed) -> bool {
        (need.provided)(&self.services) || self.late.iter().any(|late| late.type_id == need.type_id)
    }

    /// Names that two reactors share, services that nobody provides, commands that nobody handles.
    fn check_reactors(&self, handlers: &Handlers, faults: &mut Vec<String>) {
        let mut names: HashMap<&str, &str> = HashMap::new();
        for mount in &self.reactors {
            let (name, this) = (mount.name, mount.type_name);
            if let Some(other) = names.insert(name, this) {
                faults.push(format!(
                    "reactors {other} and {this} are both named \"{name}\": give one another name, \
                     as in `#[reactor(name = \"other_{name}\")]`"
                ));
            }
            for command in mount.inline.iter().flat_map(|inline| inline.issues()) {
                let handler = handlers.get(command);
                if let Some(need) = handler.and_then(|handler| handler.services.first()) {
                    let service = need.name;
                    faults.push(format!(
                        "the reactor {name} is inline, and the handler of {command} takes `&{service}`, which \
                         would be called with each attempt at the commit: remove `inline`, or issue a command \
                         without services"
                    ));
                }
            }
            for need in mount.services.iter().filter(|need| !self.provides(need)) {
                let service = need.name;
                faults.push(format!(
                    "the reactor {name} takes `&{service}` and nobody provides it: \
                     add `.service::<{service}>(Arc::new(..))`"
                ));
            }
            for command in mount.commands.iter().filter(|command| !handlers.contains_key(**command)) {
                faults.push(format!(
                    "the reactor {name} issues {command}, which no mounted aggregate handles: \
                     add `.aggregate::<..>()` of the one that does"
                ));
            }
        }
    }

    fn mounts(&self, type_id: TypeId) -> bool {
        self.mounted.iter().any(|mounted| mounted.type_id == type_id)
    }
}

/// The reactors that commits meet, and the aggregates whose events some of them takes.
fn inlines(reactors: &[Mount], mounted: &[Mounted]) -> Inlines {
    let reactors: Vec<_> = reactors.iter().filter_map(|mount| mount.inline.clone()).collect();
    let is_met = |type_id: TypeId| {
        let records = registry::aggregates().into_iter().filter(move |record| record.type_id == type_id);
        let mut events = records.flat_map(|record| record.appliers).map(|applier| applier.event.name);
        events.any(|event| reactors.iter().any(|reactor| reactor.takes(event)))
    };
    let aggregates = mounted.iter().map(|mounted| mounted.type_id).filter(|type_id| is_met(*type_id));
    Inlines { aggregates: aggregates.collect(), reactors }
}

/// Event types that are stored alike, or that would be read for one another in their aggregate: by a former
/// name, or in an older version.
fn check_events(appliers: &[(&'static str, ApplierRecord)], faults: &mut Vec<String>) {
    let mut types = HashMap::new();
    let mut told = HashSet::new();
    for (aggregate, applier) in appliers {
        let (event, this) = (applier.event, (applier.type_name)());
        let names = std::iter::once(&event.name).chain(event.aliases);
        let read = names.flat_map(|name| {
            (applier.oldest..=event.version).map(move |version| (Some(*aggregate), *name, version))
        });
        for key in std::iter::once((None, event.name, event.version)).chain(read) {
            let other = *types.entry(key).or_insert(this);
            if other != this && told.insert((other, this)) {
                let (_, name, version) = key;
                let proposal = format!("{aggregate}.{}", event.name.to_lowercase());
                faults.push(format!(
                    "events {other} and {this} are both stored as \"{name}\", version {version}: give one another \
                     name, as in `#[event(name = \"{proposal}\")]`"
                ));
            }
        }
    }
}

impl<S> fmt::Debug for AppBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounted: Vec<_> = self.mounted.iter().map(|mounted| mounted.name).collect();
        f.debug_struct("AppBuilder").field("aggregates", &mounted).finish_non_exhaustive()
    }
}

/// Why an app was not built: every fault, not the first.
#[derive(Debug, thiserror::Error)]
#[error("the app cannot be built:\n{}", list(faults))]
pub struct BuildError {
    faults: Vec<String>,
}

impl BuildError {
    /// What is wrong, a sentence each.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

fn list(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("- {fault}")).collect::<Vec<_>>().join("\n")
}
