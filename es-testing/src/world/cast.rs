//! Who plays: the aggregates that are mounted and the services that are given.

use super::Gate;
use crate::clock::VirtualClock;
use crate::fault::Fault;
use es_core::{__testing as inside, App, AppBuilder, Applier};
use std::sync::Arc;

type Part = Arc<dyn Fn(AppBuilder<Gate>) -> AppBuilder<Gate> + Send + Sync>;

/// What every app of a scenario is built of.
#[derive(Clone, Default)]
pub(crate) struct Cast {
    parts: Vec<Part>,
    /// The commands that are given. Only their handlers need their services.
    commands: Vec<&'static str>,
    /// Whether it is an app as it goes into production, which has all that it needs.
    whole: bool,
}

impl Cast {
    /// All that this function mounts.
    pub(crate) fn whole(
        mount: impl Fn(AppBuilder<Gate>) -> AppBuilder<Gate> + Send + Sync + 'static,
    ) -> Self {
        Self { parts: vec![Arc::new(mount)], commands: Vec::new(), whole: true }
    }

    /// Mounts an aggregate; twice does no harm.
    pub(crate) fn mount<A: Applier>(&mut self) {
        self.parts.push(Arc::new(AppBuilder::aggregate::<A>));
    }

    /// Provides a service.
    pub(crate) fn provide<T: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<T>) {
        self.parts.push(Arc::new(move |builder| builder.service::<T>(service.clone())));
    }

    /// Whether this command is new here.
    pub(crate) fn admit(&mut self, command: &'static str) -> bool {
        let new = !self.commands.contains(&command);
        if new {
            self.commands.push(command);
        }
        new
    }

    /// An app that has seen nothing yet.
    pub(crate) async fn app(&self, store: Gate, clock: &VirtualClock) -> Result<App, Fault> {
        let builder = self.parts.iter().fold(App::builder(store), |builder, part| part(builder));
        let mut builder = builder.clock(clock.clone());
        if !self.whole {
            builder = inside::requiring(builder, self.commands.clone());
        }
        builder.build().await.map_err(|error| Fault::new(error.to_string()))
    }
}
