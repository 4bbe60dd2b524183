//! Projections at run time: their builds beside each other, and what readers see of them.

mod build;
mod control;
mod copy;
mod documents;
mod drift;
mod error;
mod events;
mod inline;
mod ledger;
mod read;
mod retired;
mod rows;
mod sheet;
#[cfg(test)]
mod tests;
mod turn;

pub use copy::ScratchCopy;
pub use error::{DocumentError, ProjectionError};
pub use read::Documents;

use super::Follower;
use crate::app::App;
use crate::projection::{Document, Projection, Rows};
use crate::service::BoxFuture;
use crate::store::{BuildTables, EventStore, InlineProjection, RowStore};
use build::{BuildFollower, Kind, Shared};
use control::Control;
use error::chain;
use jiff::Timestamp;
use ledger::Ledger;
use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A projection that runs in an app.
pub(crate) trait Projecting: Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Its type, and what that is called.
    fn of_type(&self) -> (TypeId, &'static str);
    /// As a commit takes it along, if it is written in the transaction of the commit.
    fn inline(&self) -> Option<Arc<dyn InlineProjection>>;
    /// Where its builds are written down.
    fn control(&self) -> &Control;
    /// Its builds of this version, the oldest first. They change with a rebuild and with a switch.
    fn followers(&self) -> Vec<Arc<dyn Follower>>;
    /// Looks which builds there are by now: other processes begin some, too.
    fn look(&self) -> BoxFuture<'_, Result<(), ProjectionError>>;
    /// Enters the build of its version; the answer is a fault of the app.
    fn open(&self) -> BoxFuture<'_, Result<(), String>>;
    /// Begins another build of its version, which takes the place of the live one.
    fn rebuild(&self) -> BoxFuture<'_, Result<(), ProjectionError>>;
    /// Builds a copy of what it was at a time.
    fn rebuild_until(&self, time: Timestamp) -> BoxFuture<'_, Result<ScratchCopy, ProjectionError>>;
    /// The keys whose documents are not what the log gives.
    fn drift(&self) -> BoxFuture<'_, Result<Vec<String>, ProjectionError>>;
}

/// A projection on its way into an app.
#[doc(hidden)]
pub struct Mounted(Arc<dyn Projecting>);

impl Mounted {
    /// One that keeps documents.
    pub(crate) fn documents<P: Document>(store: Arc<dyn EventStore>) -> Self {
        let kind = documents::Documents::<P>::new(store.clone());
        let control = Control { store, name: P::NAME };
        Self(Arc::new(MountedKind { shared: Arc::new(Shared::new(kind, control)) }))
    }

    /// One that keeps rows.
    pub(crate) fn rows<P: Rows<Tx: BuildTables>>(store: &Arc<impl RowStore<Tx = P::Tx>>) -> Self {
        let kind = rows::InRows { store: store.clone(), projection: Arc::new(P::default()) };
        let control = Control { store: store.clone(), name: P::NAME };
        Self(Arc::new(MountedKind { shared: Arc::new(Shared::new(kind, control)) }))
    }

    pub(crate) fn into_inner(self) -> Arc<dyn Projecting> {
        self.0
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mounted").field(&self.0.name()).finish()
    }
}

/// A projection of one kind.
struct MountedKind<K> {
    shared: Arc<Shared<K>>,
}

impl<K: Kind> Projecting for MountedKind<K> {
    fn name(&self) -> &'static str {
        K::Projection::NAME
    }
    fn of_type(&self) -> (TypeId, &'static str) {
        (TypeId::of::<K::Projection>(), std::any::type_name::<K::Projection>())
    }
    fn inline(&self) -> Option<Arc<dyn InlineProjection>> {
        K::Projection::INLINE.then(|| self.shared.clone() as Arc<dyn InlineProjection>)
    }
    fn control(&self) -> &Control {
        &self.shared.control
    }
    fn followers(&self) -> Vec<Arc<dyn Follower>> {
        let follower = |id| -> Arc<dyn Follower> {
            let build = self.shared.control.build(id);
            Arc::new(BuildFollower { shared: self.shared.clone(), build })
        };
        self.shared.builds().into_iter().map(follower).collect()
    }
    fn look(&self) -> BoxFuture<'_, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.shared.learn(&self.shared.control.known().await?.ledger);
            Ok(())
        })
    }
    fn open(&self) -> BoxFuture<'_, Result<(), String>> {
        let (name, version) = (K::Projection::NAME, K::Projection::VERSION);
        let fingerprint = K::Projection::FINGERPRINT;
        Box::pin(async move {
            if let Some(fault) = K::fault() {
                return Err(fault);
            }
            let opened = self.shared.change(move |ledger| {
                let Some(ledger) = ledger else { return Ok(Ledger::new(version, fingerprint)) };
                match ledger.other_shape(version, fingerprint) {
                    None => Ok(ledger.clone().opened(version, fingerprint)),
                    Some(next) => Err(ProjectionError::Failed {
                        name,
                        reason: format!(
                            "its key, its document or its `inline` is not as version {version} was built: \
                             say `#[projection(.., version = {next})]`, and it is built anew beside the old one"
                        ),
                    }),
                }
            });
            opened.await.map_err(|error| chain(&error))?;
            self.shared.make().await.map_err(|error| chain(&error))
        })
    }
    fn rebuild(&self) -> BoxFuture<'_, Result<(), ProjectionError>> {
        Box::pin(self.shared.change(|ledger| {
            let (version, fingerprint) = (K::Projection::VERSION, K::Projection::FINGERPRINT);
            Ok(match ledger {
                Some(ledger) => ledger.clone().rebuilt(version, fingerprint),
                None => Ledger::new(version, fingerprint),
            })
        }))
    }
    fn rebuild_until(&self, time: Timestamp) -> BoxFuture<'_, Result<ScratchCopy, ProjectionError>> {
        Box::pin(copy::build(&self.shared, time))
    }
    fn drift(&self) -> BoxFuture<'_, Result<Vec<String>, ProjectionError>> {
        Box::pin(async move {
            let version = K::Projection::VERSION;
            let ledger = self.shared.control.known().await?.ledger;
            let build = ledger.to_compare(version).ok_or_else(|| ProjectionError::Failed {
                name: K::Projection::NAME,
                reason: format!(
                    "no build of version {version} is kept any more: another one has taken its place"
                ),
            })?;
            self.shared.kind.drift(&self.shared.control.build(build)).await
        })
    }
}

/// What is wrong with the projections of an app before the store is asked.
pub(crate) fn check(projections: &[Arc<dyn Projecting>], faults: &mut Vec<String>) {
    let mut names = HashMap::new();
    for projection in projections {
        let (name, (_, this)) = (projection.name(), projection.of_type());
        if let Some(other) = names.insert(name, this) {
            faults.push(if other == this {
                format!("projection {this} is mounted twice")
            } else {
                format!(
                    "projections {other} and {this} are both named \"{name}\": give one another name, \
                     as in `#[projection(name = \"other_{name}\")]`"
                )
            });
        }
    }
}

/// Enters the builds of all projections.
pub(crate) async fn open(projections: &[Arc<dyn Projecting>], faults: &mut Vec<String>) {
    for projection in projections {
        if let Err(fault) = projection.open().await {
            faults.push(fault);
        }
    }
}

impl App {
    /// Builds a projection anew, beside the build that is read, from the first event. A running app, or a
    /// drain, takes it along the log; it is read as soon as it has come as far as the old one, which is then
    /// forgotten.
    ///
    /// # Errors
    /// [`ProjectionError::NotMounted`], or what the store says.
    pub async fn rebuild(&self, name: &str) -> Result<(), ProjectionError> {
        self.projection_named(name)?.rebuild().await?;
        self.hub().followers_changed();
        Ok(())
    }

    /// Builds a copy of a projection from the events that were recorded at or before `time`. It stands beside
    /// the builds and is nobody's to read but through the answer.
    ///
    /// # Errors
    /// [`ProjectionError`]: it is not mounted, it keeps rows, a method fails, or the store does not answer.
    pub async fn rebuild_until(&self, name: &str, time: Timestamp) -> Result<ScratchCopy, ProjectionError> {
        self.projection_named(name)?.rebuild_until(time).await
    }

    /// Compares what is kept with what the log gives, up to where the projection has come. The answer is the
    /// text of every key whose document differs, is missing, or should not be there; nothing is repaired.
    ///
    /// What is compared is the build of this app's version: the one that is read, or, while another version is
    /// read, the newest one. The documents are held in memory for it, all of them. A document that was written
    /// ahead of the projection, as the first part of a step that was too large for one write, is passed over
    /// until the projection has come to it.
    ///
    /// # Errors
    /// [`ProjectionError`]: it is not mounted, it keeps rows, a method fails, or the store does not answer.
    pub async fn matches_events(&self, name: &str) -> Result<Vec<String>, ProjectionError> {
        self.projection_named(name)?.drift().await
    }

    fn projection_named(&self, name: &str) -> Result<&Arc<dyn Projecting>, ProjectionError> {
        let found = self.projections().iter().find(|projection| projection.name() == name);
        found.ok_or_else(|| ProjectionError::NotMounted { name: name.to_owned() })
    }

    fn projecting<P: Projection>(&self) -> Result<&Arc<dyn Projecting>, DocumentError> {
        let found = self.projections().iter().find(|projection| projection.of_type().0 == TypeId::of::<P>());
        found.ok_or(DocumentError::NotMounted { projection: P::NAME })
    }
}
