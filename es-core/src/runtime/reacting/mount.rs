//! A reactor as an app mounts it, and what is checked about it before anything runs.

use super::inline::InlineReactor;
use super::methods::Of;
use super::{Inner, Names, Reacting, origin, past};
use crate::app::App;
use crate::incoming::Takes;
use crate::joining::{Joined, Mode};
use crate::reactor::{From, React};
use crate::runtime::Follower;
use crate::service::ServiceNeed;
use crate::store::{EventStore, Filter};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

/// A reactor that is mounted.
pub(crate) struct Mount {
    pub name: &'static str,
    pub type_name: &'static str,
    pub version: u32,
    pub names: Names,
    /// The services that its methods take.
    pub services: Vec<ServiceNeed>,
    /// The commands that it issues or takes the refusal of, as far as they are known.
    pub commands: BTreeSet<&'static str>,
    /// As commits meet it, if it is inline.
    pub inline: Option<Arc<InlineReactor>>,
    pub from: From,
    pub fingerprint: u64,
    pub keeps_state: bool,
    pub follower: Arc<dyn Follower>,
    reacting: Arc<Reacting>,
}

impl Mount {
    /// The reactor `R`.
    pub fn of<R: React>() -> Self {
        let (mut services, mut issues, mut joined) = (Vec::new(), Vec::new(), Joined::default());
        for method in R::METHODS {
            (method.services)(&mut services);
            (method.issues)(&mut issues);
            (method.joins)(&mut joined);
            if let Takes::Refused { command } = method.takes {
                issues.push(command);
            }
        }
        let names = Names::of(R::NAME, R::VERSION);
        let keeps_state = R::SPEC.state.is_some();
        let is_inline = R::Mode::INLINE;
        let inner = Arc::new(Inner {
            name: R::NAME,
            names: names.clone(),
            filter: filter::<R>(),
            retry: R::SPEC.retry,
            on_failure: R::SPEC.on_failure,
            keeps_state,
            keeps_documents: !is_inline || keeps_state || joined.timers,
            inline: is_inline,
            methods: Box::new(Of::<R>(PhantomData)),
        });
        let reacting = Arc::new(Reacting::new(inner.clone()));
        let deciders = joined.deciders;
        Self {
            name: R::NAME,
            type_name: std::any::type_name::<R>(),
            version: R::VERSION,
            names,
            services,
            commands: issues.into_iter().collect(),
            inline: is_inline.then(|| Arc::new(InlineReactor::new(inner, deciders))),
            from: R::SPEC.from,
            fingerprint: R::SPEC.fingerprint,
            keeps_state,
            follower: reacting.clone(),
            reacting,
        }
    }

    /// Enters it in the store, unless it is there.
    ///
    /// # Errors
    /// What is to be said about it when the app is built.
    pub async fn register(&self, store: &dyn EventStore) -> Result<(), String> {
        origin::register(store, self).await
    }

    /// Whether it keeps a state that commits are decided on, and so has to know the past before the first.
    pub fn folds_first(&self) -> bool {
        self.inline.is_some() && self.keeps_state
    }

    /// Folds what no commit of it has met: the past, before the app is there.
    ///
    /// # Errors
    /// What is to be said about it when the app is built.
    pub async fn fold_past(&self, app: &App) -> Result<(), String> {
        let folded = past::fold(app, &self.reacting).await;
        folded.map_err(|why| format!("the reactor {} cannot fold the past: {why}", self.name))
    }
}

/// The events that its methods take, by every name that they ever had.
fn filter<R: React>() -> Filter {
    let mut names = BTreeSet::new();
    for method in R::METHODS {
        match method.takes {
            Takes::Any => return Filter::default(),
            Takes::Event { info, .. } => {
                names.extend(std::iter::once(info.name).chain(info.aliases.iter().copied()));
            }
            Takes::Refused { .. } => {}
        }
    }
    Filter { names: names.into_iter().map(str::to_owned).collect(), ..Filter::default() }
}
